"""Points and a box that stand for a mask: how one view's result prompts the segmenter in another."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage


def inner_points(
    mask: Bool[np.ndarray, "h w"], count: int, minimum_depth: float = 1.0
) -> Float[np.ndarray, "points 2"]:
    """Points deep inside a mask and apart from each other, as (x, y) of pixel centres.

    The first is the one farthest from the edge (the image's edge counts as one); each further one is the farthest from
    the edge and, half as important, from those before it.

    Args:
        mask: where points may lie.
        count: the most points wanted.
        minimum_depth: least distance from the edge, pixels; thinner masks give fewer points.
    """
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    points: list[tuple[float, float]] = []
    while len(points) < count and depth.size:
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        if depth[y, x] < minimum_depth:
            break
        points.append((float(x) + 0.5, float(y) + 0.5))
        depth = np.minimum(depth, np.hypot(rows - y, columns - x) / 2)
    return np.array(points, dtype=np.float32).reshape(-1, 2)


def centrality(mask: Bool[np.ndarray, "h w"], points: Float[np.ndarray, "points 2"]) -> float:
    """How near to the middle of a mask some points are: their depth in it as a share of the largest depth, 0..1.

    Points are taken to be exact to half a pixel: the middle of a small mask is not hit better than that.

    Args:
        mask: not empty.
        points: (x, y) of points in the image; their mean counts. 1 without points.
    """
    if len(points) == 0:
        return 1.0
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    x, y = (points[:, axis].astype(int).clip(0, mask.shape[1 - axis] - 1) for axis in (0, 1))
    at = depth[y, x]
    return float(np.where(at > 0, (at + 0.5) / depth.max(), 0.0).clip(max=1.0).mean())


def bounding_box(mask: Bool[np.ndarray, "h w"]) -> tuple[int, int, int, int]:
    """(x0, y0, x1, y1) around a mask, x1 and y1 exclusive.

    Raises:
        ValueError: the mask is empty.
    """
    ys, xs = np.nonzero(mask)
    if len(xs) == 0:
        raise ValueError("an empty mask has no bounding box")
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def surroundings(
    mask: Bool[np.ndarray, "h w"], rejected: Bool[np.ndarray, "h w"], margin: float = 0.2
) -> Bool[np.ndarray, "h w"]:
    """Rejected pixels near a mask: where negative points are worth most.

    Args:
        mask: not empty.
        rejected: pixels known not to be the object.
        margin: how far the mask's box is grown, as a share of its size (at least 6 pixels).
    """
    x0, y0, x1, y1 = bounding_box(mask)
    right, down = (max(6, round(margin * (high - low))) for low, high in ((x0, x1), (y0, y1)))
    near = np.zeros_like(mask)
    near[max(0, y0 - down) : y1 + down, max(0, x0 - right) : x1 + right] = True
    return rejected & near & ~mask


def apart(
    mask: Bool[np.ndarray, "h w"], points: Sequence[tuple[float, float]], distance: float
) -> Bool[np.ndarray, "h w"]:
    """The pixels of a mask that are farther than a distance from all of some points (x, y)."""
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    for x, y in points:
        mask = mask & (np.hypot(columns + 0.5 - x, rows + 0.5 - y) > distance)
    return mask
