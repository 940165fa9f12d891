"""What the training views of a run see of the ground: coarse depth maps of all of them."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from nerfseg_ns.core.georeference import MapProjection
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.evaluation.trained_run import LoadedRun
from nerfseg_ns.exports.map_extent import SeenSurface
from nerfseg_ns.selection.run_scene import RunScene
from nerfseg_ns.selection.selector import Listener

LONG_SIDE = 64
"""Pixels of the long side of the depth maps."""


@dataclass(frozen=True, eq=False)
class CoarseView:
    """A camera and how far it sees.

    Args:
        camera: small, scene frame.
        distance: of the surface along each pixel's ray, scene units; infinite where there is none.
    """

    camera: Pinhole
    distance: Float[Tensor, "h w"]

    def sees(self, points: Float[Tensor, "points 3"]) -> Tensor:
        """Whether points lie in the picture and not behind what it shows.

        The depth is that of the farthest of a pixel and its eight neighbours, and a pixel's width is allowed beyond it:
        beside a wall a coarse depth map does not know better.
        """
        height, width = self.camera.size
        pixels, depth, distance = self.camera.project(points)
        x, y = pixels.unbind(-1)
        inside = (depth > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
        column, row = x.nan_to_num().clamp(0, width - 1).long(), y.nan_to_num().clamp(0, height - 1).long()
        reach = F.max_pool2d(self.distance[None, None], 3, stride=1, padding=1)[0, 0][row, column]
        return inside & (distance <= reach + distance / self.camera.fx)


@dataclass(frozen=True, eq=False)
class ObservedGround:
    """Coarse depth maps of the training views.

    Args:
        views: one for each.
    """

    views: tuple[CoarseView, ...]

    @classmethod
    def of_run(cls, run: LoadedRun, listener: Listener | None = None, long_side: int = LONG_SIDE) -> "ObservedGround":
        """Render the depth maps, or find them in the cache.

        Args:
            run: with its training views.
            listener: told about each view.
            long_side: pixels of the longest side of the views.

        Raises:
            InputError: a model without a density field, cameras that are not perspective.
        """
        cameras = run.dataset.cameras
        longest = int(torch.maximum(cameras.height.max(), cameras.width.max()))
        scene = RunScene.from_run(run, camera_scale=min(1.0, long_side / longest))
        scene.prepare(listener)
        views = range(len(scene.names))
        return cls(tuple(CoarseView(scene.camera(view), scene.samples(view).distance) for view in views))

    def count_views(self, points: Float[Tensor, "points 3"], enough: int) -> Int64[Tensor, " points"]:
        """How many views see points of the scene frame, counted up to ``enough``."""
        count = torch.zeros(len(points), dtype=torch.long, device=points.device)
        left = torch.arange(len(points), device=points.device)
        for view in self.views:
            if len(left) == 0:
                break
            count[left] += view.sees(points[left]).long()
            left = left[count[left] < enough]
        return count

    def surface(self, frame: SceneFrame, projection: MapProjection) -> SeenSurface:
        """The points that the views show, in map coordinates."""
        points, distance = [], []
        for view in self.views:
            finite = view.distance.isfinite()
            points.append(view.camera.points(view.distance)[finite].cpu())
            distance.append(view.distance[finite].cpu())
        centres = torch.stack([view.camera.centre.cpu() for view in self.views])
        return SeenSurface(
            projection.to_map(frame.to_input(torch.cat(points)).numpy()),
            torch.cat(distance).double().numpy(),
            projection.to_map(frame.to_input(centres).numpy()),
        )
