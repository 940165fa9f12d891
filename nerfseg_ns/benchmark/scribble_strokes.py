"""Strokes that stay inside regions of one class, as somebody would draw them who labels in a hurry."""

import numpy as np
from jaxtyping import Bool, UInt8
from scipy.ndimage import distance_transform_edt

from nerfseg_ns.core.class_table import IGNORE

_TURN = 0.35
"""Standard deviation of the change of direction from pixel to pixel, radians."""
_IDLE = 20
"""So many rounds without a new pixel end it: what is left lies where strokes seldom come."""


def scribbled(
    labels: UInt8[np.ndarray, "h w"], pixels: int, length: int, rng: np.random.Generator
) -> tuple[UInt8[np.ndarray, "h w"], int]:
    """Labels of a few strokes, 255 elsewhere.

    Each class gets a stroke in turn, the largest first, so that a small budget still has every class; then every class
    again, until the pixels are spent. A stroke is one pixel wide, begins at a random pixel in the inner half of its
    class (away from borders) and wanders; it ends at its length or where it would leave its class.

    Args:
        labels: class ids, 255 without one.
        pixels: how many get a label, at most.
        length: of a stroke, pixels.
        rng: chooses the strokes.

    Returns:
        The class ids, and how many strokes there are.
    """
    result = np.full_like(labels, IGNORE)
    ids, counts = np.unique(labels[labels != IGNORE], return_counts=True)
    order = ids[np.argsort(-counts, kind="stable")]
    left, strokes, idle = min(pixels, int(counts.sum())), 0, 0
    inner = {int(id_): _inner(labels == id_) for id_ in order}
    while left > 0 and idle < _IDLE:
        before = left
        # the classes that still have to come share what is left, so that the last ones are not forgotten
        for number, id_ in enumerate(order):
            share = max(1, left // (len(order) - number))
            drawn = _stroke(labels == id_, inner[int(id_)], min(length, share, left), rng)
            fresh = [(row, column) for row, column in drawn if result[row, column] == IGNORE]
            for row, column in fresh:
                result[row, column] = id_
            left -= len(fresh)
            strokes += bool(fresh)
            if left == 0:
                break
        idle = idle + 1 if left == before else 0
    return result, strokes


def _inner(region: Bool[np.ndarray, "h w"]) -> np.ndarray:
    """Flat positions of the half of a region's pixels that is farthest from its edge."""
    distance = distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1].reshape(-1)
    inside = np.flatnonzero(region)
    return inside[distance[inside] >= np.median(distance[inside])]


def _stroke(
    region: Bool[np.ndarray, "h w"], starts: np.ndarray, length: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    row, column = divmod(int(rng.choice(starts)), region.shape[1])
    y, x, angle = row + 0.5, column + 0.5, rng.uniform(0, 2 * np.pi)
    drawn = {(row, column): None}
    for _ in range(2 * length):
        if len(drawn) >= length:
            break
        angle += rng.normal(0.0, _TURN)
        y, x = y + np.sin(angle), x + np.cos(angle)
        row, column = int(np.floor(y)), int(np.floor(x))
        if not (0 <= row < region.shape[0] and 0 <= column < region.shape[1]) or not region[row, column]:
            break
        drawn[row, column] = None
    return list(drawn)
