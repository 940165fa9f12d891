"""What stage 2 knows of every Gaussian: a learned feature beside what stage 1 has found out."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nerfseg_ns.splats.gaussians import Gaussians

OCTAVES = 5
"""Of the sines and cosines of a position, from the size of the scene downwards."""


class GaussianFeatures(nn.Module):
    """A location feature of each Gaussian for the Seg-MLP.

    The learned part alone would leave the Gaussians that no labelled view shows without a class; position, colour,
    shape and opacity, which are frozen, carry over what is learned from the others.

    Args:
        learned_dim: learned channels of each Gaussian, 0 at first.
    """

    def __init__(self, learned_dim: int) -> None:
        super().__init__()
        self.learned = nn.Parameter(torch.zeros(1, learned_dim))

    @property
    def out_dim(self) -> int:
        """Channels of a location feature."""
        return self.learned.shape[1] + 3 + 6 * OCTAVES + 3 + 3 + 1

    def resize(self, count: int) -> None:
        """One learned feature for each of so many Gaussians; they begin at 0 unless the number is the same."""
        if len(self.learned) != count:
            self.learned = nn.Parameter(self.learned.new_zeros(count, self.learned.shape[1]))

    def forward(self, gaussians: Gaussians) -> Float[Tensor, "gaussians out_dim"]:
        """Location features; no gradient flows back into the Gaussians.

        Args:
            gaussians: scene frame, cameras within distance 1 of the origin.
        """
        still = gaussians.detached()
        # nearer than 1 as it is, farther off drawn in to at most 2 (mip-NeRF 360, Eq. 10)
        length = still.means.norm(dim=-1, keepdim=True).clamp(min=1.0)
        position = still.means * (2.0 - 1.0 / length) / length
        waves = position[..., None] * math.pi / 2 * 2.0 ** torch.arange(OCTAVES, device=position.device)
        colours = still.harmonics[:, 0].clamp(-2.0, 2.0)
        shape = (still.log_scales + 5.0).clamp(-3.0, 3.0).sort(dim=-1).values
        known = [position, waves.sin().flatten(1), waves.cos().flatten(1), colours, shape, still.opacities[:, None]]
        return torch.cat([self.learned, *known], dim=-1)
