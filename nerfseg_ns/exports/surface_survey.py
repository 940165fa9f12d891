"""A quick look at the surface: how large it is and how fine the views show it, before hours of rendering."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.evaluation.view_scores import evenly_spread
from nerfseg_ns.exports.surface_views import SurfaceViews

VIEWS = 32
"""How many views are looked at, at most."""
_OUTLIERS = 0.01
_MARGIN = 0.05


@dataclass(frozen=True, eq=False)
class SurfaceSurvey:
    """What a quick look found.

    Args:
        low: corner of the box that holds the surface but for outliers, input frame.
        high: the opposite corner.
        pixel_size: median width of a pixel on the surface, units of the input frame.
        area: of the surface in the box, square units.
    """

    low: Float64[np.ndarray, "3"]
    high: Float64[np.ndarray, "3"]
    pixel_size: float
    area: float

    @property
    def middle(self) -> Float64[np.ndarray, "3"]:
        """Of the box."""
        return (self.low + self.high) / 2

    def inside(self, positions: Float64[np.ndarray, "points 3"]) -> Bool[np.ndarray, " points"]:
        """Which points lie in the box."""
        return ((positions >= self.low) & (positions <= self.high)).all(axis=1)

    def points(self, spacing: float) -> int:
        """About how many voxels of an edge the surface touches."""
        return round(self.area / spacing**2)


def survey(
    views: SurfaceViews,
    bounds: tuple[float, ...] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> SurfaceSurvey:
    """Look at some of the views, coarsely.

    The box holds what lies between the first and the last percent of the pixels along each axis, and a twentieth more:
    oblique views show the far distance, of which little is known.

    Args:
        views: the training views.
        bounds: x, y, z of the lowest and of the highest corner of the box, input frame, in the place of that.
        progress: told (views done, views in all).

    Raises:
        InputError: bounds that are no box, or no view shows a surface (there).
    """
    if bounds is not None and not all(low < high for low, high in zip(bounds[:3], bounds[3:])):
        raise InputError(
            f"--bounds {' '.join(f'{value:g}' for value in bounds)}: expected X0 Y0 Z0 X1 Y1 Z1, X0 < X1 ..."
        )
    chosen = evenly_spread(range(len(views)), VIEWS)
    found = []
    for done, view in enumerate(chosen):
        progress(done, len(chosen))
        found.append(views.coarse(view))
    progress(len(chosen), len(chosen))
    positions = np.concatenate([pixels.positions for pixels in found])
    sizes = np.concatenate([pixels.pixel_size for pixels in found])
    if not len(positions):
        raise InputError("no view of the run shows a surface; has it been trained long enough?")
    if bounds is not None:
        low, high = np.array(bounds[:3], dtype=np.float64), np.array(bounds[3:], dtype=np.float64)
    else:
        low, high = np.quantile(positions, [_OUTLIERS, 1.0 - _OUTLIERS], axis=0)
        margin = _MARGIN * (high - low).max()
        low, high = low - margin, high + margin
    box = SurfaceSurvey(low, high, float(np.median(sizes)), 0.0)
    there = box.inside(positions)
    if not there.any():
        reach = " ".join(f"{value:.6g}" for value in (*positions.min(axis=0), *positions.max(axis=0)))
        raise InputError(
            f"no view shows a surface within --bounds; the surface reaches over {reach} in the input frame"
        )
    # voxels so large that the coarse pixels leave none out
    edge = 2.0 * float(np.median(sizes[there])) * views.coarseness
    touched = np.unique(np.floor((positions[there] - low) / edge), axis=0)
    return SurfaceSurvey(low, high, float(np.median(sizes[there])), len(touched) * edge**2)


def round_length(length: float) -> float:
    """A length to two digits, for a default that people can read."""
    return float(f"{length:.1e}")
