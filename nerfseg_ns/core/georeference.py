"""Where a scene lies on the Earth: its input frame as local east, north and up, and the way to map coordinates."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from nerfseg_ns.core.input_error import InputError

GEOREFERENCE = "georeference"
"""Key of the :class:`Georeference` in a dataparser's metadata."""

FARTHEST = 100_000.0
"""Metres from the origin up to which the tangent frame is used: beyond it, up at the origin is off by a degree."""

MOST_STRETCH = 1.05
"""How much longer or shorter than on the Earth lengths may be in a CRS that does not say where it is made for. UTM is
off by a thousandth within its zone, national grids by a hundredth; UTM four zones away, by a twentieth and more."""

_EXPECTED = '{"latitude": 46.84, "longitude": -91.99, "altitude": 151.1}, degrees (WGS84) and metres'


@dataclass(frozen=True)
class Georeference:
    """The frame of the input poses on the Earth: x east, y north, z up, metres, tangent to the WGS84 ellipsoid.

    Nerfstudio turns, centres and scales this frame; :class:`~nerfseg_ns.core.scene_frame.SceneFrame` is the way back.

    Args:
        latitude: of the input frame's origin, degrees north, WGS84.
        longitude: of the origin, degrees east.
        altitude: of the origin, metres above the ellipsoid.

    Raises:
        InputError: a number that is not finite or is out of range.
    """

    latitude: float
    longitude: float
    altitude: float

    def __post_init__(self) -> None:
        for name, most in (("latitude", 90.0), ("longitude", 180.0), ("altitude", 1e6)):
            value = getattr(self, name)
            if not isfinite(value) or abs(value) > most:
                raise InputError(f"{name} {value}: expected {-most:g} to {most:g}")

    @classmethod
    def from_record(cls, record: Any, source: str) -> "Georeference":
        """From decoded JSON: an object of the three names, or a list in their order.

        Args:
            record: the decoded value.
            source: the file, for messages.

        Raises:
            InputError: it is neither, or a number is out of range.
        """
        try:
            if isinstance(record, Mapping):
                values = [record[name] for name in ("latitude", "longitude", "altitude")]
            else:
                values = list(record)
            latitude, longitude, altitude = (float(value) for value in values)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{source}: not a place on the Earth ({error!r}); expected {_EXPECTED}") from None
        try:
            return cls(latitude, longitude, altitude)
        except InputError as error:
            raise InputError(f"{source}: {error}") from None

    @classmethod
    def from_json(cls, path: Path) -> "Georeference":
        """Read a ``georeference.json``.

        Raises:
            InputError: it cannot be read or is not one.
        """
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read ({error}); expected {_EXPECTED}") from None
        return cls.from_record(record, str(path))

    def record(self) -> dict[str, float]:
        """What :meth:`from_record` reads."""
        return asdict(self)

    def to_geodetic(self, points: Float64[np.ndarray, "points 3"]) -> Float64[np.ndarray, "points 3"]:
        """Longitude and latitude in degrees and height above the ellipsoid in metres, of points of the input frame."""
        return self._apply(points, "INVERSE")

    def from_geodetic(self, places: Float64[np.ndarray, "points 3"]) -> Float64[np.ndarray, "points 3"]:
        """Points of the input frame, from longitude, latitude (degrees) and height (metres above the ellipsoid)."""
        return self._apply(places, "FORWARD")

    def _apply(self, points: Float64[np.ndarray, "points 3"], direction: str) -> Float64[np.ndarray, "points 3"]:
        points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
        return np.stack(self._topocentric.transform(*points.T, direction=direction), axis=-1)

    @cached_property
    def _topocentric(self) -> Any:
        pyproj = geodesy()
        return pyproj.Transformer.from_pipeline(
            "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=WGS84 "
            f"+step +proj=topocentric +ellps=WGS84 +lon_0={self.longitude!r} +lat_0={self.latitude!r} "
            f"+h_0={self.altitude!r}"
        )


