"""Which Gaussians make up objects that were selected by clicks or masks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from scipy.spatial import cKDTree
from torch import Tensor

from nerfseg_ns.core.gaussian_sites import GaussianSites
from nerfseg_ns.core.object_votes import ObjectVotes
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.selection.selected_object import SelectedObject
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


def enclosed_gaussians(selected: SelectedObject, means: Float[Tensor, "gaussians 3"]) -> Bool[Tensor, " gaussians"]:
    """The Gaussians of an object and those inside of it, which no view shows: there the nearest that was seen speaks.

    Args:
        selected: with votes on Gaussians.
        means: centres of all Gaussians of the scene.
    """
    sites = selected.sites
    assert isinstance(sites, GaussianSites)
    means = means.to(sites.device)
    unseen = torch.ones(len(means), dtype=torch.bool, device=means.device)
    unseen[sites.gaussians[sites.gaussians < len(means)]] = False
    result, bounds = selected.contains(means), selected.bounds()
    if bounds is None:
        return result
    rows = (unseen & ((means >= bounds[0]) & (means <= bounds[1])).all(dim=-1)).nonzero()[:, 0]
    if len(rows):
        tree = cKDTree(sites.positions.double().cpu().numpy())
        nearest = torch.from_numpy(tree.query(means[rows].double().cpu().numpy())[1]).to(means.device)
        result[rows] = selected.contains(sites.positions[nearest])
    return result
