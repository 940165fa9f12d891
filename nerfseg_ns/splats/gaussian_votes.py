"""Votes for and against objects on every Gaussian of a scene, by gradients.

The sums of weight x mask over all pixels (A1; A0 is that of weight x (1 - mask)) are the gradient of
``sum(mask * rendered feature)`` with respect to a feature of each Gaussian: one backward pass of any differentiable
rasteriser gives them for a view, all objects as channels (SA3D's mask inverse rendering; FlashSplat, ECCV 2024, shows
the same sums to be optimal for Gaussians).
"""

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial import cKDTree
from torch import Tensor

from nerfseg_ns.core.object_votes import ObjectVotes
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.rasteriser import Rasteriser

SEEN = 0.5
"""Votes, in pixels, from which on a Gaussian speaks for itself."""
NEIGHBOURS = 5
"""Gaussians that speak for one that nobody saw."""


def gradient_votes(
    rasteriser: Rasteriser, gaussians: Gaussians, views: Iterable[tuple[Pinhole, Tensor]], objects: int
) -> ObjectVotes:
    """Votes of the masks of some views.

    Args:
        rasteriser: of the Gaussians' device.
        gaussians: the scene.
        views: camera, and masks [h, w, objects] of 0 and 1 or anything between.
        objects: how many.

    Returns:
        One row for each Gaussian and an empty last one, as :class:`~nerfseg_ns.core.object_votes.ObjectVotes` has it.
    """
    count, still = len(gaussians), gaussians.detached()
    inside = still.means.new_zeros(count + 1, objects)
    outside = torch.zeros_like(inside)
    for camera, masks in views:
        with torch.enable_grad():
            features = still.means.new_zeros(count, objects + 1).requires_grad_()
            rendered, _ = rasteriser.render(still, features, camera)
            masks = masks.to(rendered)
            said = torch.cat([masks, torch.ones_like(masks[..., :1])], dim=-1)
            (sums,) = torch.autograd.grad((said * rendered).sum(), features)
        inside[:count] += sums[:, :-1]
        outside[:count] += sums[:, -1:] - sums[:, :-1]
    return ObjectVotes(inside, outside)


def memberships(votes: ObjectVotes, gaussians: Gaussians) -> Float[Tensor, "gaussians objects"]:
    """Share of each Gaussian's votes that are for each object, 0..1.

    What no view shows, such as the filling of a house, would stay behind when the house is taken away: there the
    nearest Gaussians that were seen speak, the nearer the more.

    Args:
        votes: of :func:`gradient_votes`.
        gaussians: the scene.
    """
    inside, outside = votes.inside[:-1], votes.outside[:-1]
    total = inside + outside
    share = inside / total.clamp(min=1e-8)
    seen = total.amax(dim=-1) >= SEEN
    if seen.all() or not seen.any():
        return share
    means = gaussians.means.detach().double().cpu().numpy()
    known, unknown = (mask.nonzero()[:, 0].cpu().numpy() for mask in (seen, ~seen))
    neighbours = min(NEIGHBOURS, len(known))
    distance, near = cKDTree(means[known]).query(means[unknown], k=np.arange(1, neighbours + 1))
    trust = torch.from_numpy(1.0 / np.maximum(distance, 1e-9)).to(share)
    of_near = share[torch.from_numpy(known[near]).to(share.device)]
    share[~seen] = (trust[..., None] * of_near).sum(dim=1) / trust.sum(dim=1, keepdim=True)
    return share
