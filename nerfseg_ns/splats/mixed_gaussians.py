"""Gaussians on the border of objects that views vote for and against.

They are split, not trimmed: without them both the object and what remains of the scene would have a gap along the
border, and left as they are they stick out of the one or the other. A half is small enough to lie on one side.
"""

import math

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from nerfseg_ns.splats.gaussians import Gaussians

SURE = 0.85
"""Share of the votes, for or against, from which on a Gaussian is not mixed."""
_OFFSET, _LENGTH = (
    0.5,
    math.sqrt(0.75),
)  # of the standard deviation: their squares add up to 1, the variance of the whole


def mixed(membership: Float[Tensor, "gaussians objects"]) -> Bool[Tensor, " gaussians"]:
    """Which Gaussians some object shares with what is around it."""
    return ((membership < SURE) & (membership > 1.0 - SURE)).any(dim=-1)


def split(gaussians: Gaussians, which: Bool[Tensor, " gaussians"]) -> tuple[Gaussians, Int64[Tensor, " new"]]:
    """Cut Gaussians in two across their longest axis; a pair has the centre, covariance and nearly the opacity of one.

    Args:
        gaussians: the scene.
        which: are to be cut.

    Returns:
        The others in their order, then the first halves, then the second ones; and which Gaussian each comes from.
    """
    whole, cut = (~which).nonzero()[:, 0], which.nonzero()[:, 0]
    parents = gaussians.where(cut)
    axis = parents.log_scales.argmax(dim=-1, keepdim=True)
    direction = parents.rotations().gather(2, axis[:, None].expand(-1, 3, -1))[..., 0]
    step = _OFFSET * parents.scales.gather(1, axis) * direction
    shorter = torch.full_like(step[:, :1], math.log(_LENGTH))
    log_scales = parents.log_scales.scatter_add(1, axis, shorter)
    # as much as both need to absorb between them what the whole one did, and less for opaque ones, whose halves would
    # be too broad; the factor is a fit to what differs least from the whole, by 0.06 of 1 at an opacity of 0.75
    between = math.exp(-0.5 * (_OFFSET / _LENGTH) ** 2)
    whole_opacity = parents.opacities
    opacity = (1.0 - (1.0 - whole_opacity).sqrt()) / between * (1.0 - 0.24 * whole_opacity.square())
    opacity = opacity.clamp(1e-6, 0.995)
    halves = [
        Gaussians(parents.means + sign * step, log_scales, parents.quaternions, opacity.logit(), parents.harmonics)
        for sign in (1.0, -1.0)
    ]
    return Gaussians.joined([gaussians.where(whole), *halves]), torch.cat([whole, cut, cut])
