"""Which views see some points of a scene, and which of them to ask."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from nerfseg_ns.core.pinhole import Pinhole


def seen_points(
    camera: Pinhole, distance: Float[Tensor, "h w"], points: Float[Tensor, "points 3"], tolerance: float
) -> tuple[Bool[Tensor, " points"], Float[Tensor, "points 2"]]:
    """Which points a view sees, and where.

    A point is seen when it lies in the image and the surface there, or at a neighbouring pixel, is as far away.

    Args:
        camera: of the view.
        distance: of the view's surfaces.
        points: scene frame.
        tolerance: of the distance, scene units.
    """
    height, width = camera.size
    pixels, depth, away = camera.project(points)
    inside = (depth > 0) & (pixels[:, 0] >= 1) & (pixels[:, 0] < width - 1)
    inside &= (pixels[:, 1] >= 1) & (pixels[:, 1] < height - 1)
    x, y = _indices(pixels, (1, 1), (width - 2, height - 2))
    steps = torch.arange(-1, 2, device=points.device)
    around = distance[y[:, None, None] + steps[:, None], x[:, None, None] + steps]
    off = (around - away[:, None, None]).abs().amin(dim=(1, 2))
    return inside & (off < tolerance), pixels


def spread(ordered: Sequence[int], count: int) -> list[int]:
    """At most ``count`` of some views, evenly over their order, first and last included."""
    if len(ordered) <= count:
        return list(ordered)
    return [ordered[i] for i in np.linspace(0, len(ordered) - 1, count).round().astype(int)]


def beside_mask(
    camera: Pinhole, mask: Bool[Tensor, "h w"], points: Float[Tensor, "points 3"], slack: int
) -> Bool[Tensor, " points"]:
    """Points that a view shows, or hides behind something, beside a mask: they cannot belong to what it outlines.

    Args:
        camera: of the view.
        mask: the object's outline there.
        points: scene frame.
        slack: pixels around the mask that still count as inside.
    """
    height, width = camera.size
    grown = F.max_pool2d(mask[None, None].float(), 2 * slack + 1, 1, slack)[0, 0] > 0
    pixels, depth, _ = camera.project(points)
    inside = (depth > 0) & (pixels >= 0).all(dim=-1) & (pixels[:, 0] < width) & (pixels[:, 1] < height)
    x, y = _indices(pixels, (0, 0), (width - 1, height - 1))
    return inside & ~grown[y, x]


def on_surface(
    camera: Pinhole,
    distance: Float[Tensor, "h w"],
    region: Bool[Tensor, "h w"],
    points: Float[Tensor, "points 3"],
    before: float,
    behind: float,
) -> Bool[Tensor, " points"]:
    """Points in a region of a view that are about as far away as the surface there.

    Args:
        camera: of the view.
        distance: of the view's surfaces.
        region: of the view.
        points: scene frame.
        before: how much nearer than the surface they may be, scene units.
        behind: how much farther.
    """
    height, width = camera.size
    pixels, depth, away = camera.project(points)
    inside = (depth > 0) & (pixels >= 0).all(dim=-1) & (pixels[:, 0] < width) & (pixels[:, 1] < height)
    x, y = _indices(pixels, (0, 0), (width - 1, height - 1))
    past = away - distance[y, x]
    return inside & region[y, x] & (past > -before) & (past < behind)


def _indices(
    pixels: Float[Tensor, "points 2"], low: tuple[int, int], high: tuple[int, int]
) -> tuple[Int64[Tensor, " points"], Int64[Tensor, " points"]]:
    """Column and row of each position, brought between bounds; positions at the height of the camera are infinite."""
    # clamped before they are integers: an infinite number as an integer is any
    bounded = torch.minimum(pixels.nan_to_num().clamp(min=pixels.new_tensor(low)), pixels.new_tensor(high))
    x, y = bounded.long().unbind(-1)
    return x, y
