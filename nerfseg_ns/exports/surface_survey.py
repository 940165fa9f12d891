"""A quick look at the surface: how large it is and how fine the views show it, before hours of rendering."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.exports.observed_ground import ObservedGround
from nerfseg_ns.exports.surface_views import SurfaceViews

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


def survey(ground: ObservedGround, views: SurfaceViews, bounds: tuple[float, ...] | None = None) -> SurfaceSurvey:
    """Measure coarse depth maps.

    The box holds what lies between the first and the last percent of the pixels along each axis, and a twentieth more:
    oblique views show the far distance, of which little is known.

    Args:
        ground: depth maps of the training views.
        views: the same views in their full size.
        bounds: x, y, z of the lowest and of the highest corner of the box, input frame, in the place of that.

    Raises:
        InputError: bounds that are no box, or no view shows a surface (there).
    """
    if bounds is not None and not all(low < high for low, high in zip(bounds[:3], bounds[3:])):
        raise InputError(
            f"--bounds {' '.join(f'{value:g}' for value in bounds)}: expected X0 Y0 Z0 X1 Y1 Z1, X0 < X1 ..."
        )
    found, widths = [], []
    for view in ground.views:
        finite = view.distance.isfinite()
        found.append(views.frame.to_input(view.camera.points(view.distance)[finite]).cpu().numpy())
        widths.append(view.distance[finite].double().cpu().numpy() / view.camera.fx / views.frame.scale)
    positions, coarse = np.concatenate(found), np.concatenate(widths)
    if not len(positions):
        raise InputError("no view of the run shows a surface; has it been trained long enough?")
    if bounds is not None:
        low, high = np.array(bounds[:3], dtype=np.float64), np.array(bounds[3:], dtype=np.float64)
    else:
        low, high = np.quantile(positions, [_OUTLIERS, 1.0 - _OUTLIERS], axis=0)
        margin = _MARGIN * (high - low).max()
        low, high = low - margin, high + margin
    there = ((positions >= low) & (positions <= high)).all(axis=1)
    if not there.any():
        reach = " ".join(f"{value:.6g}" for value in (*positions.min(axis=0), *positions.max(axis=0)))
        raise InputError(
            f"no view shows a surface within --bounds; the surface reaches over {reach} in the input frame"
        )
    pixel = float(np.median(coarse[there]))
    edge = 2.0 * pixel  # voxels so large that the coarse pixels leave none out
    touched = np.unique(np.floor((positions[there] - low) / edge), axis=0)
    full, small = views.scene.camera(0).size[1], ground.views[0].camera.size[1]
    return SurfaceSurvey(low, high, pixel * small / full, len(touched) * edge**2)


def round_length(length: float) -> float:
    """A length to two digits, for a default that people can read."""
    return float(f"{length:.1e}")
