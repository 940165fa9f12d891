"""What stands on the ground, seen from above: its size tells a car from a house, whatever its colour."""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

CELL = 0.5
"""Width of a cell of the map, in spacings of the pixels' surface points."""
MOST_CELLS = 2048
"""Cells of the map each way; of a larger scene they are wider."""
TOP = 0.75
"""The share of a cell's points that lie below its top: stray points float above it."""
BLOCK = 4
"""Cells each way of the blocks in which the surroundings are looked at."""
LOWEST = 0.35
"""The share of the blocks around a cell that lie below its level; free ground has a larger share of a town."""
SURROUNDINGS = 31
"""Blocks each way of these surroundings: 62 spacings where cells are as wide as they should be, more than a house."""
CLEARANCE = 0.5
"""Spacings above the level of its surroundings at which a cell belongs to a thing that stands there."""

SHAPE_FEATURES = 5
"""The last features of a point, which are of the whole thing: area, greatest and mean rise, length and width."""
SHAPE_NOISE = 1.0
"""Standard deviation of the logarithm of area and rise in :func:`with_blurred_shapes`."""


class StandingThings:
    """A map of the things that stand on the ground: connected cells that rise above their surroundings.

    Args:
        points: finite points on the surfaces, third axis up; at least one.
        height: of these points above the ground, in the same unit.
        spacing: distance between the surface points of neighbouring pixels, in the same unit; positive.
    """

    def __init__(
        self, points: Float[np.ndarray, "points 3"], height: Float[np.ndarray, " points"], spacing: float
    ) -> None:
        # a few points far away, on the horizon, would stretch the map
        low, high = np.quantile(points[:, :2], 0.005, axis=0), np.quantile(points[:, :2], 0.995, axis=0)
        if not ((points[:, :2] >= low) & (points[:, :2] <= high)).all(axis=-1).any():  # a handful of points
            low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
        self._spacing, self._low = spacing, low
        self._cell = max(CELL * spacing, float((high - low).max()) / MOST_CELLS)
        self._size = np.floor((high - low) / self._cell).astype(np.int64) + 1
        top = self._tops(self._cells(points), height / spacing)
        self._level = _level(top)
        things, count = ndimage.label(ndimage.median_filter(top - self._level, 3) > CLEARANCE)
        self._rise = top - self._level
        self._things, self._shapes = things, self._measure(things, count)

    def _cells(self, points: Float[np.ndarray, "*points 3"]) -> Int[np.ndarray, "*points 2"]:
        return np.floor((points[..., :2] - self._low) / self._cell).astype(np.int64)

    def _on_map(self, cells: Int[np.ndarray, "*points 2"]) -> Bool[np.ndarray, "*points"]:
        inside: Bool[np.ndarray, "*points"] = ((cells >= 0) & (cells < self._size)).all(axis=-1)
        return inside

    def _tops(
        self, cells: Int[np.ndarray, "points 2"], height: Float[np.ndarray, " points"]
    ) -> Float[np.ndarray, "rows columns"]:
        """Height of each cell's top; a cell without points has that of the nearest one with some."""
        inside = self._on_map(cells)
        flat, height = cells[inside] @ np.array([self._size[1], 1]), height[inside]
        order = np.lexsort((height, flat))
        filled, first, count = np.unique(flat[order], return_index=True, return_counts=True)
        top = np.full(int(self._size.prod()), np.nan)
        top[filled] = height[order][first + ((count - 1) * TOP).astype(np.int64)]
        top = top.reshape(self._size)
        nearest = ndimage.distance_transform_edt(np.isnan(top), return_distances=False, return_indices=True)
        return np.asarray(top[tuple(nearest)])

    def _measure(self, things: Int[np.ndarray, "rows columns"], count: int) -> Float[np.ndarray, "things 5"]:
        """Area, greatest and mean rise, and the standard deviations along both axes, of no thing (0) and each one."""
        index, (row, column) = np.arange(1, count + 1), np.indices(things.shape)

        def mean(values: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, " things"]:
            return np.asarray(ndimage.mean(values, things, index))

        area = np.asarray(ndimage.sum(things > 0, things, index))
        y, x = mean(row), mean(column)
        yy, xx, yx = mean(row**2) - y**2, mean(column**2) - x**2, mean(row * column) - y * x
        half, apart = (yy + xx) / 2, np.sqrt(((yy - xx) / 2) ** 2 + yx**2)
        longer, shorter = np.sqrt(half + apart), np.sqrt((half - apart).clip(0.0))
        greatest = np.asarray(ndimage.maximum(self._rise, things, index))
        shapes = np.stack([area, greatest, mean(self._rise), longer, shorter], axis=-1).reshape(count, 5)
        return np.concatenate([np.zeros((1, 5)), shapes])

    def __call__(
        self, points: Float[np.ndarray, "*points 3"], height: Float[np.ndarray, "*points"]
    ) -> Float[np.ndarray, "*points 7"]:
        """What stands where the points are.

        Args:
            points: as those of the map.
            height: of them above the ground.

        Returns:
            Rise of the cell's top and of the point itself above the surroundings, in spacings; area in cells, greatest
            and mean rise in spacings, and length and width (standard deviations, in cells) of the thing, 0 where none
            stands. All 0 off the map.
        """
        cells = self._cells(points)
        inside = self._on_map(cells)
        y, x = np.where(inside[..., None], cells, 0).reshape(-1, 2).T
        own = height.reshape(-1) / self._spacing - self._level[y, x]
        found = np.concatenate([self._rise[y, x][:, None], own[:, None], self._shapes[self._things[y, x]]], axis=-1)
        return np.where(inside[..., None], found.reshape(*height.shape, -1), 0.0).astype(np.float32)


def with_blurred_shapes(
    features: Float[np.ndarray, "examples features"], seed: int
) -> Float[np.ndarray, "examples features"]:
    """Examples as if each stood on a thing of its own, some times larger or smaller and higher or lower.

    Where few things are labelled, as where somebody clicked them, their exact sizes tell them from all others: what is
    learned from them would be that a house has 5,245 cells.

    Args:
        features: of the examples, the last ones those of :class:`StandingThings`.
        seed: of the noise.
    """
    wider, higher = np.exp(np.random.default_rng(seed).normal(0.0, SHAPE_NOISE, (2, len(features), 1)))
    factors = np.concatenate([wider, higher, higher, np.sqrt(wider), np.sqrt(wider)], axis=-1)
    return np.concatenate(
        [features[:, :-SHAPE_FEATURES], (features[:, -SHAPE_FEATURES:] * factors).astype(features.dtype)], axis=-1
    )


def _level(top: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
    """The height that a cell's surroundings have where nothing stands, smoothed."""
    padded = np.pad(top, [(0, -length % BLOCK) for length in top.shape], mode="edge")
    blocks = padded.reshape(padded.shape[0] // BLOCK, BLOCK, -1, BLOCK).swapaxes(1, 2)
    middle = np.median(blocks.reshape(*blocks.shape[:2], -1), axis=-1)
    level = ndimage.percentile_filter(middle, 100 * LOWEST, size=SURROUNDINGS, mode="nearest")
    level = ndimage.gaussian_filter(level, 2.0, mode="nearest").repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)
    return np.asarray(level[: top.shape[0], : top.shape[1]])
