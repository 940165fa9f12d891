"""The options of the exports of the scene's surface, and the look at it that they start with."""

from dataclasses import dataclass

import numpy as np

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.evaluation.trained_run import LoadedRun
from nerfseg_ns.exports.observed_ground import ObservedGround
from nerfseg_ns.exports.surface_survey import SurfaceSurvey, survey
from nerfseg_ns.exports.surface_views import SurfaceViews
from nerfseg_ns.exports.voxel_cloud import VoxelCloud
from nerfseg_ns.selection.selector import Listener


@dataclass(kw_only=True)
class SurfaceOptions:
    """Which part of the surface, and how many points of it."""

    bounds: tuple[float, float, float, float, float, float] | None = None
    """X0 Y0 Z0 X1 Y1 Z1: only what lies in this box, in the coordinates of the input poses. Unset: what the views show
    but for the farthest percent."""
    max_points: int = 20_000_000
    """Stop, before the memory is gone, when there would be more points than that."""

    def look(self, run: LoadedRun, views: SurfaceViews, listener: Listener) -> SurfaceSurvey:
        """A quick look at the surface, which gives sizes and estimates.

        Raises:
            InputError: see :func:`~nerfseg_ns.exports.surface_survey.survey`.
        """
        return survey(ObservedGround.of_run(run, listener), views, self.bounds)

    def check(self, surface: SurfaceSurvey, spacing: float, option: str) -> None:
        """Refuse a spacing that gives far more points than are allowed.

        Args:
            surface: what the look found.
            spacing: between points, units of the input frame.
            option: its option, for the message.

        Raises:
            InputError: a spacing that is not positive or too small.
        """
        if not spacing > 0:
            raise InputError(f"{option} {spacing:g}: expected a length above 0")
        expected = surface.points(spacing)
        if expected > 2 * self.max_points:  # an estimate: the exact count is watched while the points are gathered
            fits = spacing * (expected / self.max_points) ** 0.5
            raise InputError(
                f"{option} {spacing:g}: about {expected:,} points, and --max-points is {self.max_points:,}; a spacing "
                f"of {float(f'{fits:.1e}'):g} fits, the pixels are {float(f'{surface.pixel_size:.1e}'):g} wide there"
            )

    def cloud(self, views: SurfaceViews, surface: SurfaceSurvey, spacing: float, listener: Listener) -> VoxelCloud:
        """All views' pixels in the box, thinned.

        Raises:
            InputError: too many points, or an image that cannot be read.
        """
        table = views.renderer.class_table
        gathered = VoxelCloud(spacing, 0 if table is None else len(table), self.max_points, surface.middle)
        for view in range(len(views)):
            listener.step("rendering in full size", view, len(views))
            pixels = views.pixels(view)
            gathered.add(pixels.where(surface.inside(pixels.positions)))
        listener.step("rendering in full size", len(views), len(views))
        return gathered


def in_words(surface: SurfaceSurvey, spacing: float, classes: int) -> str:
    """One line about what is coming: points and memory."""
    points = surface.points(spacing)
    size = " x ".join(f"{extent:.4g}" for extent in np.asarray(surface.high - surface.low))
    memory = points * VoxelCloud.bytes_per_point(classes) / 2**20
    return f"{size} units, spacing {spacing:g}: about {points:,} points, {memory:,.0f} MiB of memory"
