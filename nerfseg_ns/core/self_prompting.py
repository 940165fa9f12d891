"""SA3D's cross-view self-prompting: points for the segmenter from a rendered mask score (Cen et al. 2023, Sec. 3.3)."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

DILATION = 25
"""Side of the square by which a mask is grown, pixels."""


def self_prompts(
    score: Float[np.ndarray, "h w"],
    distance: Float[np.ndarray, "h w"],
    mask_of: Callable[[Float[np.ndarray, "points 2"]], Bool[np.ndarray, "h w"]],
    count: int = 3,
) -> Float[np.ndarray, "points 2"]:
    """Points (x, y) of pixel centres, the most certain first; none when no score is positive.

    Each further point has a high score that is not explained by being near the last one: the score less the
    normalised distance to it in (row, column, depth) times the best score in the segmenter's mask so far.

    Args:
        score: rendered mask score M of each pixel.
        distance: of each pixel's surface from the camera; may be infinite.
        mask_of: the segmenter's mask for some points.
        count: the most points wanted.
    """
    height, width = score.shape
    if score.max() <= 0:
        return np.zeros((0, 2), dtype=np.float32)
    finite = distance[np.isfinite(distance)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    depth = (np.where(np.isfinite(distance), distance, high) - low) / max(high - low, 1e-9)
    rows, columns = np.mgrid[:height, :width]
    place = np.stack([rows / height, columns / width, depth], axis=-1)
    # half the radius of a disc of the mask's area
    half = max(int(np.sqrt(np.clip(score, 0, 1).sum() / np.pi)) // 2, 2)
    y, x = np.unravel_index(int(score.argmax()), score.shape)
    points = [(x + 0.5, y + 0.5)]
    left = score.astype(np.float64).copy()
    running = np.full(score.shape, -np.inf)
    while len(points) < count:
        mask = mask_of(np.array(points, dtype=np.float32))
        left[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1] = -np.inf
        grown = ndimage.maximum_filter(mask, size=DILATION)
        best = max(float(score[grown].max()), 0.0) if grown.any() else 0.0
        away = np.linalg.norm(place - place[y, x], axis=-1)
        away = (away - away.min()) / max(away.max() - away.min(), 1e-9)
        running = np.maximum(running, left - away * best)
        running[np.isneginf(left)] = -np.inf
        y, x = np.unravel_index(int(running.argmax()), score.shape)
        if running[y, x] <= 0:
            break
        points.append((x + 0.5, y + 0.5))
    return np.array(points, dtype=np.float32)
