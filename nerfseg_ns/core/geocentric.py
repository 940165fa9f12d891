"""Geocentric axes of the Earth (ECEF): places, the directions east, north and up, and rotations by three angles."""

from functools import lru_cache
from math import atan2, cos, degrees, hypot, radians, sin
from typing import Any

import numpy as np
from jaxtyping import Float64

from nerfseg_ns.core.georeference import geodesy


def to_geocentric(places: Float64[np.ndarray, "points 3"]) -> Float64[np.ndarray, "points 3"]:
    """ECEF metres, from longitude, latitude (degrees, WGS84) and height (metres above the ellipsoid).

    Raises:
        InputError: pyproj is not installed.
    """
    return np.stack(_cartesian().transform(*np.asarray(places, dtype=np.float64).T), axis=-1)


def from_geocentric(points: Float64[np.ndarray, "points 3"]) -> Float64[np.ndarray, "points 3"]:
    """Longitude, latitude (degrees, WGS84) and height (metres above the ellipsoid), from ECEF metres.

    Raises:
        InputError: pyproj is not installed.
    """
    return np.stack(_cartesian().transform(*np.asarray(points, dtype=np.float64).T, direction="INVERSE"), axis=-1)


def east_north_up(latitude: float, longitude: float) -> Float64[np.ndarray, "3 3"]:
    """East, north and up at a place in degrees, as rows: the rotation from ECEF directions to local ones."""
    lat, lon = radians(latitude), radians(longitude)
    return np.array(
        [
            [-sin(lon), cos(lon), 0.0],
            [-sin(lat) * cos(lon), -sin(lat) * sin(lon), cos(lat)],
            [cos(lat) * cos(lon), cos(lat) * sin(lon), sin(lat)],
        ]
    )


def rotation_by_angles(angles: Float64[np.ndarray, "*batch 3"]) -> Float64[np.ndarray, "*batch 3 3"]:
    """``Rx(x) Ry(y) Rz(z)`` of angles x, y, z in degrees.

    In a camera export of Google Earth Studio this takes camera directions, with OpenCV axes, to ECEF.
    """
    (cx, cy, cz), (sx, sy, sz) = (np.moveaxis(f(np.radians(angles)), -1, 0) for f in (np.cos, np.sin))
    rows = (
        (cy * cz, -cy * sz, sy),
        (cx * sz + sx * sy * cz, cx * cz - sx * sy * sz, -sx * cy),
        (sx * sz - cx * sy * cz, sx * cz + cx * sy * sz, cx * cy),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def angles_of_rotation(rotation: Float64[np.ndarray, "3 3"]) -> tuple[float, float, float]:
    """The angles in degrees that :func:`rotation_by_angles` makes a rotation of; y is -90 to 90.

    At y = 90 or -90 only the sum or difference of x and z is determined, and z is 0.
    """
    across = hypot(rotation[0, 0], rotation[0, 1])
    y = atan2(rotation[0, 2], across)
    if across < 1e-9:
        return degrees(atan2(rotation[2, 1], rotation[1, 1])), degrees(y), 0.0
    x = atan2(-rotation[1, 2], rotation[2, 2])
    z = atan2(-rotation[0, 1], rotation[0, 0])
    return degrees(x), degrees(y), degrees(z)


@lru_cache(maxsize=1)
def _cartesian() -> Any:
    return geodesy().Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=WGS84"
    )
