"""A small, slow rasteriser in plain torch that runs anywhere: what gsplat computes, written to be read."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.splats.contributions import Contributions
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.projection import ProjectedGaussians, project

TILE = 16
"""Edge of a tile, pixels: gsplat's, because a Gaussian ends where the tiles that its radius touches end."""
LEAST_ALPHA = 1.0 / 255.0
MOST_ALPHA = 0.999
LEAST_LIGHT = 1e-4
"""A pixel is finished before the Gaussian that would let less light through than this."""


class ReferenceRasteriser:
    """See :class:`~nerfseg_ns.splats.rasteriser.Rasteriser`.

    One tile of pixels at a time: memory is that of a tile's Gaussians times its pixels. For gradients of the geometry
    each tile is computed anew; for those of features alone its weights are kept.
    """

    def render(
        self, gaussians: Gaussians, features: Float[Tensor, "gaussians channels"], camera: Pinhole
    ) -> tuple[Float[Tensor, "h w channels"], Float[Tensor, "h w"]]:
        """See there."""
        projected = project(gaussians, camera)
        opacities, chosen = gaussians.opacities[projected.index], features[projected.index]
        # the ones add up to the opacity
        chosen = torch.cat([chosen, torch.ones_like(chosen[:, :1])], dim=-1)
        height, width = camera.size
        rows, line = [], 0
        pieces: list[Tensor] = []
        for top, left, near in _tiles(projected, camera.size):
            if top != line:
                rows.append(torch.cat(pieces, dim=1))
                pieces, line = [], top
            size = min(TILE, height - top), min(TILE, width - left)
            pixels = _centres(top, left, size, chosen)
            shapes = (projected.centres[near], projected.conics[near], opacities[near])
            if torch.is_grad_enabled() and any(part.requires_grad for part in shapes):
                tile = checkpoint(_composited, *shapes, chosen[near], pixels, use_reentrant=False)
            else:
                tile = _composited(*shapes, chosen[near], pixels)
            pieces.append(tile.reshape(*size, -1))
        rows.append(torch.cat(pieces, dim=1))
        image = torch.cat(rows, dim=0)
        return image[..., :-1], image[..., -1]

    @torch.no_grad()
    def contributions(self, gaussians: Gaussians, camera: Pinhole) -> Contributions:
        """See there."""
        projected = project(gaussians, camera)
        opacities = gaussians.opacities[projected.index]
        height, width = camera.size
        found: list[tuple[Tensor, Tensor, Tensor]] = []
        for top, left, near in _tiles(projected, camera.size):
            size = min(TILE, height - top), min(TILE, width - left)
            pixels = _centres(top, left, size, opacities)
            weights = _weights(projected.centres[near], projected.conics[near], opacities[near], pixels)
            pixel, which = (weights.T > 0).nonzero().unbind(-1)
            row, column = pixel // size[1] + top, pixel % size[1] + left
            found.append((projected.index[near[which]], row * width + column, weights[which, pixel]))
        index, pixel, weight = (torch.cat(parts) for parts in zip(*found))
        order = pixel.argsort(stable=True)
        return Contributions(index[order], pixel[order], weight[order])


def _tiles(projected: ProjectedGaussians, size: tuple[int, int]) -> Iterator[tuple[int, int, Int64[Tensor, " near"]]]:
    """Top, left and the Gaussians of each tile, front to back; tiles row by row."""
    low = ((projected.centres - projected.radii[:, None]) / TILE).detach().floor()
    high = ((projected.centres + projected.radii[:, None]) / TILE).detach().ceil()
    for row in range(-(-size[0] // TILE)):
        in_row = (low[:, 1] <= row) & (row < high[:, 1])
        for column in range(-(-size[1] // TILE)):
            near = in_row & (low[:, 0] <= column) & (column < high[:, 0])
            yield row * TILE, column * TILE, near.nonzero()[:, 0]


def _centres(top: int, left: int, size: tuple[int, int], like: Tensor) -> Float[Tensor, "pixels 2"]:
    y, x = torch.meshgrid(
        torch.arange(top, top + size[0], device=like.device, dtype=like.dtype) + 0.5,
        torch.arange(left, left + size[1], device=like.device, dtype=like.dtype) + 0.5,
        indexing="ij",
    )
    return torch.stack([x, y], dim=-1).reshape(-1, 2)


def _weights(
    centres: Float[Tensor, "near 2"],
    conics: Float[Tensor, "near 3"],
    opacities: Float[Tensor, " near"],
    pixels: Float[Tensor, "pixels 2"],
) -> Float[Tensor, "near pixels"]:
    """Opacity times remaining light of each Gaussian, front to back, at each pixel."""
    x, y = (pixels[None] - centres[:, None]).unbind(-1)
    xx, xy, yy = (entry[:, None] for entry in conics.unbind(-1))
    exponent = 0.5 * (xx * x * x + yy * y * y) + xy * x * y
    alpha = (opacities[:, None] * torch.exp(-exponent)).clamp(max=MOST_ALPHA)
    alpha = torch.where((exponent >= 0) & (alpha >= LEAST_ALPHA), alpha, 0.0)
    after = torch.cumprod(1.0 - alpha, dim=0)
    before = torch.cat([torch.ones_like(after[:1]), after[:-1]])
    return torch.where(after > LEAST_LIGHT, alpha * before, 0.0)


def _composited(
    centres: Tensor, conics: Tensor, opacities: Tensor, features: Float[Tensor, "near channels"], pixels: Tensor
) -> Float[Tensor, "pixels channels"]:
    return _weights(centres, conics, opacities, pixels).T @ features
