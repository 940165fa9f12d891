"""What people draw on images: polygons, discs, lines and stencils, and the pixels that each covers.

Coordinates are pixels, x to the right and y down from the upper left corner of the image, so that the centre of the
first pixel is at (0.5, 0.5). A pixel is covered when its centre is inside; polygons with a common edge share no pixel
and leave none out.
"""

from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float

Bounds = tuple[float, float, float, float]
"""Least x, least y, greatest x, greatest y."""


@dataclass(frozen=True)
class Patch:
    """Covered pixels of an image: a mask whose first pixel is at (left, top), wholly inside the image."""

    left: int
    top: int
    mask: Bool[np.ndarray, "h w"]

    @cached_property
    def area(self) -> int:
        """How many pixels are covered."""
        return int(np.count_nonzero(self.mask))

    def of(self, image: np.ndarray) -> np.ndarray:
        """The part of an image that the mask lies on."""
        height, width = self.mask.shape
        return image[self.top : self.top + height, self.left : self.left + width]


class Outline(Protocol):
    """Something drawn."""

    @property
    def bounds(self) -> Bounds:
        """The box around it."""

    def patch(self, width: int, height: int) -> Patch:
        """The pixels that it covers in an image of a size; empty where it lies outside."""


@dataclass(frozen=True)
class Polygons:
    """One or more polygons, each closed by itself; together they cover what any of them covers.

    Where a polygon crosses itself, a point counts as inside when a ray from it crosses the outline an odd number of
    times.
    """

    parts: tuple[Float[np.ndarray, "_ 2"], ...]

    @property
    def bounds(self) -> Bounds:
        return _bounds(np.concatenate(self.parts))

    def patch(self, width: int, height: int) -> Patch:
        left, top, right, bottom = _pixel_box(self.bounds, width, height)
        mask = np.zeros((bottom - top, right - left), dtype=bool)
        if mask.size:
            for part in self.parts:
                mask |= _inside(part - (left, top), *mask.shape)
        return Patch(left, top, mask)


@dataclass(frozen=True)
class Disc:
    """A circle and what is in it."""

    x: float
    y: float
    radius: float

    @property
    def bounds(self) -> Bounds:
        return self.x - self.radius, self.y - self.radius, self.x + self.radius, self.y + self.radius

    def patch(self, width: int, height: int) -> Patch:
        left, top, right, bottom = _pixel_box(self.bounds, width, height)
        x, y = _centres(left, top, right, bottom)
        return Patch(left, top, (x - self.x) ** 2 + (y - self.y) ** 2 <= self.radius**2)


@dataclass(frozen=True)
class Stroke:
    """A line through points, or one point, drawn with a round pen.

    Args:
        points: in their order.
        width: of the pen, in pixels.
    """

    points: Float[np.ndarray, "_ 2"]
    width: float

    @property
    def bounds(self) -> Bounds:
        left, top, right, bottom = _bounds(self.points)
        half = self.width / 2
        return left - half, top - half, right + half, bottom + half

    def patch(self, width: int, height: int) -> Patch:
        left, top, right, bottom = _pixel_box(self.bounds, width, height)
        x, y = _centres(left, top, right, bottom)
        mask = np.zeros((bottom - top, right - left), dtype=bool)
        for start, end in zip(self.points, [*self.points[1:], self.points[-1]]):
            along = end - start
            squared = float(along @ along)
            if squared == 0.0:
                share: np.ndarray | float = 0.0
            else:
                share = (((x - start[0]) * along[0] + (y - start[1]) * along[1]) / squared).clip(0.0, 1.0)
            distance = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])
            mask |= distance <= self.width / 2
        return Patch(left, top, mask)


@dataclass(frozen=True)
class Stencil:
    """A mask laid on an image with its first pixel at (left, top); it may reach beyond the image."""

    left: int
    top: int
    mask: Bool[np.ndarray, "h w"]

    @property
    def bounds(self) -> Bounds:
        height, width = self.mask.shape
        return self.left, self.top, self.left + width, self.top + height

    def patch(self, width: int, height: int) -> Patch:
        left, top, right, bottom = _pixel_box(self.bounds, width, height)
        inside = self.mask[top - self.top : bottom - self.top, left - self.left : right - self.left]
        return Patch(left, top, inside)


def rectangle(x0: float, y0: float, x1: float, y1: float) -> Polygons:
    """A rectangle by two opposite corners."""
    return Polygons((np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], dtype=np.float64),))


def is_outside(bounds: Bounds, width: int, height: int) -> bool:
    """Whether a box has nothing in common with an image."""
    left, top, right, bottom = bounds
    return left >= width or top >= height or right <= 0 or bottom <= 0


def reaches_beyond(bounds: Bounds, width: int, height: int) -> bool:
    """Whether a box has a part outside an image."""
    left, top, right, bottom = bounds
    return left < 0 or top < 0 or right > width or bottom > height


def _bounds(points: Float[np.ndarray, "_ 2"]) -> Bounds:
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return left, top, right, bottom


def _pixel_box(bounds: Bounds, width: int, height: int) -> tuple[int, int, int, int]:
    """First column and row, and the column and row after the last, of the pixels that a box touches in an image."""
    left, top = min(max(floor(bounds[0]), 0), width), min(max(floor(bounds[1]), 0), height)
    right, bottom = min(max(ceil(bounds[2]), left), width), min(max(ceil(bounds[3]), top), height)
    return left, top, right, bottom


def _centres(left: int, top: int, right: int, bottom: int) -> tuple[Float[np.ndarray, "1 w"], Float[np.ndarray, "h 1"]]:
    return np.arange(left, right)[None] + 0.5, np.arange(top, bottom)[:, None] + 0.5


def _inside(polygon: Float[np.ndarray, "_ 2"], height: int, width: int) -> Bool[np.ndarray, "h w"]:
    """The pixels of an image whose centres are inside a polygon, row by row from where its edges cross the row.

    scikit-image and matplotlib compare every pixel with every edge, which takes a minute and a half for an outline of
    2,000 points around 8 million pixels; Pillow covers the pixels of the outline too, whatever their centres.
    """
    # From the upper to the lower end, so that both polygons of a common edge compute the same crossings.
    following = np.roll(polygon, -1, axis=0)
    down = polygon[:, 1] <= following[:, 1]
    x0, y0 = np.where(down[:, None], polygon, following).T
    x1, y1 = np.where(down[:, None], following, polygon).T
    # An edge crosses the rows whose centre is in [y0, y1): the lower end belongs to the next edge.
    first, after = (np.ceil(y - 0.5).clip(0, height).astype(np.int64) for y in (y0, y1))
    counts = after - first
    edge = np.repeat(np.arange(len(counts)), counts)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    crossing = x0[edge] + (row + 0.5 - y0[edge]) * ((x1 - x0)[edge] / (y1 - y0)[edge])
    column = np.ceil(crossing - 0.5).clip(0, width).astype(np.int64)  # the first centre right of the crossing or on it
    toggles = np.zeros((height, width + 1), dtype=np.uint8)
    np.bitwise_xor.at(toggles, (row, column), 1)
    return np.bitwise_xor.accumulate(toggles[:, :width], axis=1).astype(bool)
