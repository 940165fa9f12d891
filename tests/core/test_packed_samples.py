"""Packing the samples of a view."""

from dataclasses import replace

import numpy as np
import torch

from nerfseg_ns.core.packed_samples import pack, unpack
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.view_samples import ViewSamples

POSE = torch.tensor([[1.0, 0, 0, 5], [0, 1, 0, 6], [0, 0, 1, 7]])
CAMERA = Pinhole(POSE, 2.0, 2.0, 1.5, 1.0, (2, 3))


def samples() -> ViewSamples:
    # pixel 0 has two samples, pixel 4 one, the others none
    directions = CAMERA.directions().reshape(-1, 3)
    along, pixels = torch.tensor([1.0, 2.5, 4.0]), torch.tensor([0, 0, 4])
    distance = torch.tensor([[2.5, torch.inf, torch.inf], [torch.inf, 4.0, torch.inf]])
    positions = CAMERA.centre + directions[pixels] * along[:, None]
    return ViewSamples(positions, torch.tensor([0.25, 0.625, 0.3]), pixels, distance)


def test_a_view_comes_back():
    packed = pack(samples(), CAMERA.centre)
    assert packed.consistent and packed.counts.tolist() == [[2, 0, 0], [0, 1, 0]]
    assert packed.bytes == 6 + 3 * 4 + 3 * 2 + 6 * 4
    back, expected = unpack(packed, CAMERA.centre, CAMERA.directions()), samples()
    torch.testing.assert_close(back.positions, expected.positions)
    assert back.pixels.tolist() == [0, 0, 4] and torch.equal(back.distance, expected.distance)
    assert torch.equal(back.elevation, CAMERA.directions()[..., 2])
    assert back.weights[:2].tolist() == [0.25, 0.625]  # exact in float16
    torch.testing.assert_close(back.weights, expected.weights, rtol=5e-4, atol=0.0)


def test_a_view_without_samples():
    empty = samples().where(torch.zeros(3, dtype=torch.bool))
    back = unpack(pack(empty, CAMERA.centre), CAMERA.centre, CAMERA.directions())
    assert back.positions.shape == (0, 3) and back.size == (2, 3)


def test_arrays_that_do_not_fit_together_are_told():
    packed = pack(samples(), CAMERA.centre)
    assert not replace(packed, along=packed.along[:2]).consistent
    assert not replace(packed, counts=packed.counts + np.uint8(1)).consistent
    assert not replace(packed, weights=packed.weights.astype(np.float32)).consistent
    assert not replace(packed, distance=packed.distance[:1]).consistent
