import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerfseg_ns.core.geocentric import (
    angles_of_rotation,
    east_north_up,
    from_geocentric,
    rotation_by_angles,
    to_geocentric,
)

ANGLE = st.floats(-180.0, 180.0)


def heading_and_pitch(rotation: np.ndarray) -> tuple[float, float]:
    """Degrees clockwise from north and above the horizon, of a camera with OpenCV axes in east, north, up."""
    east, north, up = rotation[:, 2]
    return math.degrees(math.atan2(east, north)) % 360, math.degrees(math.asin(up))


def test_a_published_camera_that_looks_straight_down() -> None:
    rotation = rotation_by_angles(np.array([180.0, -56.0834848188, -89.9999999998]))
    camera = east_north_up(33.9165151812, 0.0) @ rotation
    angle = math.degrees(math.acos(min(1.0, -camera[2, 2])))
    assert angle < 0.02, "tilt 0"
    up_in_the_image = -camera[:, 1]
    assert math.degrees(math.atan2(up_in_the_image[0], up_in_the_image[1])) == pytest.approx(0.0, abs=0.02), "pan 0"


def test_a_published_camera_that_looks_west() -> None:
    rotation = rotation_by_angles(np.array([159.34465662912814, 67.17562316976208, 45.669011717197826]))
    camera = east_north_up(31.23933153689792, 121.73286024286688) @ rotation
    heading, pitch = heading_and_pitch(camera)
    assert heading == pytest.approx(270.12, abs=0.02)
    assert pitch == pytest.approx(-44.61, abs=0.02)
    assert math.degrees(math.asin(camera[2, 0])) == pytest.approx(0.0, abs=0.02), "roll 0"


@given(ANGLE, st.floats(-90.0, 90.0), ANGLE)
def test_angles_there_and_back(x: float, y: float, z: float) -> None:
    rotation = rotation_by_angles(np.array([x, y, z]))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(rotation_by_angles(np.array(angles_of_rotation(rotation))), rotation, atol=1e-8)


def test_rotations_turn_about_x_then_y_then_z_by_hand() -> None:
    np.testing.assert_allclose(rotation_by_angles(np.array([90.0, 0, 0])) @ [0, 1, 0], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(rotation_by_angles(np.array([0.0, 90, 0])) @ [0, 0, 1], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(rotation_by_angles(np.array([0.0, 0, 90])) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    # Rx Rz: z is turned about first
    np.testing.assert_allclose(rotation_by_angles(np.array([90.0, 0, 90])) @ [1, 0, 0], [0, 0, 1], atol=1e-12)


@given(st.floats(-90.0, 90.0), st.floats(-180.0, 180.0), st.floats(-400.0, 20_000.0))
def test_places_there_and_back(latitude: float, longitude: float, height: float) -> None:
    pytest.importorskip("pyproj")
    place = np.array([[longitude, latitude, height]])
    point = to_geocentric(place)
    found = from_geocentric(point)
    np.testing.assert_allclose(to_geocentric(found), point, atol=1e-5)
    assert found[0, 1] == pytest.approx(latitude, abs=1e-8) and found[0, 2] == pytest.approx(height, abs=1e-4)
    # up is where the height grows
    higher = to_geocentric(place + [0.0, 0.0, 10.0])
    np.testing.assert_allclose(east_north_up(latitude, longitude) @ (higher - point)[0], [0, 0, 10], atol=1e-6)
