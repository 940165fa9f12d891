"""Polygons with attributes as GeoPackage and GeoJSON."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nerfseg_ns.core.georeference import geodesy
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import replacing
from nerfseg_ns.exports.raster_regions import geometry_package

Attributes = Mapping[str, Sequence[Any]]
"""name of a field -> its value for each polygon; None: no value. The values of a field are all numbers or all text."""


def vector_io() -> Any:
    """The package pyogrio.

    Raises:
        InputError: it is not installed.
    """
    try:
        import pyogrio
        import pyogrio.raw
    except ImportError:
        raise InputError(
            "GeoPackage and GeoJSON need the package pyogrio, which is not installed: pip install 'nerfseg-ns[geo]', "
            "or in a checkout: bash scripts/setup.sh"
        ) from None
    return pyogrio


def write_geopackage(path: Path, layer: str, outlines: Sequence[Any], attributes: Attributes, crs: str | None) -> None:
    """Write a GeoPackage in map coordinates, replacing the file at once.

    Args:
        path: NAME.gpkg.
        layer: name of its one layer.
        outlines: shapely polygons.
        attributes: of them.
        crs: of the coordinates; None: local metres.

    Raises:
        InputError: pyogrio is missing, or the file cannot be written.
    """
    # what GDAL writes by default is newer than the GDAL of Debian 12 knows, which warns about it
    _write(path, "GPKG", layer, outlines, attributes, crs, {}, {"VERSION": "1.3"})


def write_geojson(path: Path, layer: str, outlines: Sequence[Any], attributes: Attributes, crs: str) -> None:
    """Write GeoJSON as RFC 7946 says: longitude and latitude (WGS84), outer rings counter-clockwise.

    Polygons across the antimeridian are cut there.

    Args:
        path: NAME.geojson.
        layer: name of the collection.
        outlines: shapely polygons in map coordinates.
        attributes: of them.
        crs: of the map coordinates.

    Raises:
        InputError: pyogrio is missing, or the file cannot be written.
    """
    shapely = geometry_package()
    transformer = geodesy().Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    places = [
        _cut_at_antimeridian(
            shapely.transform(outline, lambda corners: np.stack(transformer.transform(*corners.T), axis=-1))
        )
        for outline in outlines
    ]
    # eight digits are a millimetre
    _write(path, "GeoJSON", layer, places, attributes, "EPSG:4326", {"RFC7946": "YES", "COORDINATE_PRECISION": "8"})


def _cut_at_antimeridian(outline: Any) -> Any:
    """A polygon in degrees with all longitudes within -180..180, in parts on both sides where it lies across."""
    shapely = geometry_package()
    first = shapely.get_coordinates(outline)[0, 0]

    def unwrapped(corners: np.ndarray) -> np.ndarray:
        return np.stack([first + (corners[:, 0] - first + 180.0) % 360.0 - 180.0, corners[:, 1]], axis=-1)

    west, _, east, _ = shapely.transform(outline, unwrapped).bounds
    if west >= -180.0 and east <= 180.0:
        return outline
    whole, parts = shapely.transform(outline, unwrapped), []
    for turn in (-360.0, 0.0, 360.0):
        there = shapely.intersection(whole, shapely.box(turn - 180.0, -90.0, turn + 180.0, 90.0))
        moved = shapely.transform(there, lambda corners, turn=turn: corners - (turn, 0.0))
        parts += [part for part in shapely.get_parts(moved) if part.geom_type == "Polygon" and part.area > 0]
    return shapely.MultiPolygon(parts)


def _write(
    path: Path,
    driver: str,
    layer: str,
    outlines: Sequence[Any],
    attributes: Attributes,
    crs: str | None,
    layer_options: dict[str, str],
    dataset_options: dict[str, str] | None = None,
) -> None:
    pyogrio, shapely = vector_io(), geometry_package()
    several = any(outline.geom_type == "MultiPolygon" for outline in outlines)
    missing = [np.array([value is None for value in values]) for values in attributes.values()]
    with replacing(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="'crs' was not provided")
        temporary.unlink()  # GDAL makes a GeoPackage itself
        try:
            pyogrio.raw.write(
                temporary,
                shapely.to_wkb(np.array(outlines, dtype=object)),
                [_column(values) for values in attributes.values()],
                list(attributes),
                field_mask=missing,
                layer=layer,
                driver=driver,
                geometry_type="MultiPolygon" if several else "Polygon",
                crs=crs,
                layer_options=layer_options,
                dataset_options=dataset_options or {},
            )
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
            raise InputError(f"{path}: cannot be written ({error})") from None


def _column(values: Sequence[Any]) -> np.ndarray:
    known = [value for value in values if value is not None]
    if all(isinstance(value, str) for value in known) and known:
        return np.array(["" if value is None else value for value in values], dtype=object)
    if known and all(isinstance(value, int) for value in known):
        return np.array([0 if value is None else value for value in values], dtype=np.int32)
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
