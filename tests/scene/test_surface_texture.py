"""Patterns against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerfseg_ns.scene.surface_texture import NoiseTexture, cell_noise, fade, stripe


@settings(max_examples=60, deadline=None)
@given(
    x=st.floats(-20, 20),
    low=st.floats(0.0, 0.5),
    width=st.floats(0.05, 0.5),
    footprint=st.floats(0.01, 3.0),
)
def test_stripe_is_the_mean_over_the_footprint(x: float, low: float, width: float, footprint: float) -> None:
    t = x + footprint * ((np.arange(20000) + 0.5) / 20000 - 0.5)
    phase = t - np.floor(t)
    slow = ((phase >= low) & (phase < low + width)).mean()
    fast = stripe(np.array([x]), low, low + width, np.array([footprint]))[0]
    assert fast == pytest.approx(slow, abs=2e-3)


def test_noise_repeats_with_its_tile_and_fades_with_the_footprint() -> None:
    noise = NoiseTexture(1, 0.5, 10.0)
    rng = np.random.default_rng(0)
    at = rng.uniform(0, 10, (4000, 2)).astype(np.float32)
    sharp = noise.sample(at, np.full(4000, 0.01, dtype=np.float32))
    np.testing.assert_allclose(noise.sample(at + 10.0, np.full(4000, 0.01, dtype=np.float32)), sharp, atol=2e-3)
    deviations = [noise.sample(at, np.full(4000, f, dtype=np.float32)).std() for f in (0.01, 0.5, 2.0, 40.0)]
    assert deviations == sorted(deviations, reverse=True)
    assert deviations[0] > 0.7 and deviations[-1] < 0.01


def test_cell_noise_is_uniform_and_tied_to_the_cell() -> None:
    i, j = np.meshgrid(np.arange(-60, 60), np.arange(-60, 60))
    values = cell_noise(i, j, 3)
    assert 0 <= values.min() and values.max() < 1
    counts = np.histogram(values, bins=10, range=(0, 1))[0]
    assert counts.min() > 0.85 * values.size / 10
    np.testing.assert_array_equal(values, cell_noise(i.astype(float), j.astype(float), 3))
    assert np.abs(np.corrcoef(values[:, 1:].ravel(), values[:, :-1].ravel())[0, 1]) < 0.05
    assert (values != cell_noise(i, j, 4)).mean() > 0.99


def test_fade_leaves_patterns_of_more_than_three_footprints() -> None:
    np.testing.assert_allclose(fade(1.0, np.array([0.1, 1 / 3, 0.4, 0.5, 2.0])), [1, 1, 0.5, 0, 0], atol=1e-9)
