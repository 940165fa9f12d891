"""Volume rendering against values worked out by hand."""

import math

import pytest
import torch

from nerfseg_ns.core.compositing import absorb_remainder, composite, composite_weights


def test_weights_by_hand() -> None:
    density = torch.tensor([math.log(2.0), math.log(4.0), 0.0]).reshape(1, 3, 1)
    deltas = torch.tensor([1.0, 0.5, 2.0]).reshape(1, 3, 1)
    # each of the first two samples stops half of what reaches it
    expected = torch.tensor([0.5, 0.25, 0.0]).reshape(1, 3, 1)
    torch.testing.assert_close(composite_weights(density, deltas), expected)


def test_weights_equal_nerfstudios() -> None:
    from nerfstudio.cameras.rays import Frustums, RaySamples

    generator = torch.Generator().manual_seed(0)
    edges = torch.rand(7, 13, 1, generator=generator).cumsum(dim=1)
    density = torch.rand(7, 12, 1, generator=generator) * 5
    samples = RaySamples(
        frustums=Frustums(
            torch.zeros(7, 12, 3), torch.ones(7, 12, 3), edges[:, :-1], edges[:, 1:], torch.ones(7, 12, 1)
        ),
        deltas=edges[:, 1:] - edges[:, :-1],
    )
    torch.testing.assert_close(composite_weights(density, samples.deltas), samples.get_weights(density))


def test_last_sample_absorbs_what_is_left() -> None:
    weights = torch.tensor([[0.5, 0.25, 0.0], [0.0, 0.0, 0.0], [0.4, 0.3, 0.3]])[..., None]
    complete = absorb_remainder(weights)[..., 0]
    torch.testing.assert_close(complete, torch.tensor([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0], [0.4, 0.3, 0.3]]))
    assert weights[0, -1, 0] == 0.0, "the input is left as it is"


def test_infinite_density_stops_everything() -> None:
    density = torch.tensor([0.0, math.inf, 3.0]).reshape(1, 3, 1)
    weights = composite_weights(density, torch.ones(1, 3, 1))
    assert torch.isfinite(weights).all()
    assert weights.sum() <= 1.0


def test_composite_by_hand() -> None:
    weights = torch.tensor([[[0.5], [0.25]]])
    values = torch.tensor([[[2.0, 0.0], [4.0, 8.0]]])
    torch.testing.assert_close(composite(weights, values), torch.tensor([[2.0, 2.0]]))


@pytest.mark.parametrize("density", [1e9, 1e30, float("inf")])
def test_a_sample_of_any_density_is_opaque_and_has_a_gradient(density: float) -> None:
    densities = torch.tensor([[[1.0], [density], [1.0]]], requires_grad=True)
    weights = composite_weights(densities, torch.tensor([[[0.1], [0.1], [1000.0]]]))
    first, dense, behind = weights.flatten().tolist()
    assert first == pytest.approx(1 - math.exp(-0.1)) and behind == 0.0
    assert math.exp(-0.1) - 1e-6 <= dense <= 1.0  # what is before it is lost beside so large a number
    (weights * torch.tensor([[[1.0], [2.0], [3.0]]])).sum().backward()
    assert torch.isfinite(densities.grad).all()
