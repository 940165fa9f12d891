"""The country around the city: fields, meadows, far hills, woods and farms."""

import numpy as np

from nerfseg_ns.scene.buildings import Lot, add_house
from nerfseg_ns.scene.city_mesh import CityMeshBuilder, Material
from nerfseg_ns.scene.solids import Frame, Look, smooth_triangles
from nerfseg_ns.scene.streets import StreetGrid
from nerfseg_ns.scene.vegetation import add_broadleaf, add_bush, add_tree

REACH = 420.0
"""Half the side of the modelled land [m]."""
_CELL = 6.0
_SUNK = 0.05


def _smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)


class Terrain:
    """Height of the land [m] at any (x, y): flat in and near the city and along its roads, hilly far out."""

    def __init__(self, rng: np.random.Generator, grid: StreetGrid) -> None:
        self._roads_y = [s.centre for s in grid.along_y if s.reaches_out]
        self._roads_x = [s.centre for s in grid.along_x if s.reaches_out]
        self._flat = grid.half_size
        self._waves = rng.normal(0.0, 1.0, (10, 2)) / np.array([90.0])
        self._phases = rng.uniform(0, 2 * np.pi, 10)

    def height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Ground height at the points."""
        hills = np.zeros_like(x)
        for (kx, ky), phase in zip(self._waves, self._phases):
            hills = hills + np.sin(2 * np.pi * 0.35 * (kx * x + ky * y) + phase)
        distance = np.maximum(np.abs(x), np.abs(y))
        relief = np.maximum(hills + 2.2, 0.0) * 3.4 * _smoothstep(self._flat + 60.0, self._flat + 260.0, distance)
        for road in self._roads_y:
            relief = relief * _smoothstep(10.0, 70.0, np.abs(x - road))
        for road in self._roads_x:
            relief = relief * _smoothstep(10.0, 70.0, np.abs(y - road))
        return relief - _SUNK


def build_landscape(builder: CityMeshBuilder, rng: np.random.Generator, grid: StreetGrid) -> None:
    """Add the land, then woods, single trees and farms on it."""
    terrain = Terrain(rng, grid)
    land = builder.add_object("countryside", "Terrain")
    axis = np.arange(-REACH, REACH + _CELL, _CELL)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    vertices = np.stack([x, y, terrain.height(x, y)], -1).reshape(-1, 3)
    n = len(axis)
    i, j = np.meshgrid(np.arange(n - 1), np.arange(n - 1), indexing="ij")
    a = (i * n + j).ravel()
    faces = np.concatenate([np.stack([a, a + n, a + n + 1], 1), np.stack([a, a + n + 1, a + 1], 1)])
    triangles, normals = smooth_triangles(vertices, faces)
    shift = tuple(float(v) for v in rng.uniform(0, 500, 2))
    look = Look(
        Material.FIELD, (0.22, 0.25, 0.09), (0.36, 0.30, 0.15), pattern=(shift[0], shift[1], float(grid.half_size), 0.0)
    )
    surface = look.surface(np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (1.0, 1.0))
    builder.add_triangles(triangles, land, builder.add_surface(surface), normals)

    def free(px: float, py: float, margin: float) -> bool:
        outside = max(abs(px), abs(py)) > grid.half_size + margin
        clear_y = all(abs(px - s.centre) > s.width / 2 + margin for s in grid.along_y if s.reaches_out)
        clear_x = all(abs(py - s.centre) > s.width / 2 + margin for s in grid.along_x if s.reaches_out)
        return outside and clear_x and clear_y

    def ground(px: float, py: float) -> Frame:
        return Frame(px, py, float(terrain.height(np.array(px), np.array(py))))

    edge = grid.half_size
    for _ in range(18):  # woods
        distance, angle = float(rng.uniform(edge + 40, 330)), float(rng.uniform(0, 2 * np.pi))
        cx, cy = distance * np.cos(angle), distance * np.sin(angle)
        for dx, dy in rng.normal(0, 11.0, (int(rng.integers(10, 24)), 2)):
            if free(cx + dx, cy + dy, 5.0):
                add_broadleaf(builder, rng, ground(cx + dx, cy + dy), float(rng.uniform(6, 11)), detail=1)
    for _ in range(70):  # trees and bushes near the town
        px, py = rng.uniform(-edge - 55, edge + 55, 2)
        if free(px, py, 5.0):
            if rng.random() < 0.7:
                add_tree(builder, rng, ground(px, py), float(rng.uniform(5, 9)))
            else:
                add_bush(builder, rng, ground(px, py), float(rng.uniform(1.2, 2.6)))
    for _ in range(14):  # farms
        px, py = rng.uniform(-edge - 70, edge + 70, 2)
        if free(px, py, 9.0):
            at = ground(px, py)
            frame = Frame(at.x, at.y, at.z - 0.2, float(rng.uniform(0, np.pi)))
            add_house(builder, rng, Lot(frame, float(rng.uniform(9, 14)), float(rng.uniform(6.5, 8.5))))
