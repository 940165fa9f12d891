"""Sun, sky, and how much of the sky each place sees. Nothing depends on the direction of view except the sky itself."""

import numpy as np
from jaxtyping import Float

from nerfseg_ns.scene.city import City
from nerfseg_ns.scene.ray_caster import RayCaster

SUN_LIGHT = np.array([1.95, 1.78, 1.52], dtype=np.float32)
SKY_LIGHT = np.array([0.56, 0.68, 0.88], dtype=np.float32)
GROUND_LIGHT = np.array([0.34, 0.31, 0.26], dtype=np.float32)
_CELL = 1.6
_DIRECTIONS = 40


class Daylight:
    """Light on the surfaces of a city.

    The share of the sky that a place sees (ambient occlusion) is worked out once on a lattice over the built-up
    square and interpolated, which keeps it the same from every view.
    """

    def __init__(self, city: City, caster: RayCaster) -> None:
        self._sun = np.array(city.sun)
        self._caster = caster
        half = city.grid.half_size + 14.0
        self._low = np.array([-half, -half, 0.4], dtype=np.float32)
        counts = [int(2 * half / _CELL) + 1, int(2 * half / _CELL) + 1, int((city.roof_height + 3.0) / _CELL) + 1]
        axes = [self._low[k] + _CELL * np.arange(counts[k]) for k in range(3)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
        # directions spread evenly over the upper hemisphere (golden-angle spiral), the same at every place
        index = np.arange(_DIRECTIONS) + 0.5
        up = 1.0 - 0.97 * index / _DIRECTIONS
        turn = index * np.pi * (3 - np.sqrt(5.0))
        across = np.sqrt(1 - up**2)
        directions = np.stack([across * np.cos(turn), across * np.sin(turn), up], 1)
        seen = np.zeros(len(points), dtype=np.float32)
        for direction in directions:
            seen += ~caster.blocked(points, np.broadcast_to(direction, points.shape))
        self._shape = np.array(counts)
        self._seen = seen / _DIRECTIONS
        # a place inside a building sees nothing: it must not darken the wall that it lies behind
        self._weight = np.where(self._seen > 0.02, 1.0, 0.02).astype(np.float32)

    def sky_share(self, points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, " points"]:
        """Share of the sky that is open above each point, 0..1; 1 outside the city."""
        at = (points.astype(np.float32) - self._low) / np.float32(_CELL)
        inside = np.all(at[:, :2] >= 0, axis=1) & np.all(at < self._shape - 1, axis=1)
        at = np.clip(at, 0, self._shape - 1.001).astype(np.float32)
        base = at.astype(np.int32)
        fraction = at - base
        total, weight = np.zeros(len(at), dtype=np.float32), np.zeros(len(at), dtype=np.float32)
        strides = np.array([self._shape[1] * self._shape[2], self._shape[2], 1])
        start = base @ strides
        for corner in range(8):
            bits = np.array([corner >> 2 & 1, corner >> 1 & 1, corner & 1])
            share = np.prod(np.where(bits, fraction, 1 - fraction), axis=1)
            index = start + bits @ strides
            w = share * self._weight[index]
            total += w * self._seen[index]
            weight += w
        return np.where(inside, total / np.maximum(weight, 1e-6), 1.0)

    def irradiance(
        self,
        points: Float[np.ndarray, "points 3"],
        face_normals: Float[np.ndarray, "points 3"],
        normals: Float[np.ndarray, "points 3"],
    ) -> Float[np.ndarray, "points 3"]:
        """Light that falls on points [m], linear RGB.

        Args:
            face_normals: normals of the triangles, turned to the viewer; shadow rays start on that side.
            normals: shading normals.
        """
        facing = np.clip(normals @ self._sun, 0.0, 1.0)
        lit = facing > 0
        rows = np.flatnonzero(lit)
        start = points[rows] + face_normals[rows] * 0.02
        shadowed = self._caster.blocked(start, np.broadcast_to(self._sun, start.shape))
        facing[rows[shadowed]] = 0.0
        open_sky = self.sky_share(points + face_normals * 1.3)
        tilt = 0.5 + 0.5 * normals[:, 2]
        ambient = (open_sky * (0.35 + 0.65 * tilt))[:, None] * SKY_LIGHT
        bounce = ((0.25 + 0.75 * open_sky) * (1.0 - 0.75 * tilt))[:, None] * GROUND_LIGHT
        return (facing[:, None] * SUN_LIGHT + ambient + bounce + 0.05).astype(np.float32)


def sky_colour(directions: Float[np.ndarray, "rays 3"]) -> Float[np.ndarray, "rays 3"]:
    """Display RGB 0..1 of the sky: pale at the horizon, blue above."""
    rise = np.clip(directions[:, 2:3], 0.0, 1.0) ** 0.6
    low, high = np.array([0.80, 0.87, 0.93]), np.array([0.36, 0.56, 0.83])
    return (low * (1 - rise) + high * rise).astype(np.float32)


def display_colour(light: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points 3"]:
    """Linear light to display RGB 0..1: a soft shoulder, then gamma 2.2."""
    x = 1.05 * light
    compressed = x * (1 + x / 2.6) / (1 + x)
    return np.clip(compressed, 0.0, 1.0) ** np.float32(1 / 2.2)
