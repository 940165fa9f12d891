"""Where a height map shows the corners of a building.

A corner is the point where two lines meet, each fitted to the places where the height falls from roof to ground along
one edge. The true plan only says where to look: within :data:`REACH` on both sides of the edge.
"""

import numpy as np
from jaxtyping import Float64
from scipy.ndimage import map_coordinates
from scipy.stats import theilslopes

from nerfseg_ns.exports.map_grid import MapGrid

REACH = 3.0
"""Metres on both sides of an edge in which the fall of the height is looked for."""
LEAST_FALL = 1.5
"""Metres from roof to ground that a profile needs."""
ALONG = 0.1
"""Share of an edge that is left out at both of its ends, where the next edge begins."""
LEAST_SHARE = 0.5
"""Share of an edge's profiles that have to show a fall."""

_STEPS = 4  # samples per pixel across an edge


def edge_line(
    height: Float64[np.ndarray, "h w"],
    grid: MapGrid,
    start: Float64[np.ndarray, "2"],
    end: Float64[np.ndarray, "2"],
) -> Float64[np.ndarray, "2 2"] | None:
    """Two points of the line along which the height falls; None where too little of the edge shows a fall.

    Along profiles across the edge, a pixel apart, the height falls through the middle between the median of the outer
    and of the inner half of the reach; a line through those places by the medians of slopes (Theil and Sen).

    Args:
        height: NaN where the map has none.
        grid: of the map.
        start: easting and northing of a true corner.
        end: of the next one, counter-clockwise around the building.
    """
    length = float(np.linalg.norm(end - start))
    along = (end - start) / length
    inward = np.array([-along[1], along[0]])
    reach = min(REACH, 0.4 * length)
    places = np.arange(ALONG * length, (1 - ALONG) * length, grid.gsd)
    across = np.arange(-reach, reach, grid.gsd / _STEPS)
    points = start + places[:, None, None] * along + across[:, None] * inward
    row = (grid.north - points[..., 1]) / grid.gsd - 0.5
    column = (points[..., 0] - grid.west) / grid.gsd - 0.5
    profiles = map_coordinates(height, [row, column], order=1, cval=np.nan)
    offsets = [_fall(profile, across) for profile in profiles]
    found = np.array([offset is not None for offset in offsets])
    if found.sum() < max(3, LEAST_SHARE * len(places)):
        return None
    values = np.array([offset for offset in offsets if offset is not None])
    slope, intercept, *_ = theilslopes(values, places[found])
    ends = np.array([0.0, length])
    return start + ends[:, None] * along + (intercept + slope * ends)[:, None] * inward


def _fall(profile: Float64[np.ndarray, " samples"], across: Float64[np.ndarray, " samples"]) -> float | None:
    """Where a profile from the ground (negative) to the roof rises through its middle for the last time."""
    outer, inner = profile[across < across[0] / 2], profile[across > -across[0] / 2]
    if np.isnan(profile).any() or np.median(inner) - np.median(outer) < LEAST_FALL:
        return None
    middle = (np.median(inner) + np.median(outer)) / 2
    below = np.flatnonzero(profile[:-1] < middle)
    last = below[-1] if len(below) else None
    if last is None or profile[last + 1] < middle:
        return None
    share = (middle - profile[last]) / (profile[last + 1] - profile[last])
    return float(across[last] + share * (across[last + 1] - across[last]))


def corner_places(
    height: Float64[np.ndarray, "h w"], grid: MapGrid, corners: Float64[np.ndarray, "corners 2"]
) -> list[Float64[np.ndarray, "2"] | None]:
    """Where a map shows the corners of a building; None for those it does not show.

    Args:
        height: NaN where the map has none.
        grid: of the map.
        corners: the true ones, easting and northing, counter-clockwise.
    """
    lines = [edge_line(height, grid, start, end) for start, end in zip(corners, np.roll(corners, -1, axis=0))]
    return [_meeting(lines[number - 1], lines[number]) for number in range(len(corners))]


def _meeting(
    first: Float64[np.ndarray, "2 2"] | None, second: Float64[np.ndarray, "2 2"] | None
) -> Float64[np.ndarray, "2"] | None:
    if first is None or second is None:
        return None
    along, across = first[1] - first[0], second[1] - second[0]
    both = np.stack([along, -across], axis=1)
    if abs(np.linalg.det(both)) < 0.2 * np.linalg.norm(along) * np.linalg.norm(across):
        return None
    place = first[0] + np.linalg.solve(both, second[0] - first[0])[0] * along
    assert isinstance(place, np.ndarray)
    return place
