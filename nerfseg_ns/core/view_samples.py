"""What the rays of one view met: all that 3D selection needs to know of a radiance field."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

MINIMUM_WEIGHT = 0.1
"""Samples of less volume-rendering weight are left out (SA3D's code)."""


@dataclass(frozen=True, eq=False)
class ViewSamples:
    """The samples that carry weight along the rays of one view.

    Args:
        positions: in nerfstudio's scene frame, scene units.
        weights: volume-rendering weights.
        pixels: row-major index of the pixel each sample's ray belongs to, ascending.
        distance: of each pixel's surface from the camera (where half of the light is absorbed), scene units;
            infinite where the ray meets nothing.
        primitives: in a scene of Gaussians the index of each sample's Gaussian; the position is then its centre.
        elevation: sine of the angle by which each pixel's ray rises, third axis up; None where it is not known.
    """

    positions: Float[Tensor, "samples 3"]
    weights: Float[Tensor, " samples"]
    pixels: Int64[Tensor, " samples"]
    distance: Float[Tensor, "h w"]
    primitives: Int64[Tensor, " samples"] | None = None
    elevation: Float[Tensor, "h w"] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) of the view."""
        return self.distance.shape[0], self.distance.shape[1]

    def where(self, kept: Tensor) -> "ViewSamples":
        """The samples of a boolean mask or of indices."""
        primitives = None if self.primitives is None else self.primitives[kept]
        return replace(
            self,
            positions=self.positions[kept],
            weights=self.weights[kept],
            pixels=self.pixels[kept],
            primitives=primitives,
        )

    def per_pixel(self, values: Float[Tensor, "samples channels"]) -> Float[Tensor, "h w channels"]:
        """Sum over each ray of weight times value: mask inverse rendering's forward direction (SA3D, Eq. 2)."""
        height, width = self.size
        total = values.new_zeros(height * width, values.shape[1])
        total.index_add_(0, self.pixels, self.weights[:, None] * values)
        return total.reshape(height, width, -1)


def weighty_samples(
    positions: Float[Tensor, "rays samples 3"],
    weights: Float[Tensor, "rays samples"],
    ends: Float[Tensor, "rays samples"],
    first_pixel: int = 0,
    minimum_weight: float = MINIMUM_WEIGHT,
) -> tuple[Float[Tensor, "kept 3"], Float[Tensor, " kept"], Int64[Tensor, " kept"], Float[Tensor, " rays"]]:
    """Keep the samples that matter of a bundle of rays.

    Args:
        positions: sample positions.
        weights: their volume-rendering weights.
        ends: distance of each sample from the camera.
        first_pixel: index of the first ray's pixel.
        minimum_weight: samples above it are kept.

    Returns:
        positions, weights and pixel indices of the samples kept, and each ray's distance (infinite where the ray
        keeps less than half of its light).
    """
    kept = weights > minimum_weight
    pixels = kept.nonzero()[:, 0] + first_pixel
    absorbed = weights.cumsum(dim=-1)
    middle = (absorbed < 0.5).sum(dim=-1, keepdim=True).clamp(max=weights.shape[-1] - 1)
    distance = ends.gather(-1, middle)[:, 0]
    return positions[kept], weights[kept], pixels, distance.where(absorbed[:, -1] > 0.5, torch.inf)
