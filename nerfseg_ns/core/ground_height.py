"""Height above the ground, from nothing but points on the surfaces of a scene."""

import numpy as np
from jaxtyping import Float
from scipy import ndimage

CELLS = 48
"""The ground is a grid of so many cells each way over the scene: about the size of a building for a few city blocks."""
LOWEST = 0.03
"""The share of a cell's points that may lie below its ground: stray points under the surface."""
FEWEST = 6
"""With fewer points than this a cell takes the ground of its nearest neighbour."""


class GroundHeight:
    """The ground below a scene whose third axis points up.

    The lowest points of every cell, then the lowest cells of every neighbourhood, since a cell may lie wholly on a
    roof, smoothed.

    Args:
        points: finite points on the surfaces, any unit; at least one.
    """

    def __init__(self, points: Float[np.ndarray, "points 3"]) -> None:
        # a few points far away, on the horizon, would stretch the grid
        self._low, high = np.quantile(points[:, :2], 0.01, axis=0), np.quantile(points[:, :2], 0.99, axis=0)
        self._size = np.maximum(high - self._low, 1e-9)
        cell = self._cells(points).clip(0, CELLS - 1).astype(np.int64)
        order = np.argsort(cell[:, 0] * CELLS + cell[:, 1], kind="stable")
        ends = np.searchsorted((cell[:, 0] * CELLS + cell[:, 1])[order], np.arange(CELLS * CELLS + 1))
        heights = points[order, 2]
        ground = np.full(CELLS * CELLS, np.nan)
        for index in range(CELLS * CELLS):
            inside = heights[ends[index] : ends[index + 1]]
            if len(inside) >= FEWEST:
                ground[index] = np.quantile(inside, LOWEST)
        if np.isnan(ground).all():
            ground[:] = np.quantile(points[:, 2], LOWEST)
        ground = ground.reshape(CELLS, CELLS)
        nearest = ndimage.distance_transform_edt(np.isnan(ground), return_distances=False, return_indices=True)
        even = ndimage.median_filter(ground[tuple(nearest)], 3)  # without cells that stray points pulled down
        lowest = ndimage.minimum_filter(even, 5)
        self._ground = ndimage.gaussian_filter(ndimage.maximum_filter(lowest, 3), 2.0)

    def _cells(self, points: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points 2"]:
        return (points[..., :2] - self._low) / self._size * CELLS

    def __call__(self, points: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points"]:
        """Height of points above the ground below them, in the unit of the points."""
        cells = (self._cells(points) - 0.5).clip(0, CELLS - 1)
        ground = ndimage.map_coordinates(self._ground, [cells[..., 0], cells[..., 1]], order=1, mode="nearest")
        return points[..., 2] - ground
