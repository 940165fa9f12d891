"""Polygons of the equal values of a raster."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from jaxtyping import Bool, Integer

from nerfseg_ns.core.georeference import MapProjection
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.exports.geotiff import raster_io
from nerfseg_ns.exports.map_grid import MapGrid


@dataclass(frozen=True, eq=False)
class Region:
    """Connected pixels of one value, or all parts of one value.

    Args:
        value: of the pixels.
        outline: shapely Polygon or MultiPolygon along the pixels' edges, map coordinates.
    """

    value: int
    outline: Any


def geometry_package() -> Any:
    """The package shapely.

    Raises:
        InputError: it is not installed.
    """
    try:
        import shapely
        import shapely.geometry
    except ImportError:
        raise InputError(
            "polygons need the package shapely, which is not installed: pip install 'nerfseg-ns[geo]', or in a "
            "checkout: bash scripts/setup.sh"
        ) from None
    return shapely


def connected_regions(
    values: Integer[np.ndarray, "h w"],
    valid: Bool[np.ndarray, "h w"],
    grid: MapGrid,
    minimum_area: float = 0.0,
) -> list[Region]:
    """The connected regions of a raster, pixels joined by their sides.

    Specks go to their largest neighbour first, so that they leave no holes.

    Args:
        values: at most 16 bits.
        valid: pixels that take part.
        grid: of the raster.
        minimum_area: of a region, square units of the map.
    """
    raster_io()
    from rasterio import features

    shapely = geometry_package()
    image = values.astype(np.uint8 if values.max(initial=0) < 256 else np.int32)
    speck = ceil(minimum_area / grid.gsd**2 - 1e-9)
    if speck > image.size:
        return []
    if speck > 1:
        image = features.sieve(image, speck, mask=valid, connectivity=4)
    transform = raster_io().transform.from_origin(grid.west, grid.north, grid.gsd, grid.gsd)
    found = features.shapes(image, mask=valid, connectivity=4, transform=transform)
    regions = [Region(int(value), shapely.geometry.shape(outline)) for outline, value in found]
    # what lies alone between pixels without a value has no neighbour to go to
    return [region for region in regions if region.outline.area >= minimum_area * (1 - 1e-9)]


def joined(regions: Sequence[Region]) -> list[Region]:
    """One region of all parts for each value, in the order of the values."""
    shapely = geometry_package()
    parts: dict[int, list[Any]] = {}
    for region in regions:
        parts.setdefault(region.value, []).append(region.outline)
    return [Region(value, shapely.MultiPolygon(outlines)) for value, outlines in sorted(parts.items())]


def simplified(outline: Any, tolerance: float) -> Any:
    """A polygon with fewer corners, none of the old ones farther than a tolerance; holes stay holes.

    Neighbours are simplified one by one, so that gaps of the tolerance's width may open between them.
    """
    if tolerance == 0:
        return outline
    shapely = geometry_package()
    fewer = shapely.simplify(outline, tolerance, preserve_topology=True)
    # shapely takes the wrapping off a single part
    return shapely.MultiPolygon([fewer]) if outline.geom_type != fewer.geom_type == "Polygon" else fewer


def true_area(outline: Any, projection: MapProjection, height: float) -> float:
    """Square metres on the ground, whatever scale the map has there.

    Args:
        outline: in map coordinates.
        projection: of the map.
        height: of the surface, in the map's heights.
    """
    shapely = geometry_package()

    def to_ground(corners: np.ndarray) -> np.ndarray:
        places = np.concatenate([corners, np.full((len(corners), 1), height)], axis=1)
        return projection.from_map(places)[:, :2]

    return float(shapely.transform(outline, to_ground).area)
