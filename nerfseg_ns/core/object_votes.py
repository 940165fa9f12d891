"""Weighted voting: what SA3D's mask inverse rendering amounts to, in closed form.

With learning rate 1, a loss linear in the grid and one step per view, SA3D's training adds
``w * M - lambda * w * (1 - M)`` to every voxel near a sample: votes for and against. Kept apart, the two sums need no
order of views, no optimiser and no fixed threshold.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.core.voxel_blocks import TrilinearWeights, VoxelBlocks


@dataclass(eq=False)
class ObjectVotes:
    """Votes for and against each object at each voxel (A1 and A0).

    Args:
        inside: sum of trilinear share x rendering weight x mask; the last row takes what falls outside of the blocks.
        outside: the same of 1 - mask.
    """

    inside: Float[Tensor, "voxels objects"]
    outside: Float[Tensor, "voxels objects"]

    @classmethod
    def none(cls, blocks: VoxelBlocks, objects: int) -> "ObjectVotes":
        """No votes yet."""
        device = blocks.table.device
        return cls(*(torch.zeros(blocks.count + 1, objects, device=device) for _ in range(2)))

    def add(
        self,
        samples: ViewSamples,
        near: TrilinearWeights,
        masks: Float[Tensor, "h w objects"],
        weights: Float[Tensor, " objects"] | float = 1.0,
    ) -> None:
        """Count the votes of one view.

        Args:
            samples: of the view, those inside the blocks.
            near: their voxels.
            masks: 1 where a pixel shows the object, 0 elsewhere.
            weights: trust in this view's mask of each object; its negative takes a vote back.
        """
        mask = masks.flatten(0, 1)[samples.pixels]
        shares = near.shares * samples.weights[:, None]
        # Objects cover few pixels: every sample is counted once for all objects together, and those on a mask again.
        every = torch.zeros_like(self.inside[:, 0]).index_add_(0, near.voxels.reshape(-1), shares.reshape(-1))
        on_mask = (mask != 0).any(dim=1).nonzero()[:, 0]
        votes = (shares[on_mask, :, None] * mask[on_mask, None]).flatten(0, 1)
        inside = torch.zeros_like(self.inside).index_add_(0, near.voxels[on_mask].reshape(-1), votes)
        self.inside += inside * weights
        self.outside += (every[:, None] - inside) * weights

    def of(self, channel: int) -> "ObjectVotes":
        """The votes on one of several objects alone."""
        return ObjectVotes(
            self.inside[:, channel : channel + 1].clone(), self.outside[:, channel : channel + 1].clone()
        )

    def score(self, against: float = 1.0) -> Float[Tensor, "voxels objects"]:
        """SA3D's grid: votes for, less ``against`` (lambda) times the votes against it."""
        return self.inside - against * self.outside

    def at(
        self, near: TrilinearWeights
    ) -> tuple[Float[Tensor, "positions objects"], Float[Tensor, "positions objects"]]:
        """Both sums, interpolated at positions."""
        voxels, shares = near.voxels, near.shares[..., None]
        return (self.inside[voxels] * shares).sum(dim=1), (self.outside[voxels] * shares).sum(dim=1)

    def membership(self, near: TrilinearWeights) -> Float[Tensor, "positions objects"]:
        """Share of the votes at each position that are for the object, 0..1; 0 where nobody voted.

        SA3D's ``score(lambda) > 0`` is ``membership > lambda / (1 + lambda)``.
        """
        inside, outside = self.at(near)
        return inside / (inside + outside).clamp(min=1e-8)
