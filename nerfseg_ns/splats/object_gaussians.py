"""Which Gaussians make up objects that were selected by clicks or masks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from nerfseg_ns.core.object_votes import ObjectVotes
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.splats.gaussian_votes import gradient_votes, memberships
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.mixed_gaussians import mixed, split
from nerfseg_ns.splats.rasteriser import Rasteriser

SPLITS = 2
"""Times that a Gaussian of a border may be cut in two."""

Views = Callable[[], Iterable[tuple[Pinhole, Tensor]]]
"""Camera and masks [h, w, objects] of every view, from the beginning at each call."""


@dataclass(frozen=True, eq=False)
class ObjectGaussians:
    """A scene's Gaussians with the objects that they belong to.

    Args:
        gaussians: the scene, those of borders cut in two.
        membership: share of the votes for each object.
        ids: the object with the most votes where these are more than half, counted from 1; else 0.
        parents: the Gaussian of the original scene that each is or comes from.
    """

    gaussians: Gaussians
    membership: Float[Tensor, "gaussians objects"]
    ids: Int64[Tensor, " gaussians"]
    parents: Int64[Tensor, " gaussians"]


def object_gaussians(
    rasteriser: Rasteriser,
    gaussians: Gaussians,
    views: Views,
    objects: int,
    splits: int = SPLITS,
    thresholds: Float[Tensor, " objects"] | None = None,
) -> ObjectGaussians:
    """Vote on every Gaussian of a scene, split those of borders, and vote again.

    Args:
        rasteriser: of the Gaussians' device.
        gaussians: the scene.
        views: the masks that vote.
        objects: how many.
        splits: how often; 0 leaves the Gaussians as they are.
        thresholds: share of the votes above which a Gaussian belongs to each object; half by default.
    """
    parents = torch.arange(len(gaussians), device=gaussians.means.device)
    membership = memberships(_votes(rasteriser, gaussians, views, objects), gaussians)
    for _ in range(splits):
        which = mixed(membership)
        if not which.any():
            break
        gaussians, kept = split(gaussians, which)
        parents = parents[kept]
        membership = memberships(_votes(rasteriser, gaussians, views, objects), gaussians)
    if thresholds is None:
        thresholds = torch.full((objects,), 0.5)
    best, place = membership.masked_fill(membership <= thresholds.to(membership), 0.0).max(dim=-1)
    return ObjectGaussians(gaussians, membership, torch.where(best > 0, place + 1, 0), parents)


def _votes(rasteriser: Rasteriser, gaussians: Gaussians, views: Views, objects: int) -> ObjectVotes:
    return gradient_votes(rasteriser, gaussians, views(), objects)
