"""JSON files of other programs, decoded."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from nerfseg_ns.core.input_error import InputError

SNIFFED = 20
"""How many JSON files of a folder are looked into to find out what they are."""

_FARTHEST = 1e9
"""Coordinates in pixels that are no mistake."""


def read_json(path: Path) -> Any:
    """The decoded file.

    Raises:
        InputError: it cannot be read or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a JSON file that can be read ({error}); export it again") from None


def point_list(values: Any, place: str, least: int) -> Float[np.ndarray, "points 2"]:
    """Points from ``[[x, y], ...]``.

    Args:
        values: the decoded list.
        place: file and shape, for messages.
        least: how many points there have to be.

    Raises:
        InputError: it is no such list, has too few points, or one that is not a place in or near an image.
    """
    try:
        points = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 2 or not (np.abs(points) <= _FARTHEST).all():
        raise InputError(f"{place}: expected points [[x, y], ...] in pixels, found {str(values)[:80]}")
    if len(points) < least:
        raise InputError(f"{place}: {len(points)} points; this shape needs at least {least}")
    return points


def whole_number(value: Any, what: str, place: str) -> int:
    """A number of pixels or the like, 1 or more.

    Raises:
        InputError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= _FARTHEST or value % 1:
        raise InputError(f"{place}: {what} is {value!r}; expected a whole number from 1 on")
    return int(value)
