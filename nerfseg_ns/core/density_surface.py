"""The surface of a density field: its level, and what it looks like by the points that were seen on it."""

import numpy as np
from jaxtyping import Float, Float32, Int
from torch import Tensor

LEAST = 1e-2
"""Densities below this share of the level count as this much."""
_NEIGHBOURS = 4


def surface_level(densities: Float[Tensor, " points"]) -> float:
    """The density that stands for the surface: half of the median at points seen on it."""
    return 0.5 * float(densities.median())


def above_level(densities: Float[Tensor, " points"], level: float) -> Float[Tensor, " points"]:
    """0 at the level, positive inside: densities grow like exponentials, so their logarithm can be interpolated.

    Args:
        densities: at points of a grid.
        level: see :func:`surface_level`.
    """
    return (densities / max(level, 1e-12)).clamp(min=LEAST).log()


class NearestPoints:
    """What points say about places near them: the four nearest count, by inverse distance.

    Args:
        points: where something is known; at least one.
    """

    def __init__(self, points: Float[np.ndarray, "points 3"]) -> None:
        from scipy.spatial import cKDTree

        self._tree = cKDTree(points)

    def shares(
        self, places: Float[np.ndarray, "places 3"]
    ) -> tuple[Int[np.ndarray, "places 4"], Float[np.ndarray, "places 4"]]:
        """The points that count, and how much each does; shares sum to 1."""
        distance, nearest = self._tree.query(places, k=_NEIGHBOURS)
        found = np.isfinite(distance)  # fewer points than neighbours
        weights = np.where(found, 1.0 / (distance + 1e-6), 0.0)
        return np.where(found, nearest, 0), weights / weights.sum(axis=1, keepdims=True)

    def mean(
        self, values: Float[np.ndarray, "points channels"], places: Float[np.ndarray, "places 3"]
    ) -> Float32[np.ndarray, "places channels"]:
        """The mean of the points' values."""
        nearest, shares = self.shares(places)
        return (shares[..., None] * values[nearest]).sum(axis=1).astype(np.float32)
