"""What every Gaussian contributes to every pixel of a view."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.splats.gaussians import Gaussians

MINIMUM_WEIGHT = 0.01
"""Contributions of less are left out of a view's samples: at most 100 of a pixel remain, and most of its light."""
_LONGEST = 3.0  # standard deviations from its centre within which a Gaussian shows a surface


@dataclass(frozen=True, eq=False)
class Contributions:
    """The weights that a view is composited with.

    Args:
        gaussians: index of the Gaussian.
        pixels: row-major index of the pixel, ascending; within a pixel the Gaussians go from front to back.
        weights: its opacity there times the light that those in front of it let through.
    """

    gaussians: Int64[Tensor, " contributions"]
    pixels: Int64[Tensor, " contributions"]
    weights: Float[Tensor, " contributions"]

    def composited(
        self, values: Float[Tensor, "contributions channels"], pixels: int
    ) -> Float[Tensor, "pixels channels"]:
        """Sum over each pixel of weight times value.

        Args:
            values: of each contribution.
            pixels: how many there are.
        """
        return values.new_zeros(pixels, values.shape[1]).index_add_(0, self.pixels, self.weights[:, None] * values)

    def samples(self, gaussians: Gaussians, camera: Pinhole, minimum_weight: float = MINIMUM_WEIGHT) -> ViewSamples:
        """The same as the samples of a view: each at the centre of its Gaussian.

        Args:
            gaussians: the scene.
            camera: of the view.
            minimum_weight: samples above it are kept.
        """
        directions = camera.directions().reshape(-1, 3)
        origins = camera.centre.expand_as(directions)
        return self.samples_of_rays(gaussians, origins, directions, camera.size, minimum_weight)

    def samples_of_rays(
        self,
        gaussians: Gaussians,
        origins: Float[Tensor, "rays 3"],
        directions: Float[Tensor, "rays 3"],
        size: tuple[int, int],
        minimum_weight: float = MINIMUM_WEIGHT,
    ) -> ViewSamples:
        """The same for any rays; the surface is where the Gaussian that absorbs the middle of the light is densest."""
        before = in_front(self.weights, self.pixels)
        middle = (before < 0.5) & (before + self.weights.double() >= 0.5)
        pixels = self.pixels[middle]
        distance = torch.full((len(directions),), torch.inf, device=directions.device)
        shown = gaussians.where(self.gaussians[middle])
        distance[pixels] = nearest_along(shown, origins[pixels], directions[pixels])
        kept = self.weights > minimum_weight
        index = self.gaussians[kept]
        positions = gaussians.means[index]
        elevation = directions[:, 2].reshape(size)
        return ViewSamples(
            positions, self.weights[kept], self.pixels[kept], distance.reshape(size), index, elevation=elevation
        )


def nearest_along(
    gaussians: Gaussians, origins: Float[Tensor, "rays 3"], directions: Float[Tensor, "rays 3"]
) -> Float[Tensor, " rays"]:
    """How far along each ray its own Gaussian is densest.

    Args:
        gaussians: one for each ray.
        origins: of the rays.
        directions: unit length.
    """
    away = gaussians.means - origins
    # in each Gaussian's own axes, in standard deviations, it is a ball
    inward = gaussians.rotations().transpose(1, 2) / gaussians.scales[:, :, None]
    ray, centre = (inward @ directions[:, :, None])[..., 0], (inward @ away[:, :, None])[..., 0]
    along = (ray * centre).sum(dim=-1) / (ray * ray).sum(dim=-1)
    # a ray that only grazes it may be nearest to it far away
    middle, reach = (away * directions).sum(dim=-1), _LONGEST * gaussians.scales.amax(dim=-1)
    return torch.minimum(torch.maximum(along, middle - reach), middle + reach)


def in_front(values: Float[Tensor, " contributions"], pixels: Tensor) -> Float64[Tensor, " contributions"]:
    """The sum of the values in front of each within its pixel.

    Args:
        values: each pixel's from front to back.
        pixels: index of the pixel, ascending.
    """
    exact = values.double()
    total = exact.cumsum(0) - exact
    first = torch.ones_like(pixels, dtype=torch.bool)
    first[1:] = pixels[1:] != pixels[:-1]
    return total - total[first.nonzero()[:, 0]][first.cumsum(0) - 1]


def light_before(alpha: Float[Tensor, " contributions"], pixels: Tensor) -> Float[Tensor, " contributions"]:
    """The light that those in front let through.

    Args:
        alpha: opacities, below 1; each pixel's from front to back.
        pixels: index of the pixel, ascending.
    """
    return in_front(torch.log1p(-alpha.double()), pixels).exp().to(alpha)
