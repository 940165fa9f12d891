"""The sky where no label shows it: what lies above the horizon, outside of the scene."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from nerfseg_ns.core.class_table import ClassTable

INSIDE = 1.0
"""Half the side of the cube that a contracted scene keeps as it is; what is farther away lies between this and 2."""
_NAME = "sky"


def sky_class(table: ClassTable, labelled: Iterable[int]) -> int | None:
    """The class called sky, in any case, when no label has it.

    Args:
        table: classes of the scene.
        labelled: ids that labels have.
    """
    named = [entry.id for entry in table.classes if entry.name.casefold() == _NAME]
    return named[0] if named and named[0] not in set(labelled) else None


def open_sky(
    points: Float[np.ndarray, "*pixels 3"], directions: Float[np.ndarray, "*pixels 3"]
) -> Bool[np.ndarray, "*pixels"]:
    """Pixels whose ray rises and ends outside the scene's cube: seen from the air, few are anything but sky.

    Not all of the sky: around a scene that ends somewhere there is more of it below the horizon. Whatever rises above
    the cameras from outside of the cube is taken for it as well: mountains, and in a street or a room its walls.

    Args:
        points: where the rays end, in the contracted scene, third axis up.
        directions: of the rays, third axis up, of any length.
    """
    found: Bool[np.ndarray, "*pixels"] = (directions[..., 2] > 0.0) & (np.abs(points).max(axis=-1) > INSIDE)
    return found


def away_from(
    labelled: Float[np.ndarray, "labelled 3"], points: Float[np.ndarray, "pixels 3"], distance: float
) -> Int[np.ndarray, " away"]:
    """Numbers of the points that lie farther than a distance from every labelled one: a label knows better.

    Args:
        labelled: at least one.
        points: to choose from.
        distance: in the unit of both.
    """
    nearest, _ = cKDTree(labelled).query(points, distance_upper_bound=distance)
    return np.flatnonzero(np.isinf(nearest))


def sky_examples(sky: Int[np.ndarray, " sky"], pixels: int, labelled: int, seed: int) -> Int[np.ndarray, " examples"]:
    """Which pixels of the sky to learn from: as many as labels would have if it were as frequent among them.

    Args:
        sky: numbers of unlabelled pixels of the sky.
        pixels: unlabelled pixels.
        labelled: labelled ones.
        seed: of the choice.

    Returns:
        Some of the numbers; one at least where there is any.
    """
    count = min(len(sky), max(1, round(labelled * len(sky) / max(pixels, 1))))
    return np.random.default_rng(seed).choice(sky, count, replace=False) if len(sky) else sky
