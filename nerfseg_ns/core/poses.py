"""Camera poses and intrinsics: text files of 16 numbers, their checks, and the change of camera axes."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nerfseg_ns.core.input_error import InputError

ORTHONORMAL_TOLERANCE = 5e-3
"""Largest entry of ``|R^T R - I|`` that passes: text files rounded to three decimals do, a scaled rotation does not."""


def read_matrix(path: Path) -> Float[np.ndarray, "4 4"]:
    """Read 16 numbers, row by row, separated by blanks, commas or line breaks.

    Raises:
        InputError: the file is missing, holds another count of numbers, or one of them is not finite.
    """
    try:
        words = path.read_text(encoding="utf-8").replace(",", " ").split()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a text file of 16 numbers") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error}); expected 16 numbers") from None
    if len(words) != 16:
        raise InputError(f"{path}: holds {len(words)} numbers; expected 16, a 4x4 matrix row by row")
    values = []
    for word in words:
        try:
            values.append(float(word))
        except ValueError:
            raise InputError(f"{path}: {word!r} is not a number; expected 16 numbers") from None
    matrix = np.array(values, dtype=np.float64).reshape(4, 4)
    _require_finite(matrix, str(path))
    return matrix


def read_pose(path: Path) -> Float[np.ndarray, "4 4"]:
    """Read a camera-to-world matrix; its axes are those of the file (OpenCV in Carla-MVS), its unit the scene's.

    Raises:
        InputError: see :func:`read_matrix` and :func:`check_pose`.
    """
    matrix = read_matrix(path)
    check_pose(matrix, str(path))
    return matrix


def check_pose(matrix: Float[np.ndarray, "4 4"], source: str) -> None:
    """Check that a camera-to-world matrix is finite and rigid.

    Args:
        matrix: camera-to-world, either camera axes.
        source: the file and the view, for the message.

    Raises:
        InputError: it is not 4x4, not finite, singular, mirrored, scaled or sheared, or has another last row
            than 0 0 0 1.
    """
    if matrix.shape != (4, 4):
        raise InputError(f"{source}: the pose is not 16 numbers, a 4x4 matrix; it has the shape {matrix.shape}")
    _require_finite(matrix, source)
    if not np.allclose(matrix[3], (0.0, 0.0, 0.0, 1.0), atol=1e-6):
        raise InputError(
            f"{source}: the last row of the pose is {_row(matrix[3])}; expected 0 0 0 1 (camera-to-world, row by row; "
            f"is the matrix written by columns?)"
        )
    rotation = matrix[:3, :3]
    determinant = float(np.linalg.det(rotation))
    if abs(determinant) < 1e-6:
        raise InputError(f"{source}: the pose is singular (the determinant of its rotation is {determinant:.2g})")
    deviation = float(np.abs(rotation.T @ rotation - np.eye(3)).max())
    if deviation > ORTHONORMAL_TOLERANCE:
        raise InputError(
            f"{source}: the rotation of the pose is not orthonormal (largest entry of |R^T R - I| is {deviation:.2g}, "
            f"at most {ORTHONORMAL_TOLERANCE} is accepted); remove scale and shear from it"
        )
    if determinant < 0:
        raise InputError(
            f"{source}: the pose is mirrored (the determinant of its rotation is {determinant:.3f}, expected +1); "
            f"left-handed axes, as CARLA's world has them, must be converted first"
        )


def read_intrinsics(path: Path) -> Float[np.ndarray, "4 4"]:
    """Read a 4x4 intrinsic matrix in pixels, pixel centres at +0.5.

    Raises:
        InputError: see :func:`read_matrix`; a focal length that is not positive; a skew.
    """
    matrix = read_matrix(path)
    if matrix[0, 0] <= 0 or matrix[1, 1] <= 0:
        raise InputError(f"{path}: focal lengths must be positive pixels, not {matrix[0, 0]:g} and {matrix[1, 1]:g}")
    expected = np.eye(4)
    expected[:2, :3] = matrix[:2, :3]
    expected[0, 1] = expected[1, 0] = 0.0
    if not np.allclose(matrix, expected, atol=1e-6):
        raise InputError(
            f"{path}: expected the rows fx 0 cx 0, 0 fy cy 0, 0 0 1 0, 0 0 0 1 (no skew), not "
            f"{', '.join(_row(row) for row in matrix)}"
        )
    return matrix


def swap_camera_axes(poses: Float[Tensor, "*batch rows 4"]) -> Float[Tensor, "*batch rows 4"]:
    """Camera-to-world poses from OpenCV axes (x right, y down, z forward) to OpenGL axes (x right, y up, z back).

    The way back is the same: columns 1 and 2 are negated.
    """
    return poses * poses.new_tensor([1.0, -1.0, -1.0, 1.0])


def axis_spread(poses: Float[Tensor, "views 4 4"]) -> float:
    """How far the optical axes are from being parallel, in degrees: 0 for parallel axes, 45 and more for orbits.

    It is the angle whose squared sine is the smallest eigenvalue of the mean of ``I - d d^T`` over the viewing
    directions ``d``, the matrix that the point nearest to all axes is solved from.
    """
    directions = poses[:, :3, 2].double()
    projectors = torch.eye(3, dtype=torch.float64) - directions[:, :, None] * directions[:, None, :]
    smallest = torch.linalg.eigvalsh(projectors.mean(dim=0))[0].clamp(0.0, 1.0)
    return float(torch.rad2deg(torch.asin(smallest.sqrt())))


def _require_finite(matrix: Float[np.ndarray, "4 4"], source: str) -> None:
    if not np.isfinite(matrix).all():
        row, column = np.argwhere(~np.isfinite(matrix))[0]
        raise InputError(f"{source}: row {row}, column {column} is {matrix[row, column]}; expected finite numbers")


def _row(values: Float[np.ndarray, "4"]) -> str:
    return " ".join(f"{value:g}" for value in values)
