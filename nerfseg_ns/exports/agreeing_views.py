"""Whether training views agree that there is a surface where a new view shows one."""

import torch
from jaxtyping import Bool, Float
from nerfstudio.cameras.cameras import Cameras
from torch import Tensor

from nerfseg_ns.exports.observed_ground import ObservedGround

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
        # no share of the distance is allowed besides: what is in front of a surface is fog
        count[left] += view.sightings(points[left], lenience=0.0, widths=SLACK)[0].long()
        left = left[count[left] < enough]
    result = ~surface
    result[surface] = count >= enough
    return result
