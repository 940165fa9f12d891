"""Seg-MLP, ray-convolution, colour network and the loss."""

import math

import pytest
import torch

from nerfseg_ns.core.semantic_network import RayConvolution, SemanticNetwork, SemanticNetworkShape, semantic_loss

SHAPE = dict(location_dim=5, num_classes=3, seg_mlp_widths=(8,), ray_feature_dim=6, colour_widths=(4, 7))


def test_ray_convolution_adds_the_neighbouring_samples() -> None:
    layer = RayConvolution(in_dim=1, out_dim=1, kernel=3)
    with torch.no_grad():
        layer.convolution.weight.copy_(torch.tensor([[[1.0, 10.0, 100.0]]]))
        layer.convolution.bias.fill_(-30.0)
    # before + 10 x itself + 100 x behind - 30, nothing outside the ray, nothing below 0
    expected = torch.tensor([[[180.0], [291.0], [2.0]]])
    assert torch.equal(layer(torch.tensor([[[1.0], [2.0], [3.0]]])), expected)


def test_ray_convolution_does_not_mix_rays() -> None:
    layer = RayConvolution(4, 6, 3)
    features = torch.randn(2, 9, 4)
    changed = features.clone()
    changed[1] += 1.0
    assert torch.equal(layer(features)[0], layer(changed)[0])


@pytest.mark.parametrize("kernel", [0, 2, -1])
def test_even_kernels_are_refused(kernel: int) -> None:
    with pytest.raises(ValueError, match="odd"):
        RayConvolution(4, 6, kernel)


@pytest.mark.parametrize("convolution", [True, False])
@pytest.mark.parametrize("colour", [True, False])
def test_each_part_can_be_switched_off(convolution: bool, colour: bool) -> None:
    shape = SemanticNetworkShape(**SHAPE, use_ray_convolution=convolution, use_colour_network=colour)
    network = SemanticNetwork(shape)
    weights = torch.full((4, 9, 1), 1 / 9)
    features, rgb = torch.randn(4, 9, 5), torch.rand(4, 3)
    logits, colour_logits = network(features, weights, rgb)
    assert logits.shape == (4, 3)
    assert (colour_logits is not None) == colour
    other, _ = network(features, weights, 1 - rgb)
    assert torch.equal(logits, other) != colour, "the colour takes part exactly when C is on"


def test_without_convolution_the_order_of_the_samples_does_not_matter() -> None:
    order = torch.tensor([3, 1, 0, 2])
    features, weights, rgb = torch.randn(2, 4, 5), torch.rand(2, 4, 1), torch.rand(2, 3)
    for convolution in (True, False):
        torch.manual_seed(1)
        network = SemanticNetwork(SemanticNetworkShape(**SHAPE, use_ray_convolution=convolution))
        first, _ = network(features, weights, rgb)
        second, _ = network(features[:, order], weights[:, order], rgb)
        assert torch.allclose(first, second, atol=1e-5) != convolution


def test_loss_by_hand_ignores_255() -> None:
    logits = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0], [5.0, -5.0]])
    labels = torch.tensor([[0], [1], [255]], dtype=torch.uint8)
    expected = (-math.log(3 / 4) - math.log(1 / 2)) / 2
    assert semantic_loss(logits, labels).item() == pytest.approx(expected, rel=1e-6)


def test_loss_without_labels_is_zero_and_keeps_the_weights_still() -> None:
    logits = torch.randn(4, 3, requires_grad=True)
    loss = semantic_loss(logits, torch.full((4, 1), 255, dtype=torch.uint8))
    loss.backward()
    assert loss.item() == 0.0
    assert torch.equal(logits.grad, torch.zeros(4, 3))


def test_loss_by_hand_weighs_rays_by_their_certainty() -> None:
    logits = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0], [5.0, -5.0]])
    labels = torch.tensor([[0], [1], [255]], dtype=torch.uint8)
    certainty = torch.tensor([[1.0], [0.25], [1.0]])
    expected = (-math.log(3 / 4) - 0.25 * math.log(1 / 2)) / 1.25
    assert semantic_loss(logits, labels, certainty).item() == pytest.approx(expected, rel=1e-6)
    sure = semantic_loss(logits, labels, torch.ones(3, 1))
    torch.testing.assert_close(sure, semantic_loss(logits, labels))
    assert semantic_loss(logits, torch.full_like(labels, 255), certainty).item() == 0.0


def test_a_surface_encoding_takes_part_and_is_trained() -> None:
    encoding = torch.nn.Linear(3, 2)
    network = SemanticNetwork(SemanticNetworkShape(**SHAPE, surface_dim=2), encoding)
    weights, features, rgb = torch.full((4, 9, 1), 1 / 9), torch.randn(4, 9, 5), torch.rand(4, 3)
    here, there = torch.rand(4, 3), torch.rand(4, 3)
    logits, _ = network(features, weights, rgb, here)
    assert not torch.equal(logits, network(features, weights, rgb, there)[0])
    semantic_loss(logits, torch.tensor([[0], [1], [2], [0]], dtype=torch.uint8)).backward()
    assert encoding.weight.grad is not None and encoding.weight.grad.abs().sum() > 0
    assert any(parameter is encoding.weight for parameter in network.parameters())


@pytest.mark.parametrize(("channels", "encoding"), [(2, None), (0, torch.nn.Linear(3, 2))])
def test_a_surface_encoding_without_channels_or_the_reverse_is_a_mistake(channels: int, encoding) -> None:
    with pytest.raises(ValueError, match="do not agree"):
        SemanticNetwork(SemanticNetworkShape(**SHAPE, surface_dim=channels), encoding)
