"""The options of every export that writes map coordinates."""

from dataclasses import dataclass

from nerfseg_ns.core.georeference import Georeference, MapProjection
from nerfseg_ns.evaluation.trained_run import LoadedRun


@dataclass(kw_only=True)
class PlaceOptions:
    """Where on the Earth, and in which map coordinates."""

    crs: str | None = None
    """Projected coordinate reference system in metres, such as EPSG:32615. Unset: the UTM zone of the scene, or the
    scene's own metres where nothing says where on the Earth it lies."""
    origin: tuple[float, float, float] | None = None
    """Latitude, longitude (degrees, WGS84) and altitude (metres above the ellipsoid) of the origin of the input poses,
    whose axes are then taken as east, north and up. Unset: what the data says."""

    def projection(self, run: LoadedRun) -> MapProjection:
        """The map coordinates of a run's input frame.

        Raises:
            InputError: an origin out of range, or as :meth:`~nerfseg_ns.core.georeference.MapProjection.of` says.
        """
        georeference = run.georeference
        if self.origin is not None:
            georeference = Georeference.from_record(self.origin, "--origin")
        return MapProjection.of(georeference, self.crs)
