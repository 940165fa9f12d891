"""SA3D's grid as it is trained, against votes counted in one pass."""

import itertools

import torch

from nerfseg_ns.core.object_votes import ObjectVotes
from nerfseg_ns.core.voxel_blocks import blocks_around
from nerfseg_ns.selection.sa3d_selector import DenseGrid

RESOLUTION, EXTENT = 41, 2.0  # voxels at whole multiples of 0.1, as those of the votes
VIEWS = (0, 3, 5)


def test_votes_with_fixed_masks_are_sa3ds_grid_after_one_pass_in_any_order_of_views(analytic_scene: object) -> None:
    views = {}
    for view in VIEWS:
        samples = analytic_scene.samples(view)
        kept = (samples.positions.abs() < EXTENT - 0.1).all(dim=-1)
        views[view] = samples.where(kept), analytic_scene.truth(view, "red")
    blocks = blocks_around(
        torch.cat([samples.positions for samples, _ in views.values()]), 2 * EXTENT / (RESOLUTION - 1)
    )
    votes, touched = ObjectVotes.none(blocks, 1), []
    for samples, mask in views.values():
        near = blocks.trilinear(samples.positions)
        votes.add(samples, near, mask[..., None].float())
        touched.append(torch.zeros(blocks.count + 1).index_add_(0, near.sites.flatten(), near.shares.flatten()))
    index = (blocks.centres() / 0.1).round().long() + RESOLUTION // 2
    inside = ((index >= 0) & (index < RESOLUTION)).all(dim=-1)
    z, y, x = index[inside].unbind(-1)
    shares = torch.stack(touched, dim=-1)[:-1][inside]
    clear = ((shares == 0) | (shares > 1e-3)).all(dim=-1)  # on the plane a voxel may be touched by rounding alone
    for order in itertools.permutations(VIEWS):
        grid = DenseGrid(RESOLUTION, EXTENT, torch.device("cpu"))
        for view in order:
            grid.learn(*views[view], 1.0)
        trained, seen = (values.detach()[0, 0][z, y, x] for values in (grid.values, grid.views))
        torch.testing.assert_close(trained * seen, votes.score(1.0)[:-1, 0][inside], atol=1e-4, rtol=1e-4)
        assert trained.max() > 0.1 and trained.min() < -0.1
        assert seen.max() == len(VIEWS)
        assert float((seen == (shares > 0).sum(dim=-1))[clear].float().mean()) > 0.99  # votes may cancel out
