"""Whom the row kind clicks simulates."""

import numpy as np
import pytest

from nerfseg_ns.benchmark.clicks import Clicks, clicks
from nerfseg_ns.benchmark.simulated_clicks import simulated_clicks
from nerfseg_ns.core.input_error import InputError

IGNORE = 255


def two_views():
    """Object 1 (class 0) is largest in the second view, 2 and 3 have class 1, 4 (class 2) is small, 5 unlabelled."""
    first, second = np.zeros((2, 20, 20), dtype=np.uint16)
    first[0:6, 0:6], second[0:9, 0:9] = 1, 1
    first[10:15, 0:5] = 2
    first[10:14, 10:14] = 3
    first[18:20, 18:20] = 4
    second[12:20, 12:20] = 5
    classes = np.array([3, 0, 1, 1, 2, IGNORE], dtype=np.uint8)
    return [first, second], [classes[first], classes[second]]


def test_every_class_comes_before_a_second_object_of_one():
    instances, labels = two_views()
    chosen = simulated_clicks(instances, labels, 10)
    # the ground (object 0) is the largest, then 1 with 81 pixels, 2 with 25, 4 with 4, and then 3 with 16
    assert [(c.object_id, c.class_id, c.view, c.pixels) for c in chosen] == [
        (0, 3, 0, 319),
        (1, 0, 1, 81),
        (2, 1, 0, 25),
        (4, 2, 0, 4),
        (3, 1, 0, 16),
    ]
    assert chosen[1].place == (4.5, 4.5)  # the middle of 9 pixels
    assert all(instances[c.view][int(c.place[1]), int(c.place[0])] == c.object_id for c in chosen)
    assert [c.object_id for c in simulated_clicks(instances, labels, 2)] == [0, 1]
    assert 4 not in [c.object_id for c in simulated_clicks(instances, labels, 10, minimum_pixels=5)]


def test_settings():
    with pytest.raises(InputError, match="clicks 0: expected 1 or more"):
        Clicks("geometry", clicks=0)
    assert clicks.needed_rows(Clicks("geometry")) == ("geometry",)
