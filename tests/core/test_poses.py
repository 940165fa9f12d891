import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.poses import axis_spread, check_pose, read_intrinsics, read_matrix, read_pose, swap_camera_axes

IDENTITY = "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"


def rotations() -> st.SearchStrategy[np.ndarray]:
    """Rotations from unit quaternions."""
    number = st.floats(-1.0, 1.0)
    quaternions = st.tuples(number, number, number, number).filter(lambda q: np.linalg.norm(q) > 0.1)

    def rotation(q):
        w, x, y, z = np.array(q) / np.linalg.norm(q)
        return np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        )

    return quaternions.map(rotation)


@given(rotations(), st.tuples(*[st.floats(-1e6, 1e6)] * 3))
def test_swapping_axes_twice_is_nothing_and_keeps_handedness(rotation, position):
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = torch.from_numpy(rotation)
    pose[:3, 3] = torch.tensor(position, dtype=torch.float64)
    check_pose(pose.numpy(), "pose")
    swapped = swap_camera_axes(pose)
    check_pose(swapped.numpy(), "swapped pose")
    assert torch.linalg.det(swapped[:3, :3]) == pytest.approx(1.0)
    assert torch.equal(swap_camera_axes(swapped), pose)
    # An OpenCV camera looks along +z with y down, an OpenGL camera along -z with y up.
    assert torch.equal(swapped[:3, 2], -pose[:3, 2]) and torch.equal(swapped[:3, 1], -pose[:3, 1])
    assert torch.equal(swapped[:3, 3], pose[:3, 3]) and torch.equal(swapped[:3, 0], pose[:3, 0])


@pytest.mark.parametrize("text", [IDENTITY, IDENTITY.replace(" ", "\n"), IDENTITY.replace(" ", ", ")])
def test_sixteen_numbers_in_any_layout(tmp_path, text):
    path = tmp_path / "000.txt"
    path.write_text(text)
    assert np.array_equal(read_pose(path), np.eye(4))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 0 0 0 0 1 0 0 0 0 1 0", "holds 12 numbers; expected 16"),
        ("", "holds 0 numbers"),
        (IDENTITY.replace("1", "one", 1), "'one' is not a number"),
        (IDENTITY.replace("1", "nan", 1), "row 0, column 0 is nan"),
        ("1 0 0 inf 0 1 0 0 0 0 1 0 0 0 0 1", "row 0, column 3 is inf"),
        ("0 0 0 5 0 0 0 5 0 0 0 5 0 0 0 1", "singular"),
        ("1 0 0 0 1 0 0 0 0 0 1 0 0 0 0 1", "singular"),
        ("2 0 0 0 0 2 0 0 0 0 2 0 0 0 0 1", "not orthonormal.*is 3"),
        ("1 0 0 0 0 1 0 0 0 0 -1 0 0 0 0 1", "mirrored"),
        ("1 0 0 0 0 1 0 0 0 0 1 0 3 4 5 1", "last row of the pose is 3 4 5 1"),
    ],
)
def test_a_bad_pose_is_named(tmp_path, text, message):
    path = tmp_path / "003.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_pose(path)
    assert str(path) in str(caught.value)


def test_three_decimals_are_precise_enough(tmp_path):
    angle = 0.7
    pose = np.eye(4)
    pose[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    path = tmp_path / "000.txt"
    path.write_text(" ".join(f"{value:.3f}" for value in pose.ravel()))
    assert np.allclose(read_pose(path), pose, atol=1e-3)


def test_missing_and_binary_files_are_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_matrix(tmp_path / "000.txt")
    (tmp_path / "001.txt").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(InputError, match=r"001\.txt: cannot be read as text"):
        read_matrix(tmp_path / "001.txt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0 256 0 0 537 256 0 0 0 1 0 0 0 0 1", "focal lengths must be positive"),
        ("537 2 256 0 0 537 256 0 0 0 1 0 0 0 0 1", "no skew"),
        ("537 0 0 0 0 537 0 0 256 256 1 0 0 0 0 1", "expected the rows"),
    ],
)
def test_bad_intrinsics_are_named(tmp_path, text, message):
    path = tmp_path / "000.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_intrinsics(path)


def test_axis_spread_of_parallel_and_of_crossing_axes():
    parallel = torch.eye(4).repeat(3, 1, 1)
    assert axis_spread(parallel) == pytest.approx(0.0, abs=1e-4)
    crossing = torch.eye(4).repeat(2, 1, 1)
    crossing[1, :3, 2] = torch.tensor([1.0, 0.0, 0.0])
    # mean of I - dd^T over d = z and d = x is diag(1/2, 1, 1/2): asin(sqrt(1/2)) = 45 degrees
    assert axis_spread(crossing) == pytest.approx(45.0)
