"""Objects in 3D made by hand."""

import pytest
import torch

from nerfseg_ns.core.object_votes import ObjectVotes
from nerfseg_ns.core.voxel_blocks import blocks_around
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.selected_object import SelectedObject


def cube(low: float, high: float, prompt: ObjectPrompt | None = None, cell: float = 0.1) -> SelectedObject:
    """The cube from (low, low, low) to (high, high, high)."""
    steps = torch.arange(low, high + cell / 2, cell)
    blocks = blocks_around(torch.cartesian_prod(steps, steps, steps), cell)
    votes = ObjectVotes.none(blocks, 1)
    centres = blocks.centres()
    inside = ((centres >= low - 1e-4) & (centres <= high + 1e-4)).all(dim=-1).float()
    votes.inside[: blocks.count, 0], votes.outside[: blocks.count, 0] = inside, 1.0 - inside
    prompt = prompt or ObjectPrompt("cube", (ViewPrompt("000", ((1.0, 1.0, 1),)),))
    return SelectedObject(prompt, blocks, votes)


@pytest.fixture
def make_cube():
    """:func:`cube`."""
    return cube
