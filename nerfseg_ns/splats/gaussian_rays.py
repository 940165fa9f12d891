"""Gaussians along single rays in space, for rays that are no pixels of a perspective view.

A rasteriser flattens a Gaussian on the image plane; here its density along the ray itself counts (its greatest value),
without the blur of a pixel. Seen from near both are nearly alike.
"""

from typing import Any

import torch
from jaxtyping import Float
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.models.base_model import Model
from torch import Tensor

from nerfseg_ns.splats.contributions import Contributions, light_before
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.harmonics import harmonic_basis
from nerfseg_ns.splats.model_gaussians import model_gaussians

_PAIRS_AT_ONCE = 1 << 22
_RAYS_AT_ONCE = 512
_LEAST_ALPHA, _MOST_ALPHA = 1.0 / 255.0, 0.999
_REACH = 3.4
"""Standard deviations beyond which no Gaussian has an opacity of 1/255: sqrt(2 ln 255) = 3.33."""


@torch.no_grad()
def contributions_of_rays(
    gaussians: Gaussians,
    origins: Float[Tensor, "rays 3"],
    directions: Float[Tensor, "rays 3"],
    nears: Float[Tensor, "rays 1"] | None = None,
    fars: Float[Tensor, "rays 1"] | None = None,
) -> Contributions:
    """What each Gaussian contributes to each ray; the pixels are the rays.

    Args:
        gaussians: the scene.
        origins: of the rays; neighbours in a row are best neighbours in space.
        directions: unit length.
        nears: where each ray begins, from its origin; None: at its origin.
        fars: where it ends; None: nowhere. Rays that end are much quicker: Gaussians far from all of them are skipped.
    """
    inward = gaussians.rotations().transpose(1, 2) / gaussians.scales[:, :, None]
    reach = _REACH * gaussians.scales.amax(dim=-1, keepdim=True)
    low, high = gaussians.means - reach, gaussians.means + reach
    begins = torch.zeros_like(origins[:, :1]) if nears is None else nears.to(origins)
    ends = torch.full_like(begins, torch.inf) if fars is None else fars.to(origins)
    indices, pixels, alphas = [], [], []
    start = 0
    while start < len(origins):
        some = slice(start, min(start + _RAYS_AT_ONCE, len(origins)))
        near = _near(low, high, origins[some], directions[some], begins[some], ends[some])
        some = slice(start, min(some.stop, start + max(1, _PAIRS_AT_ONCE // max(1, len(near)))))
        ray = torch.einsum("gij,rj->rgi", inward[near], directions[some])
        centre = torch.einsum("gij,rgj->rgi", inward[near], gaussians.means[near] - origins[some, None])
        along = (ray * centre).sum(dim=-1) / (ray * ray).sum(dim=-1)
        off = (centre - along[..., None] * ray).square().sum(dim=-1)
        alpha = (gaussians.opacities[near] * torch.exp(-0.5 * off)).clamp(max=_MOST_ALPHA)
        missed = (alpha < _LEAST_ALPHA) | (along <= begins[some]) | (along > ends[some])
        along, order = along.masked_fill(missed, torch.inf).sort(dim=1)
        row, place = along.isfinite().nonzero().unbind(-1)
        which = order[row, place]
        indices.append(near[which])
        pixels.append(row + start)
        alphas.append(alpha[row, which])
        start = some.stop
    if not indices:
        none = torch.zeros(0, dtype=torch.long, device=origins.device)
        return Contributions(none, none, origins.new_zeros(0))
    pixel, alpha = torch.cat(pixels), torch.cat(alphas)
    return Contributions(torch.cat(indices), pixel, alpha * light_before(alpha, pixel))


def _near(low: Tensor, high: Tensor, origins: Tensor, directions: Tensor, begins: Tensor, ends: Tensor) -> Tensor:
    """Gaussians whose box meets that of some rays."""
    if not bool(ends.isfinite().all()):
        return torch.arange(len(low), device=low.device)
    corners = torch.cat([origins + directions * begins, origins + directions * ends])
    return ((high > corners.amin(dim=0)) & (low < corners.amax(dim=0))).all(dim=-1).nonzero()[:, 0]


@torch.no_grad()
def ray_outputs(model: Model, rays: RayBundle) -> dict[str, Any]:
    """The outputs of a field's model for the same rays.

    Args:
        model: Splatfacto, or a model with the same parts.
        rays: [rays], with near and far planes.

    Returns:
        rgb, depth (distance from the origin of the ray), accumulation and, of a model that knows classes, semantics.
    """
    gaussians = model_gaussians(model).detached()
    origins, directions = rays.origins.to(gaussians.means), rays.directions.to(gaussians.means)
    found = contributions_of_rays(gaussians, origins, directions, rays.nears, rays.fars)
    basis = harmonic_basis(directions, gaussians.degree)[found.pixels]
    colours = ((basis[..., None] * gaussians.harmonics[found.gaussians]).sum(dim=1) + 0.5).clamp(min=0.0)
    alpha = found.composited(torch.ones_like(found.weights[:, None]), len(origins))
    distance = found.samples_of_rays(gaussians, origins, directions, (len(origins), 1)).distance
    rgb = found.composited(colours, len(origins)) + (1.0 - alpha) * model._get_background_color()
    outputs = {
        "rgb": rgb.clamp(0.0, 1.0),
        "depth": distance.where(distance.isfinite(), rays.fars.to(distance)),
        "accumulation": alpha,
    }
    if getattr(model, "stage", 1) == 2 and getattr(model, "semantic_network", None) is not None:
        features = found.composited(model.rasterised_features()[found.gaussians], len(origins))
        outputs.update(model.classes_of(features, outputs["rgb"]))
    return outputs
