"""A voxel grid of which only the blocks near an object exist."""

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.core.vote_sites import NearSites

BLOCK = 8
"""Voxels along each edge of a block."""


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

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return self.low.device

    @property
    def head_on(self) -> float:
        """Of a surface that fills a voxel's cross-section, when a pixel is about as large as a voxel."""
        return 1.0

    def near(self, samples: ViewSamples) -> NearSites:
        """The eight voxels around each sample."""
        return self.trilinear(samples.positions)

    def at(self, positions: Float[Tensor, "positions 3"]) -> NearSites:
        """The eight voxels around each position."""
        return self.trilinear(positions)

    def trilinear(self, positions: Float[Tensor, "positions 3"]) -> NearSites:
        """Corners and shares of trilinear interpolation; corners outside of all blocks have index :attr:`count`."""
        scaled = positions / self.cell
        base = scaled.floor()
        fraction = scaled - base
        shares = torch.stack([1.0 - fraction, fraction], dim=-1)  # [positions, axis, near or far corner]
        x, y, z = shares.unbind(dim=1)
        products = (x[:, :, None] * y[:, None, :])[:, :, :, None] * z[:, None, None, :]
        return NearSites(self._corners(base.long()), products.reshape(-1, 8))

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

    def _corners(self, base: Int64[Tensor, "positions 3"]) -> Int64[Tensor, "positions 8"]:
        """Voxel indices of the eight corners, from near to far along x, y, z; :attr:`count` where there is none."""
        voxels = torch.stack([base, base + 1], dim=-1)  # per axis: 2 numbers instead of 8 corners of 3
        first = self._first_voxels
        shape = torch.tensor(first.shape, device=base.device)
        # shifts and masks are BLOCK's divisions; positions beyond the table fall on its rim, where there is nothing
        blocks = (voxels >> 3) - self.low[:, None] + 1
        blocks = torch.minimum(blocks.clamp(min=0), shape[:, None] - 1)
        x, y, z = blocks.unbind(dim=1)
        row = x[:, :, None] * shape[1] + y[:, None, :]
        start = first.flatten()[row[:, :, :, None] * shape[2] + z[:, None, None, :]]
        i, j, k = (voxels & (BLOCK - 1)).unbind(dim=1)
        within = (i[:, :, None] * BLOCK + j[:, None, :]) * BLOCK
        index = start + (within[:, :, :, None] + k[:, None, None, :])
        return torch.where(start < self.count, index, self.count).reshape(-1, 8)

    @cached_property
    def _first_voxels(self) -> Int64[Tensor, "x y z"]:
        """Index of each block's first voxel, :attr:`count` where there is no block, with a rim of such around."""
        padded = F.pad(self.table, (1,) * 6, value=-1)
        return torch.where(padded < 0, self.count, padded * BLOCK**3)


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
