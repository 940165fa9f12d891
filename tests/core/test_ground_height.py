"""Height above the ground from points on surfaces."""

import numpy as np
import pytest

from nerfseg_ns.core.ground_height import GroundHeight


def town(generator: np.random.Generator) -> np.ndarray:
    """A plane that rises towards +x, with three flat roofs 0.3 above it, each smaller than two cells."""
    points = generator.uniform(-1, 1, (40_000, 3))
    points[:, 2] = 0.1 * points[:, 0]
    for x, y in ((-0.5, -0.5), (0.2, 0.3), (0.7, -0.1)):
        on = (np.abs(points[:, 0] - x) < 0.06) & (np.abs(points[:, 1] - y) < 0.06)
        points[on, 2] += 0.3
    return points


def test_roofs_stand_above_a_slope() -> None:
    generator = np.random.default_rng(0)
    height = GroundHeight(town(generator))
    asked = np.array([[-0.5, -0.5, 0.25], [0.2, 0.3, 0.32], [0.0, 0.8, 0.0], [-0.8, 0.1, -0.08]])
    np.testing.assert_allclose(height(asked), [0.3, 0.3, 0.0, 0.0], atol=0.02)
    assert height(asked.reshape(2, 2, 3)).shape == (2, 2)


def test_stray_points_below_and_empty_cells_do_not_lower_the_ground() -> None:
    generator = np.random.default_rng(1)
    points = town(generator)
    points = points[~((np.abs(points[:, 0]) < 0.2) & (np.abs(points[:, 1]) < 0.2))]  # nobody saw the middle
    stray = generator.uniform(-1, 1, (200, 3)) * [1, 1, 0] - [0, 0, 2.0]
    height = GroundHeight(np.concatenate([points, stray]))
    np.testing.assert_allclose(height(np.array([[0.0, 0.0, 0.1], [-0.8, 0.1, -0.08]])), [0.1, 0.0], atol=0.03)


def test_a_handful_of_points_is_enough_to_answer() -> None:
    height = GroundHeight(np.array([[0.0, 0.0, 1.0], [0.1, 0.0, 1.0]]))
    assert height(np.array([[0.0, 0.0, 3.0]])) == pytest.approx([2.0])
