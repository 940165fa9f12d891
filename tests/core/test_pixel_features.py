"""What pixels look like."""

import numpy as np
import pytest

from nerfseg_ns.core.pixel_features import image_features, surface_features


def test_a_plain_picture_has_its_colour_everywhere_and_no_contrast() -> None:
    colour = np.array([0.2, 0.5, 0.8])
    features = image_features(np.broadcast_to(colour, (12, 10, 3)))
    assert features.shape == (12, 10, 18) and features.dtype == np.float32
    np.testing.assert_allclose(features[..., :15], np.tile(colour, 5) * np.ones((12, 10, 1)), rtol=1e-5)
    np.testing.assert_allclose(features[..., 15:], 0.0, atol=1e-3)


def test_an_edge_has_contrast_and_reaches_as_far_as_the_blur() -> None:
    image = np.zeros((9, 61, 3))
    image[:, 30:] = 1.0
    features = image_features(image)[4]
    assert features[30, 15] > 0.4 and features[5, 15] < 1e-3  # half black, half white: deviation 0.5
    widths = [((features[:, 3 * (1 + i)] > 0.05) & (features[:, 3 * (1 + i)] < 0.95)).sum() for i in range(4)]
    assert widths == sorted(widths) and widths[3] > 4 * widths[0]


def test_normals_of_a_plane_below_the_camera_point_up() -> None:
    y, x = np.mgrid[:8, :9].astype(float)
    points = np.stack([x, -y, np.full_like(x, 2.0)], axis=-1)  # rows run down the image, to the south
    features = surface_features(
        points, height=points[..., 2] - 1.5, opacity=np.ones((8, 9)), distance=np.full((8, 9), 4.0)
    )
    assert features.shape == (8, 9, 11)
    expected = [0.5, 1.0, 0, 0, 1, 0, 0, 1, 0.5, 0.0, 4.0]
    np.testing.assert_allclose(features, np.broadcast_to(expected, features.shape), atol=1e-3)


def test_a_wall_is_upright_and_its_height_varies() -> None:
    y, x = np.mgrid[:8, :9].astype(float)
    points = np.stack([x, np.zeros_like(x), -y], axis=-1)  # a wall seen from the south
    features = surface_features(points, height=points[..., 2], opacity=np.ones((8, 9)), distance=np.ones((8, 9)))
    np.testing.assert_allclose(features[4, 4, 2:5], [0, -1, 0], atol=1e-6)
    assert features[4, 4, 9] > 1.0


def test_surroundings_are_as_wide_in_a_view_looked_at_more_closely() -> None:
    def uneven(spacing: float, step: int) -> int:
        """Of 30 pixels of the coarse view across a step of 5 in height, those around which the height varies."""
        y, x = np.mgrid[: int(60 / spacing), : int(60 / spacing)] * spacing
        height = np.where(x > 30.0, 5.0, 0.0)
        points = np.stack([x, -y, height], axis=-1)
        features = surface_features(points, height, np.ones_like(x), np.ones_like(x), step)
        return int((features[:: int(2 / spacing), :: int(2 / spacing)][15, :, 9] > 0.9).sum())

    assert uneven(2.0, 1) == pytest.approx(uneven(0.5, 4), abs=1) and uneven(0.5, 1) < uneven(2.0, 1) / 2


def test_a_single_pixel_has_no_normal() -> None:
    features = surface_features(np.ones((1, 1, 3)), np.ones((1, 1)), np.ones((1, 1)), np.ones((1, 1)))
    assert features.shape == (1, 1, 11) and (features[0, 0, 2:8] == 0).all()
