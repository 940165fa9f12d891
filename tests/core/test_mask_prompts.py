import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nerfseg_ns.core.mask_prompts import bounding_box, centrality, inner_points, surroundings


def test_the_first_point_is_the_middle_of_a_square() -> None:
    mask = np.zeros((11, 15), dtype=bool)
    mask[2:9, 4:11] = True
    assert inner_points(mask, 1).tolist() == [[7.5, 5.5]]


def test_the_edge_of_the_image_is_an_edge() -> None:
    assert inner_points(np.ones((5, 9), dtype=bool), 1)[0, 1] == 2.5


def test_two_blobs_get_a_point_each() -> None:
    mask = np.zeros((9, 30), dtype=bool)
    mask[2:7, 2:7] = True
    mask[2:7, 20:25] = True
    assert sorted(inner_points(mask, 2)[:, 0].tolist()) == [4.5, 22.5]


@given(arrays(bool, (8, 9)), st.integers(1, 4))
def test_points_lie_inside_and_apart(mask: np.ndarray, count: int) -> None:
    points = inner_points(mask, count)
    assert len(points) <= count and (len(points) > 0) == bool(mask.any())
    assert all(mask[int(y), int(x)] for x, y in points)
    assert len({tuple(point) for point in points.tolist()}) == len(points)


def test_box_and_surroundings() -> None:
    mask = np.zeros((30, 40), dtype=bool)
    mask[10:20, 15:25] = True
    assert bounding_box(mask) == (15, 10, 25, 20)
    near = surroundings(mask, np.ones_like(mask))
    assert bounding_box(near) == (9, 4, 31, 26) and not (near & mask).any()
    assert not surroundings(mask, np.zeros_like(mask)).any()
    with pytest.raises(ValueError, match="empty"):
        bounding_box(np.zeros((2, 2), dtype=bool))


def test_a_point_in_the_middle_is_central_and_one_at_the_edge_is_not() -> None:
    mask = np.zeros((20, 20), dtype=bool)
    mask[4:15, 4:15] = True  # 11 x 11: depth 6 in the middle, 1 at the edge
    assert centrality(mask, np.array([[9.5, 9.5]])) == 1.0
    assert centrality(mask, np.array([[4.5, 9.5]])) == pytest.approx(1.5 / 6)
    assert centrality(mask, np.array([[0.5, 0.5]])) == 0.0
    assert centrality(mask, np.array([[9.5, 9.5], [4.5, 9.5]])) == pytest.approx((1 + 1.5 / 6) / 2)
    assert centrality(mask, np.zeros((0, 2))) == 1.0
