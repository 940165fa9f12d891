import pytest
import torch

from nerfseg_ns.core.gaussian_sites import GaussianSites, sites_of_gaussians
from nerfseg_ns.core.object_votes import ObjectVotes
from nerfseg_ns.splats.gaussian_votes import gradient_votes, memberships
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.mixed_gaussians import mixed, split
from nerfseg_ns.splats.object_gaussians import object_gaussians
from nerfseg_ns.splats.reference_rasteriser import ReferenceRasteriser

RASTERISER = ReferenceRasteriser()


def by_pixel(known, view, masks):
    """A1 and A0 of a view, pixel by pixel."""
    found = RASTERISER.contributions(known.gaussians, known.cameras[view])
    said = masks.float().flatten(0, 1)[found.pixels]
    inside = torch.zeros(len(known.gaussians), masks.shape[-1])
    outside = torch.zeros_like(inside)
    inside.index_add_(0, found.gaussians, found.weights[:, None] * said)
    outside.index_add_(0, found.gaussians, found.weights[:, None] * (1 - said))
    return inside, outside


def test_gradient_votes_are_the_sums_over_pixels(known, true_masks):
    for view in (0, 5):
        votes = gradient_votes(RASTERISER, known.gaussians, [(known.cameras[view], true_masks[view])], 3)
        inside, outside = by_pixel(known, view, true_masks[view])
        scale = float((inside + outside).max())
        differences = [
            float((votes.inside[:-1] - inside).abs().max()),
            float((votes.outside[:-1] - outside).abs().max()),
        ]
        print(f"view {view}: gradients and sums differ by {max(differences) / scale:.1e} of {scale:.1f} votes at most")
        assert max(differences) < 1e-5 * scale
        assert scale > 5  # in pixels: not a comparison of zeros


def test_the_votes_of_the_engine_are_the_same_sums(known, true_masks):
    """ObjectVotes on the samples of a view, as the engines count them, when nothing is left out."""
    camera = known.cameras[2]
    samples = RASTERISER.contributions(known.gaussians, camera).samples(known.gaussians, camera, 0.0)
    sites = sites_of_gaussians([samples], 0.01)
    votes = ObjectVotes.none(sites, 3)
    votes.add(samples, sites.near(samples), true_masks[2].float())
    wanted = gradient_votes(RASTERISER, known.gaussians, [(camera, true_masks[2])], 3)
    torch.testing.assert_close(votes.inside[:-1], wanted.inside[sites.gaussians], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(votes.outside[:-1], wanted.outside[sites.gaussians], rtol=1e-4, atol=1e-4)


def test_membership_of_known_gaussians_is_right(known, true_masks):
    """Three objects, 3,000 Gaussians, true masks in 12 views of 128x128."""
    assert len(known.gaussians) == 3000 and len(true_masks) == 12 and true_masks[0].shape == (128, 128, 3)
    votes = gradient_votes(RASTERISER, known.gaussians, zip(known.cameras, true_masks), 3)
    membership = memberships(votes, known.gaussians)
    best, place = membership.max(dim=-1)
    found = torch.where(best > 0.5, place + 1, 0)
    right = (found == known.ids).float()
    each = [float(right[known.ids == i].mean()) for i in range(4)]
    print(f"membership: {float(right.mean()):.4f} right; ground and objects {each}")
    assert float(right.mean()) >= 0.99
    assert min(each) >= 0.97


def test_gaussians_that_nobody_saw_go_with_their_neighbours():
    gaussians = Gaussians(
        torch.tensor([[0.0, 0, 0], [0.1, 0, 0], [5.0, 0, 0], [0.05, 0, 0], [4.9, 0, 0]]),
        *(torch.zeros(5, n) for n in (3, 4)),
        torch.zeros(5),
        torch.zeros(5, 1, 3),
    )
    votes = ObjectVotes(
        torch.tensor([[4.0], [3.0], [0.0], [0.0], [0.01], [0.0]]),
        torch.tensor([[0.0], [1.0], [9.0], [0.0], [0.0], [0.0]]),
    )
    share = memberships(votes, gaussians)[:, 0]
    assert share[:3].tolist() == [1.0, 0.75, 0.0]
    assert share[3] > 0.8 and share[4] < 0.1  # a hundredth of a pixel is no vote


def one_gaussian(opacity_logit=1.0) -> Gaussians:
    return Gaussians(
        torch.tensor([[0.0, 0.0, -2.0]]),
        torch.tensor([[0.15, 0.04, 0.04]]).log(),
        torch.tensor([[0.96, 0.0, 0.0, 0.28]]),
        torch.tensor([opacity_logit]),
        torch.zeros(1, 1, 3),
    )


def camera():
    from nerfseg_ns.core.pinhole import Pinhole

    return Pinhole(torch.eye(4)[:3], 200.0, 200.0, 32.0, 32.0, (64, 64))


def test_halves_look_like_the_whole():
    whole = one_gaussian()
    halves, parents = split(whole, torch.tensor([True]))
    assert parents.tolist() == [0, 0]
    torch.testing.assert_close(halves.means.mean(dim=0), whole.means[0])
    apart = halves.means - halves.means.mean(dim=0)
    variance = halves.covariances().mean(dim=0) + apart.T @ apart / 2
    torch.testing.assert_close(variance, whole.covariances()[0], rtol=1e-4, atol=1e-7)
    _, before = RASTERISER.render(whole, torch.zeros(1, 1), camera())
    _, after = RASTERISER.render(halves, torch.zeros(2, 1), camera())
    assert float((after - before).abs().max()) < 0.08
    assert abs(float(after.sum() / before.sum()) - 1) < 0.1


def test_a_gaussian_across_a_border_is_cut_there_and_each_half_goes_its_way():
    left = torch.zeros(64, 64, 1)
    left[:, :32] = 1.0
    views = [(camera(), left)]
    kept = object_gaussians(RASTERISER, one_gaussian(), lambda: views, 1, splits=0)
    assert bool(mixed(kept.membership).all()) and len(kept.gaussians) == 1
    found = object_gaussians(RASTERISER, one_gaussian(), lambda: views, 1)
    assert len(found.gaussians) >= 2 and set(found.parents.tolist()) == {0}
    assert set(found.ids.tolist()) == {0, 1}
    assert bool((found.gaussians.means[found.ids == 1, 0] < 0).all())
    assert bool((found.gaussians.means[found.ids == 0, 0] > 0).all())
    # light of the object beside its mask, as a share of all its light: half of it before
    assert spill(one_gaussian(), left) == pytest.approx(0.5, abs=1e-3)
    assert spill(found.gaussians.where(found.ids == 1), left) < 0.32


def spill(gaussians: Gaussians, mask: torch.Tensor) -> float:
    _, alpha = RASTERISER.render(gaussians, torch.zeros(len(gaussians), 1), camera())
    return float((alpha * (1 - mask[..., 0])).sum() / alpha.sum())


def test_a_site_speaks_for_its_own_gaussian_and_for_points_near_it():
    sites = GaussianSites(torch.tensor([2, 7]), torch.tensor([[0.0, 0, 0], [1.0, 0, 0]]), torch.ones(2), 0.05)
    assert sites.numbered(torch.tensor([7, 2, 3, 9])).sites[:, 0].tolist() == [1, 0, 2, 2]
    near = sites.at(torch.tensor([[0.1, 0, 0], [0.9, 0.0, 0.1], [0.5, 0, 0]])).sites[:, 0]
    assert near.tolist() == [0, 1, 2]
