"""Whether training views agree that there is a surface where a new view shows one."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from nerfstudio.cameras.cameras import Cameras
from torch import Tensor

from nerfseg_ns.exports.observed_ground import CoarseView, ObservedGround

SLACK = 2.0
"""Widths of a coarse pixel by which a training view's depth may be off."""


def agreed(ground: ObservedGround, camera: Cameras, depth: Float[Tensor, "h w"], enough: int) -> Bool[Tensor, "h w"]:
    """The pixels of a new view whose surface enough training views show as well.

    In places that no camera was near, a radiance field has fog: a new view that stands there shows it, and no training
    view has a surface in the same place. Pixels of the sky are agreed on.

    Args:
        ground: depth maps of the training views.
        camera: of the new view, one in a batch.
        depth: along its rays, scene units; infinite for the sky.
        enough: training views.
    """
    surface = depth.isfinite()
    rays = camera.generate_rays(camera_indices=0, keep_shape=True)
    points = rays.origins[surface] + rays.directions[surface] * depth[surface][:, None]
    count = torch.zeros(len(points), dtype=torch.long, device=points.device)
    left = torch.arange(len(points), device=points.device)
    for view in ground.views:
        count[left] += shows(view, points[left]).long()
        left = left[count[left] < enough]
    result = ~surface
    result[surface] = count >= enough
    return result


def shows(view: CoarseView, points: Float[Tensor, "points 3"]) -> Bool[Tensor, " points"]:
    """Whether a view shows a surface at points of the scene frame: neither behind what it shows nor in front of it.

    The depth of a pixel and its eight neighbours counts, from the nearest to the farthest.
    """
    height, width = view.camera.size
    pixels, depth, distance = view.camera.project(points)
    x, y = pixels.unbind(-1)
    inside = (depth > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    column, row = x.nan_to_num().clamp(0, width - 1).long(), y.nan_to_num().clamp(0, height - 1).long()
    reach = view.distance[None, None]
    nearest = -F.max_pool2d(-reach, 3, stride=1, padding=1)[0, 0][row, column]
    finite = torch.where(reach.isfinite(), reach, -torch.inf)
    farthest = F.max_pool2d(finite, 3, stride=1, padding=1)[0, 0][row, column]
    slack = SLACK * distance / view.camera.fx
    return inside & (distance >= nearest - slack) & (distance <= farthest + slack)
