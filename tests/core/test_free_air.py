"""The air between neighbouring cameras."""

import math

import pytest
import torch

from nerfseg_ns.core.free_air import NEIGHBOURS, REACH, FreeAir, air_loss


def ring(count: int, radius: float = 2.0) -> torch.Tensor:
    """Cameras on a circle at height 1 that look at the origin."""
    angles = torch.arange(count) * (2 * math.pi / count)
    places = torch.stack([radius * angles.cos(), radius * angles.sin(), torch.ones(count)], dim=-1)
    back = torch.nn.functional.normalize(places, dim=-1)
    right = torch.linalg.cross(torch.tensor([0.0, 0, 1]).expand_as(back), back, dim=-1)
    right = torch.nn.functional.normalize(right, dim=-1)
    return torch.stack([right, torch.linalg.cross(back, right, dim=-1), back, places], dim=-1)


def test_points_lie_between_near_cameras_and_before_them() -> None:
    torch.manual_seed(0)
    c2w = ring(36)
    points, distances = FreeAir(c2w).points(4000)
    step = 2 * 2.0 * math.sin(math.pi / 36)
    wide = 2 * 2.0 * math.sin(2 * math.pi / 36)  # to the next but one: four neighbours are two on each side
    assert distances.min().item() == pytest.approx(step, rel=1e-4)
    assert distances.max().item() == pytest.approx(wide, rel=1e-4)
    radii = points.norm(dim=-1)
    assert (radii < math.sqrt(5)).float().mean() > 0.99  # before the cameras, not behind them
    off = torch.cdist(points, c2w[:, :, 3]).min(dim=-1).values
    assert off.max() < step / 2 + REACH * wide + 1e-4
    inwards = math.sqrt(5) - radii
    assert inwards.max() > 0.8 * REACH * wide and inwards.median() > 0.15 * step


def test_neighbours_are_the_nearest_cameras_at_other_places() -> None:
    places = torch.tensor([[0.0, 0, 0], [0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0], [9, 0, 0]])
    c2w = torch.cat([torch.eye(3).expand(6, 3, 3), places[..., None]], dim=-1)
    air = FreeAir(c2w)
    # the first two stand at one place: neither is the other's neighbour
    assert len(air) == 6 * NEIGHBOURS
    torch.manual_seed(1)
    points, distances = air.points(2000)
    assert set(distances[:, 0].round().int().tolist()) == {1, 2, 3, 6, 7, 8, 9}
    assert (points[:, 2] <= 1e-6).float().mean() > 0.99  # they look along -z


def test_a_single_camera_has_no_air_between() -> None:
    assert len(FreeAir(ring(1))) == 0 and not FreeAir(ring(1))
    assert len(FreeAir(ring(1).repeat(3, 1, 1))) == 0
    assert len(FreeAir(ring(2))) == 2


def test_the_loss_by_hand_and_its_pull_on_dense_haze() -> None:
    density = torch.tensor([[0.0], [1.0], [1e6]], requires_grad=True)
    distances = torch.tensor([[0.3], [0.5], [2.0]])
    loss = air_loss(density, distances)
    assert loss.item() == pytest.approx((math.log(1.5) + math.log(2e6 + 1)) / 3, rel=1e-5)
    loss.backward()
    # relative to the density, dense haze is pulled down as hard as can be; an opacity's slope would be nothing there
    pull = density.grad * density.detach() * 3
    assert pull[2].item() == pytest.approx(1.0, abs=1e-3) and pull[0].item() == 0.0
