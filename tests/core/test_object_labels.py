"""Objects with classes to the class ids of pixels, by hand."""

import pytest
import torch

from nerfseg_ns.core.object_labels import object_labels


def labels(masks, votes, classes, confidence=0.5):
    """Of one row of pixels."""
    return object_labels(torch.tensor(masks)[:, None].bool(), torch.tensor(votes)[:, None], classes, confidence)[0]


def test_each_pixel_has_the_class_of_the_object_that_shows_there():
    assert labels([[1, 1, 0, 0], [0, 0, 1, 0]], [[0.9] * 4, [0.8] * 4], [3, 0]).tolist() == [3, 3, 0, 255]


def test_where_classes_overlap_the_higher_vote_decides_and_a_tie_gives_no_class():
    masks = [[1, 1, 1, 0], [1, 1, 1, 1]]
    votes = [[0.9, 0.7, 0.8, 0.99], [0.6, 0.8, 0.8, 0.6]]  # the first shows nothing in the last pixel
    assert labels(masks, votes, [5, 2]).tolist() == [5, 2, 255, 2]
    assert labels(masks[::-1], votes[::-1], [2, 5]).tolist() == [5, 2, 255, 2]


def test_objects_of_one_class_do_not_compete():
    masks, votes = [[1, 1], [1, 1], [1, 1]], [[0.8, 0.6], [0.8, 0.9], [0.7, 0.8]]
    assert labels(masks, votes, [1, 1, 4]).tolist() == [1, 1]


def test_three_classes_with_one_vote_are_no_class_and_a_higher_one_is():
    masks, votes = [[1, 1]] * 3, [[0.7, 0.7], [0.7, 0.7], [0.7, 0.9]]
    assert labels(masks, votes, [0, 1, 2]).tolist() == [255, 2]


@pytest.mark.parametrize("confidence, expected", [(0.0, [7, 7, 7]), (0.6, [255, 7, 7]), (0.75, [255, 255, 7])])
def test_votes_below_the_confidence_give_no_class(confidence, expected):
    assert labels([[1, 1, 1]], [[0.5, 0.6, 0.9]], [7], confidence).tolist() == expected


def test_an_object_that_is_too_weak_does_not_make_way_for_a_weaker_one():
    # the pixel belongs to the first object more than to the second: neither is believed
    assert labels([[1], [1]], [[0.55], [0.4]], [0, 1], 0.6).tolist() == [255]
