"""Colour map, confidence and overlay: values computed by hand."""

import pytest
import torch

from nerfseg_ns.core.class_colours import (
    HIDDEN_GREY,
    class_colormap,
    class_confidence,
    class_overlay,
    label_colours,
    washed_out,
)

COLOURS = torch.tensor([[255, 0, 0], [0, 255, 0], [51, 102, 204]], dtype=torch.uint8)
PROBABILITIES = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])  # class 0, class 2


def test_colormap_is_the_colour_of_the_most_likely_class():
    picture = class_colormap(PROBABILITIES, COLOURS)
    assert picture.dtype == torch.float32
    torch.testing.assert_close(picture, torch.tensor([[1.0, 0.0, 0.0], [0.2, 0.4, 0.8]]))


def test_confidence_is_one_float_channel():
    confidence = class_confidence(PROBABILITIES.reshape(1, 2, 3))
    assert confidence.shape == (1, 2, 1)
    torch.testing.assert_close(confidence.flatten(), torch.tensor([0.7, 0.8]))


def test_hidden_class_becomes_the_washed_out_photograph():
    rgb = torch.tensor([[0.1, 0.2, 0.3], [1.0, 0.0, 0.0]])
    picture = class_colormap(PROBABILITIES, COLOURS, torch.tensor([True, True, False]), rgb)
    torch.testing.assert_close(picture[0], torch.tensor([1.0, 0.0, 0.0]))
    torch.testing.assert_close(picture[1], torch.full((3,), 0.6 + 0.4 * 0.299))  # luminance of pure red


def test_hidden_class_without_a_photograph_is_grey():
    picture = class_colormap(PROBABILITIES, COLOURS, torch.tensor([False, True, True]))
    torch.testing.assert_close(picture[0], torch.full((3,), HIDDEN_GREY))
    torch.testing.assert_close(picture[1], torch.tensor([0.2, 0.4, 0.8]))


def test_hiding_never_hands_a_pixel_to_the_runner_up():
    only_second_visible = torch.tensor([False, True, False])
    picture = class_colormap(PROBABILITIES, COLOURS, only_second_visible)
    assert not (picture == torch.tensor([0.0, 1.0, 0.0])).all(dim=-1).any()


def test_overlay_blends_and_leaves_hidden_pixels_alone():
    rgb = torch.tensor([[0.0, 0.5, 1.0], [0.2, 0.2, 0.2]])
    picture = class_overlay(rgb, PROBABILITIES, COLOURS)
    torch.testing.assert_close(picture, torch.tensor([[0.5, 0.25, 0.5], [0.2, 0.3, 0.5]]))
    quarter = class_overlay(rgb, PROBABILITIES, COLOURS, alpha=0.25)
    torch.testing.assert_close(quarter[0], torch.tensor([0.25, 0.375, 0.75]))
    hidden = class_overlay(rgb, PROBABILITIES, COLOURS, torch.tensor([False, True, True]))
    torch.testing.assert_close(hidden[0], rgb[0])
    torch.testing.assert_close(hidden[1], picture[1])


def test_everything_stays_in_the_range_the_viewer_shows():
    generator = torch.Generator().manual_seed(1)
    probabilities = torch.rand(8, 8, 3, generator=generator).softmax(dim=-1)
    rgb = torch.rand(8, 8, 3, generator=generator) * 2 - 0.5  # a renderer may overshoot
    visible = torch.tensor([True, False, True])
    for picture in (
        class_colormap(probabilities, COLOURS, visible, rgb),
        class_overlay(rgb, probabilities, COLOURS, visible),
        washed_out(rgb),
    ):
        assert picture.shape == (8, 8, 3) and picture.is_floating_point()
        assert 0.0 <= float(picture.min()) and float(picture.max()) <= 1.0


def test_label_colours_draw_unlabelled_pixels_apart():
    picture = label_colours(torch.tensor([[2, 255]], dtype=torch.uint8), COLOURS, torch.tensor([1.0, 1.0, 1.0]))
    torch.testing.assert_close(picture, torch.tensor([[[0.2, 0.4, 0.8], [1.0, 1.0, 1.0]]]))


def test_counts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="3 classes have 2 colours"):
        class_colormap(PROBABILITIES, COLOURS[:2])
    with pytest.raises(ValueError, match="3 classes have 2 visibility flags"):
        class_overlay(torch.zeros(2, 3), PROBABILITIES, COLOURS, torch.tensor([True, False]))
    with pytest.raises(ValueError, match="label id 3 is beyond"):
        label_colours(torch.tensor([3]), COLOURS, torch.ones(3))
    with pytest.raises(ValueError, match="alpha"):
        class_overlay(torch.zeros(2, 3), PROBABILITIES, COLOURS, alpha=1.5)
