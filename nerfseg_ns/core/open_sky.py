"""The sky where no label shows it: what lies above the horizon, outside of the scene."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Float, Int

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
    """Pixels whose ray rises and meets nothing in the scene: few pixels of the sky are something else.

    Not all of the sky: around a scene that ends somewhere there is more of it below the horizon. Mountains that rise
    above the cameras from outside of the scene are taken for it.

    Args:
        points: where the rays end, in the contracted scene, third axis up.
        directions: of the rays, third axis up, of any length.
    """
    found: Bool[np.ndarray, "*pixels"] = (directions[..., 2] > 0.0) & (np.abs(points).max(axis=-1) > INSIDE)
    return found


def sky_examples(sky: int, pixels: int, labelled: int, seed: int) -> Int[np.ndarray, " examples"]:
    """Which pixels of the sky to learn from: as many as labels would have if it were as frequent among them.

    Args:
        sky: unlabelled pixels of the sky.
        pixels: unlabelled pixels.
        labelled: labelled ones.
        seed: of the choice.

    Returns:
        Numbers of pixels of the sky; one at least where there is any.
    """
    count = min(sky, max(1, round(labelled * sky / max(pixels, 1))))
    return np.random.default_rng(seed).choice(sky, count, replace=False) if sky else np.zeros(0, np.int64)
