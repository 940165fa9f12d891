"""An object with its inside: votes lie on surfaces alone, but what is removed must not leave its filling behind."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from nerfseg_ns.core.voxel_blocks import BLOCK, VoxelBlocks
from nerfseg_ns.selection.selected_object import SelectedObject

FEWEST_VOTES = 0.05
"""Voxels with fewer votes were seen by nobody."""

RIM = 2
"""Voxels around an object that go with it unless a vote refuses them: the faint haze of a surface gets no votes."""


@dataclass(frozen=True, eq=False)
class ObjectSolid:
    """Voxels of an object, of what it encloses, and a rim of what nobody saw.

    Args:
        cell: edge of a voxel, scene units.
        low: coordinate of the first voxel, whose centre lies at ``low * cell``.
        filled: which voxels belong to it.
    """

    cell: float
    low: Int64[Tensor, "3"]
    filled: Bool[Tensor, "x y z"]

    @classmethod
    def of(cls, selected: SelectedObject) -> "ObjectSolid":
        """Fill the unseen voxels that have the object on both sides along at least two axes."""
        blocks = selected.sites
        assert isinstance(blocks, VoxelBlocks)
        low = blocks.low * BLOCK
        inside = torch.zeros([size * BLOCK for size in blocks.table.shape], dtype=torch.bool, device=low.device)
        unseen = torch.ones_like(inside)
        where = tuple(((blocks.centres() / blocks.cell).round().long() - low).unbind(-1))
        votes_for, against = (votes[: blocks.count, 0] for votes in (selected.votes.inside, selected.votes.outside))
        total = votes_for + against
        inside[where] = (votes_for > selected.threshold * total) & (total > FEWEST_VOTES)
        unseen[where] = total <= FEWEST_VOTES
        between = sum(_between(inside, axis).to(torch.uint8) for axis in range(3))
        filled = inside | (unseen & (between >= 2))
        rim = torch.nn.functional.max_pool3d(filled[None, None].float(), 2 * RIM + 1, stride=1, padding=RIM)[0, 0] > 0
        return cls(blocks.cell, low, filled | (rim & unseen))

    def contains(self, positions: Float[Tensor, "*batch 3"]) -> Bool[Tensor, "*batch"]:
        """Whether points of the scene frame lie in one of the voxels."""
        shape = torch.tensor(self.filled.shape, device=self.low.device)
        scaled = (positions / self.cell).round() - self.low
        within = ((scaled >= 0) & (scaled < shape)).all(dim=-1)
        result = torch.zeros(positions.shape[:-1], dtype=torch.bool, device=positions.device)
        result[within] = self.filled[tuple(scaled[within].long().unbind(-1))]
        return result


def _between(inside: Bool[Tensor, "x y z"], axis: int) -> Bool[Tensor, "x y z"]:
    before = inside.to(torch.uint8).cummax(dim=axis).values
    behind = inside.flip(axis).to(torch.uint8).cummax(dim=axis).values.flip(axis)
    return (before & behind).bool()
