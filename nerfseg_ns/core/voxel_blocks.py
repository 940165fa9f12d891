"""A voxel grid of which only the blocks near an object exist."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

BLOCK = 8
"""Voxels along each edge of a block."""


class TrilinearWeights(NamedTuple):
    """The eight voxels around each position, and how much each counts.

    Args:
        voxels: index of each corner's voxel; corners outside of all blocks have index :attr:`VoxelBlocks.count`.
        shares: they sum to 1 over the corners.
    """

    voxels: Int64[Tensor, "positions 8"]
    shares: Float[Tensor, "positions 8"]


@dataclass(frozen=True, eq=False)
class VoxelBlocks:
    """Blocks of 8 x 8 x 8 voxels around given positions; voxel centres lie at whole multiples of the cell size.

    Args:
        cell: edge of a voxel, scene units.
        low: block coordinate of the table's first entry.
        table: number of each block, or -1 where there is none.
        blocks: how many there are.
    """

    cell: float
    low: Int64[Tensor, "3"]
    table: Int64[Tensor, "x y z"]
    blocks: int

    @property
    def count(self) -> int:
        """Voxels of all blocks."""
        return self.blocks * BLOCK**3

    def trilinear(self, positions: Float[Tensor, "positions 3"]) -> TrilinearWeights:
        """Corners and shares of trilinear interpolation."""
        scaled = positions / self.cell
        base = scaled.floor()
        fraction = scaled - base
        corners = torch.cartesian_prod(*[torch.arange(2, device=positions.device)] * 3)
        voxels = self._index(base.long()[:, None] + corners)
        shares = torch.where(corners.bool(), fraction[:, None], 1.0 - fraction[:, None]).prod(dim=-1)
        return TrilinearWeights(voxels, shares)

    def bounds(self) -> tuple[Float[Tensor, "3"], Float[Tensor, "3"]]:
        """Corners of the box that holds all blocks, scene units."""
        shape = torch.tensor(self.table.shape, device=self.low.device)
        edge = BLOCK * self.cell
        return self.low * edge, (self.low + shape) * edge

    def centres(self) -> Float[Tensor, "voxels 3"]:
        """Position of every voxel, in the order of their indices."""
        where = (self.table >= 0).nonzero()
        origin = torch.empty_like(where)
        origin[self.table[tuple(where.unbind(-1))]] = (where + self.low) * BLOCK
        inside = torch.cartesian_prod(*[torch.arange(BLOCK, device=self.table.device)] * 3)
        return (origin[:, None] + inside).reshape(-1, 3) * self.cell

    def _index(self, voxel: Int64[Tensor, "*shape 3"]) -> Int64[Tensor, "*shape"]:
        block = voxel.div(BLOCK, rounding_mode="floor") - self.low
        shape = torch.tensor(self.table.shape, device=voxel.device)
        outside = ((block < 0) | (block >= shape)).any(dim=-1)
        x, y, z = block.clamp(min=torch.zeros_like(shape), max=shape - 1).unbind(-1)
        number = self.table[x, y, z]
        i, j, k = voxel.remainder(BLOCK).unbind(-1)
        index = ((number * BLOCK + i) * BLOCK + j) * BLOCK + k
        return torch.where(outside | (number < 0), self.count, index)


def blocks_around(positions: Float[Tensor, "positions 3"], cell: float) -> VoxelBlocks:
    """The blocks that hold all corners of the given positions.

    Args:
        positions: finite, scene units; at least one.
        cell: edge of a voxel, scene units.
    """
    base = (positions / cell).floor().long()
    reached = torch.cat([base, base + 1]).div(BLOCK, rounding_mode="floor")
    low, high = reached.amin(dim=0), reached.amax(dim=0)
    exists = torch.zeros(*(high - low + 1).tolist(), dtype=torch.bool, device=positions.device)
    first, last = reached[: len(base)] - low, reached[len(base) :] - low
    for corner in torch.cartesian_prod(*[torch.arange(2, device=positions.device)] * 3):
        block = torch.where(corner.bool(), last, first)
        exists[tuple(block.unbind(-1))] = True
    table = torch.full(exists.shape, -1, dtype=torch.long, device=positions.device)
    blocks = int(exists.sum())
    table[exists] = torch.arange(blocks, device=positions.device)
    return VoxelBlocks(cell, low, table, blocks)


def bytes_needed(low: Float[Tensor, "3"], high: Float[Tensor, "3"], cell: float, channels: int) -> int:
    """The most memory that the votes in a box can take: two float32 sums per voxel and channel.

    Args:
        low: corner of the box, scene units.
        high: the opposite corner.
        cell: edge of a voxel, scene units.
        channels: objects at once.
    """
    voxels = ((high - low) / cell / BLOCK + 2).ceil().prod() * BLOCK**3
    return int(voxels) * channels * 8
