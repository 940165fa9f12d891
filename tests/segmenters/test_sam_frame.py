"""SAM's frame against values worked out by hand and against a slow reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerfseg_ns.segmenters.prompt import Prompt2D
from nerfseg_ns.segmenters.sam_frame import SamFrame

SIDES = st.integers(1, 3000)


@pytest.mark.parametrize(
    "height, width, expected",
    [(512, 512, (1024, 1024)), (300, 512, (600, 1024)), (1200, 800, (1024, 683)), (1, 3000, (1, 1024))],
)
def test_the_long_side_becomes_1024_and_the_other_is_rounded(height, width, expected):
    assert SamFrame(height, width).resized == expected  # 800 * 1024 / 1200 = 682.67


def test_pixels_are_normalised_before_the_padding_is_added():
    image = np.full((256, 512, 3), (255, 0, 128), dtype=np.uint8)
    pixels = SamFrame(256, 512).network_input(image)
    assert pixels.shape == (1, 3, 1024, 1024) and pixels.dtype == np.float32
    # (255 - 123.675) / 58.395, (0 - 116.28) / 57.12, (128 - 103.53) / 57.375
    expected = np.array([2.248909, -2.035714, 0.426492])
    np.testing.assert_allclose(pixels[0, :, :512], np.broadcast_to(expected[:, None, None], (3, 512, 1024)), atol=1e-5)
    assert not pixels[0, :, 512:].any()


def test_doubling_an_image_interpolates_between_pixel_centres():
    image = np.zeros((512, 512, 3), dtype=np.uint8)
    image[:, 1:] = 100
    row = SamFrame(512, 512).network_input(image)[0, 0, 0, :4] * 58.395 + 123.675
    np.testing.assert_allclose(row, [0, 25, 75, 100], atol=0.01)


def test_points_move_with_the_picture_and_lose_the_half_that_sam_adds():
    prompt = Prompt2D(
        np.array([[0.5, 0.5], [256.0, 150.0]], dtype=np.float32),
        np.array([1, 0]),
        np.array([0, 0, 512, 300], np.float32),
    )
    points, labels = SamFrame(300, 512).network_points(prompt)
    # Scale 2: (0.5, 0.5) -> (1, 1), less a half.
    np.testing.assert_allclose(points, [[0.5, 0.5], [511.5, 299.5], [-0.5, -0.5], [1023.5, 599.5]])
    assert labels.tolist() == [1, 0, 2, 3]


@given(SIDES, SIDES, st.floats(0, 1), st.floats(0, 1))
def test_a_place_of_the_picture_has_the_same_share_of_both_frames(height, width, across, down):
    frame = SamFrame(height, width)
    point = np.array([[across * width, down * height]], dtype=np.float32)
    scaled = frame.network_points(Prompt2D(point, np.array([1])))[0][0] + 0.5
    np.testing.assert_allclose(scaled, (across * frame.resized[1], down * frame.resized[0]), atol=1e-3)


def bilinear(logits, x, y, last_x, last_y):
    """One value at (x, y) in pixels of the low resolution, centres at +0.5, by the definition."""
    x, y = min(max(x - 0.5, 0), last_x), min(max(y - 0.5, 0), last_y)
    left, above = min(int(x), 254), min(int(y), 254)
    u, v = x - left, y - above
    top = logits[above, left] * (1 - u) + logits[above, left + 1] * u
    return top * (1 - v) + (logits[above + 1, left] * (1 - u) + logits[above + 1, left + 1] * u) * v


@pytest.mark.parametrize(
    "frame, size", [(SamFrame(20, 20), None), (SamFrame(15, 40), None), (SamFrame(40, 13), (7, 9))]
)
def test_logits_at_the_image_are_those_of_a_slow_reference(frame, size):
    low = np.random.default_rng(0).normal(size=(2, 256, 256)).astype(np.float32)
    rows, columns = size or (frame.height, frame.width)
    logits = frame.image_logits(low, size)
    assert logits.shape == (2, rows, columns) and logits.dtype == np.float32
    height, width = frame.resized[0] / 4, frame.resized[1] / 4
    last_x, last_y = int(np.ceil(width)) - 1, int(np.ceil(height)) - 1
    for row in range(rows):
        for column in range(columns):
            x, y = (column + 0.5) * width / columns, (row + 0.5) * height / rows
            for candidate in range(2):
                expected = bilinear(low[candidate], x, y, last_x, last_y)
                assert logits[candidate, row, column] == pytest.approx(expected, abs=1e-4)


@given(st.integers(4, 400), st.integers(4, 400))
def test_padding_never_reaches_the_image(height, width):
    frame = SamFrame(height, width)
    low = np.full((1, 256, 256), -100.0, dtype=np.float32)
    rows, columns = (int(np.ceil(side / 4)) for side in frame.resized)
    low[:, :rows, :columns] = 1.0
    np.testing.assert_allclose(frame.image_logits(low), 1.0, atol=1e-5)


def test_logits_that_rise_evenly_across_the_image_stay_in_place():
    frame = SamFrame(100, 200)
    across = (np.arange(256, dtype=np.float32) + 0.5) / 256  # share of the long side at each low-resolution centre
    logits = frame.image_logits(np.broadcast_to(across, (1, 256, 256)).copy())
    np.testing.assert_allclose(logits[0, 50, 1:-1], ((np.arange(200) + 0.5) / 200)[1:-1], atol=1e-5)
