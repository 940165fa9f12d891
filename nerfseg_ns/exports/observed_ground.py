"""What the training views of a run see of the ground: coarse depth maps of all of them."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
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
LENIENCE = 0.03
"""Share of its distance by which a depth may be off."""


@dataclass(frozen=True, eq=False)
class CoarseView:
    """A camera and how far it sees.

    Args:
        camera: small, scene frame.
        distance: of the surface along each pixel's ray, scene units; infinite where there is none.
    """

    camera: Pinhole
    distance: Float[Tensor, "h w"]

    def sightings(
        self, points: Float[Tensor, "points 3"], lenience: float = LENIENCE, widths: float = 1.0
    ) -> tuple[Bool[Tensor, " points"], Bool[Tensor, " points"]]:
        """Which points the view shows, and which it looks through to something behind; others it does not see.

        A point is shown when it is as far as the depth map says for its pixel or one of the eight around that, or
        between them: beside a wall a coarse map does not know better. The view looks through to the sky as well.

        Args:
            points: scene frame.
            lenience: share of its distance by which a depth may be off,
            widths: and so many widths of a pixel there besides.
        """
        inside, pixels, distance = self._pictured(points)
        height, width = self.camera.size
        column, row = (
            value.nan_to_num().clamp(0, most - 1).long() for value, most in zip(pixels.unbind(-1), (width, height))
        )
        near = -_largest_around(-self.distance)[row, column]
        # the sky beside a wall is no place where the wall may reach to
        far = _largest_around(self.distance.where(self.distance.isfinite(), -torch.inf))[row, column]
        allowed = distance * (lenience + widths / self.camera.fx)
        through = inside & (distance < near - allowed)
        return inside & ~through & (distance <= far + allowed), through

    def pictures(self, points: Float[Tensor, "points 3"]) -> Bool[Tensor, " points"]:
        """Which points lie in the picture, hidden or not."""
        return self._pictured(points)[0]

    def _pictured(self, points: Float[Tensor, "points 3"]) -> tuple[Tensor, Tensor, Tensor]:
        pixels, depth, distance = self.camera.project(points)
        x, y = pixels.unbind(-1)
        height, width = self.camera.size
        return (depth > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height), pixels, distance


@dataclass(frozen=True, eq=False)
class Sightings:
    """What the views say about points.

    Args:
        showing: number of views that show each point.
        looking_through: number of views that see something behind it.
    """

    showing: Int64[Tensor, " points"]
    looking_through: Int64[Tensor, " points"]

    def agree(self, enough: int) -> Bool[np.ndarray, " points"]:
        """Which points at least so many views show, and no more of them look through."""
        result = (self.showing >= enough) & (self.showing >= self.looking_through)
        agreed = result.cpu().numpy()
        assert isinstance(agreed, np.ndarray)
        return agreed


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

    def sightings(self, points: Float[Tensor, "points 3"]) -> Sightings:
        """What the views say about points of the scene frame."""
        showing, through = (torch.zeros(len(points), dtype=torch.long, device=points.device) for _ in range(2))
        for view in self.views:
            shown, behind = view.sightings(points)
            showing += shown
            through += behind
        return Sightings(showing, through)

    def pictures(self, points: Float[Tensor, "points 3"]) -> Bool[Tensor, " points"]:
        """Which points of the scene frame lie in a picture, hidden or not."""
        found = torch.zeros(len(points), dtype=torch.bool, device=points.device)
        for view in self.views:
            found |= view.pictures(points)
        return found

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


def _largest_around(image: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    return F.max_pool2d(image[None, None], 3, stride=1, padding=1)[0, 0]