@dataclass(frozen=True)
class MapProjection:
    """Map coordinates of a scene's input frame.

    Args:
        georeference: where the input frame lies; None: the map has the input frame's own x and y, and no CRS.
        crs: a projected CRS in metres such as ``EPSG:32615``; None without a georeference.
    """

    georeference: Georeference | None
    crs: str | None

    @classmethod
    def of(cls, georeference: Georeference | None, crs: str | None = None) -> "MapProjection":
        """Of a scene, in a CRS of the user's or else in the UTM zone of its origin.

        Raises:
            InputError: a CRS for a scene that has no place on the Earth; one that is unknown, not projected, not in
                metres, with heights of its own, or not made for the place.
        """
        if georeference is None:
            if crs is not None:
                raise InputError(
                    f"--crs {crs}: the run's data does not say where on the Earth it lies; give its origin, "
                    "--origin LATITUDE LONGITUDE ALTITUDE, or leave --crs out for a map in the scene's own metres"
                )
            return cls(None, None)
        if crs is None:
            return cls(georeference, _local_crs(georeference))
        return cls(georeference, _fitting_crs(crs, georeference))

    def to_map(self, points: Float64[np.ndarray, "points 3"]) -> Float64[np.ndarray, "points 3"]:
        """Easting, northing and height (above the ellipsoid, or the input's z), of points of the input frame."""
        if self.georeference is None:
            return np.asarray(points, dtype=np.float64)
        longitude, latitude, height = self.georeference.to_geodetic(points).T
        east, north = self._transformer.transform(longitude, latitude)
        return np.stack([east, north, height], axis=-1)

    def from_map(self, places: Float64[np.ndarray, "points 3"]) -> Float64[np.ndarray, "points 3"]:
        """Points of the input frame, from easting, northing and height."""
        if self.georeference is None:
            return np.asarray(places, dtype=np.float64)
        east, north, height = np.asarray(places, dtype=np.float64).T
        longitude, latitude = self._transformer.transform(east, north, direction="INVERSE")
        return self.georeference.from_geodetic(np.stack([longitude, latitude, height], axis=-1))

    @cached_property
    def _transformer(self) -> Any:
        return geodesy().Transformer.from_crs("EPSG:4326", self.crs, always_xy=True)


def geodesy() -> Any:
    """The package pyproj.

    Raises:
        InputError: it is not installed.
    """
    try:
        import pyproj
    except ImportError:
        raise InputError(
            "map coordinates need the package pyproj, which is not installed: pip install 'nerfseg-ns[geo]', or in a "
            "checkout: bash scripts/setup.sh"
        ) from None
    return pyproj


def _local_crs(georeference: Georeference) -> str:
    """The UTM zone of a place, near the poles the polar stereographic grid."""
    latitude, longitude = georeference.latitude, georeference.longitude
    if latitude >= 84.0:
        return "EPSG:32661"
    if latitude < -80.0:
        return "EPSG:32761"
    zone = min(60, int((longitude + 180.0) // 6) + 1)
    return f"EPSG:{(32600 if latitude >= 0 else 32700) + zone}"


def _fitting_crs(crs: str, georeference: Georeference) -> str:
    """A CRS of the user's in the form AUTHORITY:CODE that all libraries read, or as given where it has none."""
    pyproj = geodesy()
    local = _local_crs(georeference)
    try:
        system = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise InputError(f"--crs {crs}: not a coordinate reference system ({error}); here {local} fits") from None
    units = {axis.unit_name for axis in system.axis_info[:2]}
    if not system.is_projected or units != {"metre"}:
        raise InputError(f"--crs {crs}: {system.name} is not a projected CRS in metres; here {local} fits")
    if len(system.axis_info) > 2:
        raise InputError(
            f"--crs {crs}: {system.name} has heights of its own, and heights here are above the WGS84 ellipsoid; give "
            f"its horizontal part alone; here {local} fits"
        )
    if system.area_of_use is None:
        _check_stretch(crs, georeference, local)
    else:
        _check_area(crs, system, georeference, local)
    authority = system.to_authority(min_confidence=100)
    return crs if authority is None else ":".join(authority)


def _check_area(crs: str, system: Any, place: Georeference, local: str) -> None:
    area = system.area_of_use
    # an area across the antimeridian has its west east of its east
    spans = area.east - area.west if area.west <= area.east else area.east + 360.0 - area.west
    inside = (place.longitude - area.west) % 360.0 <= spans and area.south <= place.latitude <= area.north
    if not inside:
        raise InputError(
            f"--crs {crs}: {system.name} is made for longitude {area.west:g} to {area.east:g} and latitude "
            f"{area.south:g} to {area.north:g}, and the scene lies at {place.longitude:.5f}, {place.latitude:.5f}; "
            f"here {local} fits"
        )


def _check_stretch(crs: str, place: Georeference, local: str) -> None:
    """Of a CRS without an area of use, such as one that is written out: see how long ten metres become there."""
    on_ground = Georeference(place.latitude, place.longitude, 0.0)
    around = np.array([(-5.0, 0, 0), (5.0, 0, 0), (0, -5.0, 0), (0, 5.0, 0)])
    west, east, south, north = MapProjection(on_ground, crs).to_map(around)[:, :2]
    with np.errstate(invalid="ignore"):  # infinite on the other side of some projections
        directions = np.stack([east - west, north - south], axis=-1) / 10.0
    if not np.isfinite(directions).all():
        raise InputError(
            f"--crs {crs}: it has no coordinates for {place.longitude:.5f}, {place.latitude:.5f}; here {local} fits"
        )
    longest, shortest = np.linalg.svd(directions, compute_uv=False)
    if longest > MOST_STRETCH or shortest < 1 / MOST_STRETCH:
        raise InputError(
            f"--crs {crs}: at {place.longitude:.5f}, {place.latitude:.5f}, where the scene lies, a metre is "
            f"{shortest:.3g} to {longest:.3g} m long in it; is it made for another place? Here {local} fits"
        )
