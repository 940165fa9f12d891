"""From a click anywhere in the scene to the captured view in which it is a prompt.

Segmenters work on captured images, users click on rendered ones. What is carried over is the point in 3D.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.pinhole import Pinhole

SurfaceDistance = Callable[[Float[Tensor, "rays 3"], Float[Tensor, "rays 3"]], Float[Tensor, " rays"]]
"""(origins, unit directions) -> distance of the surface each ray meets, scene units; infinite where there is none."""

TOLERANCE = 0.04
"""How much nearer than a point a surface may seem to be that does not hide it, as a share of its distance."""

MARGIN = 0.06
"""Share of a view's size at its borders where a point counts as badly seen: the object may be cut off there."""

RATIO_WEIGHT = 0.7
"""What a view e times as far away or as near counts for, as an angle in radians."""


class ViewPixel(NamedTuple):
    """A pixel of a captured view.

    Args:
        view: the view's number.
        x: pixels of the view's camera, pixel centres at +0.5.
        y: the same.
    """

    view: int
    x: float
    y: float


def clicked_point(
    origin: Float[Tensor, "3"], direction: Float[Tensor, "3"], surface: SurfaceDistance
) -> Float[Tensor, "3"]:
    """The point that a click shows, scene frame.

    Raises:
        InputError: the ray meets nothing.
    """
    distance = surface(origin[None], direction[None])[0]
    if not torch.isfinite(distance):
        raise InputError(
            "there is nothing where you clicked, only the sky or empty space; click on a surface, or write a class "
            "before you click on the sky"
        )
    return origin + distance * direction


def sky_view(direction: Float[Tensor, "3"], cameras: Sequence[Pinhole], surface: SurfaceDistance) -> ViewPixel:
    """The captured view that shows the sky in a direction nearest to its middle.

    Args:
        direction: where the user clicked, unit length, scene frame.
        cameras: of all captured views.
        surface: asked once, for one ray per view that looks there.

    Raises:
        InputError: no captured view looks there, or all that do see something dense.
    """
    placed: list[tuple[float, ViewPixel]] = []
    for number, camera in enumerate(cameras):
        (x, y), depth, _ = camera.project(camera.centre + direction)
        height, width = camera.size
        if depth > 0 and 0 <= x < width and 0 <= y < height:
            off = max(abs(float(x) / width - 0.5), abs(float(y) / height - 0.5))
            placed.append((off, ViewPixel(number, float(x), float(y))))
    if placed:
        origins = torch.stack([cameras[pixel.view].centre for _, pixel in placed])
        met = surface(origins, direction.expand(len(placed), 3))
        placed = [entry for entry, distance in zip(placed, met) if not torch.isfinite(distance)]
    if not placed:
        raise InputError(
            "none of the captured views shows the sky where you clicked; click on it where photographs look, such as "
            "just above the horizon"
        )
    return min(placed, key=lambda entry: entry[0])[1]


def best_view(
    point: Float[Tensor, "3"],
    eye: Float[Tensor, "3"],
    cameras: Sequence[Pinhole],
    surface: SurfaceDistance,
    preferred: Sequence[int] = (),
) -> ViewPixel:
    """The captured view that sees a point most as the user does: near in direction and in distance, and unhidden.

    Args:
        point: scene frame.
        eye: where the user looks from.
        cameras: of all captured views.
        surface: to test whether something stands before the point; asked once, for one ray per view.
        preferred: views that are taken whenever they show the point, the first before the others.

    Raises:
        InputError: no captured view shows the point.
    """
    placed: list[tuple[float, ViewPixel]] = []
    towards, reach = _direction(point, eye)
    for number, camera in enumerate(cameras):
        (x, y), depth, distance = camera.project(point)
        height, width = camera.size
        if depth <= 0 or not (0 <= x < width and 0 <= y < height):
            continue
        seen, _ = _direction(point, camera.centre)
        angle = torch.arccos((seen * towards).sum().clamp(-1.0, 1.0))
        border = min(x / width, 1 - x / width, y / height, 1 - y / height)
        badness = angle + RATIO_WEIGHT * (distance / reach).log().abs() + (0.5 if border < MARGIN else 0.0)
        placed.append((float(badness), ViewPixel(number, float(x), float(y))))
    visible: list[tuple[float, ViewPixel]] = []
    if placed:
        origins = torch.stack([cameras[pixel.view].centre for _, pixel in placed])
        distances = (point - origins).norm(dim=-1)
        met = surface(origins, (point - origins) / distances[:, None])
        free = met >= distances * (1.0 - TOLERANCE)
        visible = [entry for entry, unhidden in zip(placed, free.tolist()) if unhidden]
    if not visible:
        raise InputError(
            "none of the captured views shows this point"
            + (", something stands before it in all of them" if placed else "")
            + "; click on a part of the object that was photographed"
        )
    for view in preferred:
        for _, pixel in visible:
            if pixel.view == view:
                return pixel
    return min(visible, key=lambda entry: entry[0])[1]


def box_in_view(
    corners: Float[Tensor, "4 3"], centre: Float[Tensor, "3"], camera: Pinhole
) -> tuple[float, float, float, float]:
    """A rectangle of the user's screen as a box of a captured view.

    The rectangle is taken to stand at the distance of what its middle shows, facing the user.

    Args:
        corners: points on the rays through the rectangle's corners, relative to ``centre``'s plane; scene frame.
        centre: what its middle shows.
        camera: of the captured view.

    Returns:
        x0, y0, x1, y1 in pixels, within the view.

    Raises:
        InputError: nothing of the rectangle lies within the view.
    """
    pixels, depth, _ = camera.project(torch.cat([corners, centre[None]]))
    height, width = camera.size
    limit = torch.tensor([width, height], dtype=pixels.dtype)
    low = pixels.amin(dim=0).clamp(min=torch.zeros(2)).minimum(limit)
    high = pixels.amax(dim=0).clamp(min=torch.zeros(2)).minimum(limit)
    if (depth <= 0).any() or (high - low < 2).any():
        raise InputError("the box is empty in the captured view; draw it around the whole object")
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _direction(point: Tensor, eye: Tensor) -> tuple[Tensor, Tensor]:
    offset = point - eye
    distance = offset.norm().clamp(min=1e-8)
    return offset / distance, distance
