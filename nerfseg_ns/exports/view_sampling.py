"""Camera poses between and around those that took the pictures."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy.spatial.transform import Rotation, Slerp

from nerfseg_ns.core.input_error import InputError

NEIGHBOURS = 4
"""A new view lies between a training camera and one of so many nearest,"""
FARTHEST = 1.5
"""none of them farther than so many times the nearest: on the way to a distant camera nobody has looked around."""
BETWEEN = (0.15, 0.85)
"""How far on the way to the neighbour."""
DEGREES_PER_DISTANCE = 30.0
"""A turn by so much counts as much as the median distance of the nearest camera, in saying which cameras are near."""
KEPT_OFF = (0.1, 3.0)
"""No new view is closer to a camera that is kept off than this share of that distance while it looks the same way to
within so many degrees."""
_TRIES = 100

Poses = Float64[np.ndarray, "cameras 3 4"]


@dataclass(frozen=True, eq=False)
class SampledView:
    """A new pose.

    Args:
        pose: camera to world.
        base: the training camera it starts from, whose intrinsics it has.
        other: the neighbour it lies towards; ``base`` itself where there is none.
        share: how far on the way, 0..1.
    """

    pose: Float64[np.ndarray, "3 4"]
    base: int
    other: int
    share: float


def sample_views(
    poses: Poses,
    count: int,
    held: Bool[np.ndarray, " cameras"],
    kept_off: Poses,
    seed: int,
    position_jitter: float = 0.1,
    angle_jitter: float = 2.0,
) -> list[SampledView]:
    """Draw poses: positions between neighbours on a line, turns on the shortest arc (slerp), and some jitter.

    Each training camera is the base of about as many. Validation and training cameras are never mixed, so that the two
    parts of a data set look at different places as far as the flight does.

    Args:
        poses: of the training cameras, camera to world, in the order of the flight.
        count: how many to draw.
        held: which cameras are for validation.
        kept_off: poses, such as those of the test views, that no new view may repeat, see :data:`KEPT_OFF`.
        seed: equal seeds give equal poses.
        position_jitter: standard deviation along each axis, as a share of the distance of the two cameras.
        angle_jitter: standard deviation around each axis, degrees.

    Raises:
        InputError: there is no room beside the poses that are kept off.
    """
    generator = np.random.default_rng(seed)
    distance, angle = _between(poses, poses)
    np.fill_diagonal(distance, np.inf)
    unit = float(np.median(distance.min(axis=1))) if len(poses) > 1 else 1.0
    unit = unit if np.isfinite(unit) and unit > 0 else 1.0
    near = distance / unit + angle / DEGREES_PER_DISTANCE
    near[held[:, None] != held[None]] = np.inf
    views = []
    for number in range(count):
        base = int(number * len(poses) / count) if count < len(poses) else number % len(poses)
        nearest = np.argsort(near[base], kind="stable")[:NEIGHBOURS]
        limit = min(FARTHEST * near[base, nearest[0]], np.finfo(np.float64).max)  # infinite where there is none
        others = [int(other) for other in nearest if near[base, other] <= limit]
        for _ in range(_TRIES):
            other = int(generator.choice(others)) if others else base
            share = float(generator.uniform(*BETWEEN))
            apart = distance[base, other] if other != base else unit
            pose = _jittered(
                _interpolated(poses[base], poses[other], share), position_jitter * apart, angle_jitter, generator
            )
            if not len(kept_off):
                break
            away, turned = _between(pose[None], kept_off)
            if not ((away < KEPT_OFF[0] * unit) & (turned < KEPT_OFF[1])).any():
                break
        else:
            raise InputError(
                f"no new view was found near training camera {base} that is not the view of a test camera; raise "
                "--position-jitter or --angle-jitter"
            )
        views.append(SampledView(pose, base, other, share))
    return views


def _interpolated(
    first: Float64[np.ndarray, "3 4"], second: Float64[np.ndarray, "3 4"], share: float
) -> Float64[np.ndarray, "3 4"]:
    turns = Rotation.from_matrix(np.stack([first[:, :3], second[:, :3]]))
    turn = Slerp([0.0, 1.0], turns)(share).as_matrix()
    return np.concatenate([turn, (1.0 - share) * first[:, 3:] + share * second[:, 3:]], axis=1)


def _jittered(
    pose: Float64[np.ndarray, "3 4"], position: float, degrees: float, generator: np.random.Generator
) -> Float64[np.ndarray, "3 4"]:
    turn = Rotation.from_rotvec(generator.normal(scale=np.radians(degrees), size=3)).as_matrix()
    moved = pose[:, 3:] + generator.normal(scale=position, size=(3, 1))
    return np.concatenate([pose[:, :3] @ turn, moved], axis=1)


def _between(first: Poses, second: Poses) -> tuple[Float64[np.ndarray, "a b"], Float64[np.ndarray, "a b"]]:
    """Distance and angle (degrees) of every pair."""
    distance = np.linalg.norm(first[:, None, :, 3] - second[None, :, :, 3], axis=-1)
    trace = np.einsum("aij,bij->ab", first[:, :, :3], second[:, :, :3])
    return distance, np.degrees(np.arccos(((trace - 1.0) / 2.0).clip(-1.0, 1.0)))
