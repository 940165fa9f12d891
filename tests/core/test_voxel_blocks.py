import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nerfseg_ns.core.voxel_blocks import BLOCK, blocks_around, bytes_needed


def test_a_position_on_a_voxel_centre_has_one_voxel() -> None:
    blocks = blocks_around(torch.tensor([[0.5, -1.0, 2.0]]), cell=0.5)
    near = blocks.trilinear(torch.tensor([[0.5, -1.0, 2.0]]))
    voxel = near.sites[0, near.shares[0] == 1.0]
    assert len(voxel) == 1 and near.shares.sum() == 1.0
    torch.testing.assert_close(blocks.centres()[voxel[0]], torch.tensor([0.5, -1.0, 2.0]))


def test_shares_by_hand() -> None:
    position = torch.tensor([[0.25, 0.5, 0.0]])
    near = blocks_around(position, cell=1.0).trilinear(position)
    # x: 3/4 near, 1/4 far; y: half each; z: all near
    assert near.shares[0].tolist() == [0.375, 0.0, 0.375, 0.0, 0.125, 0.0, 0.125, 0.0]


coordinate = st.floats(-20, 20, width=32)


@given(st.lists(st.tuples(coordinate, coordinate, coordinate), min_size=1, max_size=20), st.floats(0.1, 3.0))
def test_interpolating_the_centres_gives_the_positions(points: list[tuple[float, float, float]], cell: float) -> None:
    positions = torch.tensor(points, dtype=torch.float64)
    blocks = blocks_around(positions, cell)
    near = blocks.trilinear(positions)
    assert int(near.sites.max()) < blocks.count  # every corner exists
    interpolated = (blocks.centres().double()[near.sites] * near.shares[..., None]).sum(dim=1)
    torch.testing.assert_close(interpolated, positions, atol=1e-4, rtol=1e-5)


def test_positions_elsewhere_have_no_voxels() -> None:
    blocks = blocks_around(torch.tensor([[0.5, 0.5, 0.5], [90.5, 0.5, 0.5]]), cell=1.0)
    assert blocks.blocks == 2  # not the ten blocks between them
    elsewhere = torch.tensor([[40.0, 0.0, 0.0], [-40.0, 0.0, 0.0], [0.0, 0.0, 900.0]])
    assert bool((blocks.trilinear(elsewhere).sites == blocks.count).all())


def test_the_box_holds_all_voxels() -> None:
    blocks = blocks_around(torch.tensor([[0.5, 0.5, 0.5], [-9.5, 3.0, 0.5]]), cell=1.0)
    low, high = blocks.bounds()
    centres = blocks.centres()
    assert centres.shape == (blocks.count, 3) and len(centres.unique(dim=0)) == blocks.count
    assert bool(((centres >= low) & (centres < high)).all())


def test_memory_is_an_upper_bound() -> None:
    positions = torch.rand(2000, 3)
    blocks = blocks_around(positions, cell=0.01)
    bound = bytes_needed(positions.amin(dim=0), positions.amax(dim=0), 0.01, channels=3)
    assert blocks.count * 3 * 8 <= bound <= 3 * (BLOCK * 15) ** 3 * 8


@pytest.mark.parametrize("cell", [0.3, 1.0])
def test_neighbours_across_a_block_are_adjacent(cell: float) -> None:
    edge = torch.tensor([[(BLOCK - 0.5) * cell, 0.0, 0.0]])
    blocks = blocks_around(edge, cell)
    assert blocks.blocks == 2
    near = blocks.trilinear(edge)
    used = near.shares[0] > 0.4
    torch.testing.assert_close(blocks.centres()[near.sites[0, used]][:, 0], torch.tensor([BLOCK - 1.0, BLOCK]) * cell)
