"""How far a map reaches when nobody says: its bounds, and the heights between which it looks for the surface."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.exports.map_grid import Bounds

FAR = 2.0
"""What lies farther from its camera than so many times the median distance is no part of the default bounds."""
OUTER = (1.0, 99.0)
"""Percentiles of the surface's eastings and northings that are the default bounds."""
BELOW_CAMERAS = 0.1
"""Share of the way from the lowest camera down to the ground that is left out: floaters live near cameras."""


@dataclass(frozen=True)
class SeenSurface:
    """Points of the surface as the training views show it, spread evenly over their pixels.

    Args:
        places: easting, northing and height of each point.
        distance: of each point from the camera that shows it, any unit.
        cameras: easting, northing and height of the cameras.
    """

    places: Float64[np.ndarray, "points 3"]
    distance: Float64[np.ndarray, " points"]
    cameras: Float64[np.ndarray, "cameras 3"]

    def bounds(self) -> Bounds:
        """Around what the cameras show from near; see :data:`FAR` and :data:`OUTER`.

        Raises:
            InputError: the views show no surface.
        """
        near = self._near()
        (west, south), (east, north) = np.percentile(near[:, :2], OUTER, axis=0)
        return float(west), float(south), float(east), float(north)

    def heights(self) -> tuple[float, float]:
        """Bottom and top between which rays look for the surface, in the map's heights.

        The top is a little below the lowest camera (:data:`BELOW_CAMERAS`) where all cameras are above the surface,
        and else above the surface. The bottom is below the surface by a fifth of its relief, at least by a fiftieth of
        the way to the lowest camera.

        Raises:
            InputError: the views show no surface.
        """
        height = self._near()[:, 2]
        low, ground, high, highest = np.percentile(height, (0.5, 25.0, 99.0, 99.9))
        lowest_camera = float(self.cameras[:, 2].min())
        margin = max(0.2 * (highest - low), 0.02 * (lowest_camera - ground))
        top = lowest_camera - BELOW_CAMERAS * (lowest_camera - ground)
        if top < high:  # cameras among the surfaces, as in a flight around a tower
            top = highest + margin
        return float(low - margin), float(top)

    def overlaps(self, bounds: Bounds) -> bool:
        """Whether any point lies inside of bounds."""
        west, south, east, north = bounds
        x, y = self.places[:, 0], self.places[:, 1]
        return bool(((x >= west) & (x <= east) & (y >= south) & (y <= north)).any())

    def _near(self) -> Float64[np.ndarray, "near 3"]:
        if len(self.places) == 0:
            raise InputError("the training views of the run show no surface: was it trained at all?")
        return self.places[self.distance <= FAR * np.median(self.distance)]
