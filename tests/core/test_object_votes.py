"""The votes against SA3D as it is published: a dense grid, its loss, and SGD with learning rate 1."""

import itertools

import torch
import torch.nn.functional as F

from nerfseg_ns.core.object_votes import ObjectVotes
from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.core.voxel_blocks import VoxelBlocks, blocks_around

GRID = 9  # voxels per edge of the reference grid, at 0, 1, ... 8
VIEWS, HEIGHT, WIDTH, OBJECTS = 3, 4, 5, 2


def scene() -> list[tuple[ViewSamples, torch.Tensor]]:
    """Random samples and masks of some views."""
    torch.manual_seed(0)
    views = []
    for _ in range(VIEWS):
        pixels = torch.arange(HEIGHT * WIDTH).repeat_interleave(2)
        positions = 0.5 + 7 * torch.rand(len(pixels), 3)
        weights = 0.1 + 0.4 * torch.rand(len(pixels))
        samples = ViewSamples(positions, weights, pixels, torch.ones(HEIGHT, WIDTH))
        views.append((samples, (torch.rand(HEIGHT, WIDTH, OBJECTS) > 0.5).float()))
    return views


def trained_grid(views: list[tuple[ViewSamples, torch.Tensor]], against: list[float]) -> torch.Tensor:
    """SA3D: rendered masks, the loss -sum M m + lambda sum (1 - M) m, and one step of SGD for each view."""
    grid = torch.zeros(1, OBJECTS, GRID, GRID, GRID, requires_grad=True)
    optimizer = torch.optim.SGD([grid], lr=1.0)
    for (samples, mask), factor in zip(views, against):
        # grid_sample wants (z, y, x) in -1..1
        where = (samples.positions / (GRID - 1) * 2 - 1).flip(-1).reshape(1, -1, 1, 1, 3)
        values = F.grid_sample(grid, where, align_corners=True)[0, :, :, 0, 0].T
        rendered = samples.per_pixel(values)
        loss = (-mask * rendered + factor * (1 - mask) * rendered).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return grid.detach()[0]


def voted(views: list[tuple[ViewSamples, torch.Tensor]]) -> tuple[VoxelBlocks, ObjectVotes]:
    blocks = blocks_around(torch.cat([samples.positions for samples, _ in views]), cell=1.0)
    votes = ObjectVotes.none(blocks, OBJECTS)
    for samples, mask in views:
        votes.add(samples, blocks.trilinear(samples.positions), mask)
    return blocks, votes


def test_one_pass_of_votes_is_sa3ds_training_in_any_order() -> None:
    views = scene()
    for order in itertools.permutations(range(VIEWS)):
        ordered = [views[i] for i in order]
        reference = trained_grid(ordered, [1.0] * VIEWS)
        blocks, votes = voted(ordered)
        centres = blocks.centres().round().long()
        inside = ((centres >= 0) & (centres < GRID)).all(dim=-1)
        score = votes.score(against=1.0)[:-1]
        expected = reference[:, centres[inside, 0], centres[inside, 1], centres[inside, 2]].T
        torch.testing.assert_close(score[inside], expected, atol=1e-5, rtol=1e-5)
        assert expected.abs().max() > 0.5
        assert score[~inside].abs().max() < 1e-6


def test_the_factor_against_is_a_threshold_on_the_membership() -> None:
    views = scene()
    reference = trained_grid(views, [5.0] * VIEWS)
    blocks, votes = voted(views)
    centres = blocks.centres()
    inside = ((centres >= 0) & (centres <= GRID - 1)).all(dim=-1)
    x, y, z = centres[inside].round().long().unbind(-1)
    trained = reference[:, x, y, z].T > 1e-6
    membership = votes.membership(blocks.trilinear(centres[inside]))
    assert torch.equal(membership > 5.0 / 6.0 + 1e-6, trained)
    assert 0 < trained.sum() < trained.numel()


def test_a_vote_taken_back_leaves_nothing() -> None:
    views = scene()
    blocks, votes = voted(views[:2])
    samples, mask = views[2]
    _, before = voted(views[:2])
    near = blocks.trilinear(samples.positions)
    votes.add(samples, near, mask, torch.tensor([0.5, 2.0]))
    assert not torch.allclose(votes.inside, before.inside)
    votes.add(samples, near, mask, -torch.tensor([0.5, 2.0]))
    torch.testing.assert_close(votes.inside, before.inside, atol=1e-5, rtol=0)
    torch.testing.assert_close(votes.outside, before.outside, atol=1e-5, rtol=0)


def test_objects_are_channels_of_one_pass() -> None:
    views = scene()
    blocks, votes = voted(views)
    alone = ObjectVotes.none(blocks, 1)
    for samples, mask in views:
        alone.add(samples, blocks.trilinear(samples.positions), mask[..., 1:])
    torch.testing.assert_close(alone.inside[:, 0], votes.inside[:, 1])


def test_nobody_voted_is_not_inside() -> None:
    blocks = blocks_around(torch.zeros(1, 3), cell=1.0)
    votes = ObjectVotes.none(blocks, 1)
    assert votes.membership(blocks.trilinear(torch.zeros(1, 3))).item() == 0.0
