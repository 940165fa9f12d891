"""The scene's surface as triangles: marching cubes in blocks around the points that were seen."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from nerfseg_ns.core.density_surface import above_level, surface_level
from nerfseg_ns.core.input_error import InputError

BLOCK = 16
"""Cells along each edge of a block."""
REACH = 2.5
"""Cells from the next seen point up to which the surface is kept: what no camera saw is not known."""
BYTES_PER_POINT = 400
"""Memory that a seen point takes at most: about two vertices and four triangles, and putting them together."""
_SMALLEST, _LARGEST = 0.02, 4.6
"""Values of the grid, so that every vertex lies clearly within its edge and blocks agree on it exactly."""
_PLACE = 1 << 18  # vertices are numbered by the grid point they follow: so many along an axis

Density = Callable[[Float[Tensor, "points 3"]], Float[Tensor, " points"]]


@dataclass(frozen=True, eq=False)
class SurfaceTriangles:
    """Triangles, counter-clockwise seen from outside.

    Args:
        vertices: input frame.
        faces: indices of vertices.
    """

    vertices: Float64[np.ndarray, "vertices 3"]
    faces: Int64[np.ndarray, "faces 3"]


def surface_triangles(
    points: Float64[np.ndarray, "points 3"],
    density: Density,
    cell: float,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> SurfaceTriangles:
    """The surface where the density is half of its median at the points, near the points.

    Args:
        points: seen on the surface, input frame.
        density: at points of the input frame (float64), per any unit.
        cell: edge of a cell of the grid.
        progress: told (blocks done, blocks in all).

    Raises:
        InputError: no surface near the points, or a grid of too many cells along an axis.
    """
    from scipy.spatial import cKDTree

    level = surface_level(torch.cat([density(piece) for piece in torch.from_numpy(points).split(1 << 16)]))
    origin = np.floor(points.min(axis=0) / cell) * cell - BLOCK * cell
    if (np.ptp(points, axis=0) / cell).max() + 3 * BLOCK >= _PLACE:
        raise InputError(f"--cell {cell:g}: more than {_PLACE:,} cells along an axis; choose a larger one")
    blocks = _blocks_near((points - origin) / cell)
    tree = cKDTree(points)
    positions, keys, faces, count = [], [], [], 0
    for done, block in enumerate(blocks):
        progress(done, len(blocks))
        volume = _volume(origin + block * BLOCK * cell, density, cell, level)
        local, triangles = _marching_cubes(volume)
        if not len(triangles):
            continue
        places = origin + (block * BLOCK + local) * cell
        near = np.isfinite(tree.query(places, distance_upper_bound=REACH * cell)[0])
        triangles = triangles[near[triangles].all(axis=1)]
        used, triangles = np.unique(triangles, return_inverse=True)
        positions.append(places[used])
        keys.append(_edges(local[used], block))
        faces.append(triangles.reshape(-1, 3) + count)
        count += len(used)
    progress(len(blocks), len(blocks))
    if not count:
        raise InputError(
            f"there is no surface of density {level:.3g} near the points that the views show: everything there is less "
            "dense, or everything is denser, as in fog; train the run further"
        )
    # blocks share the vertices on their faces
    _, first, number = np.unique(np.concatenate(keys), return_index=True, return_inverse=True)
    return SurfaceTriangles(np.concatenate(positions)[first], number[np.concatenate(faces)])


def _blocks_near(cells: Float64[np.ndarray, "points 3"]) -> Int64[np.ndarray, "blocks 3"]:
    """The blocks that hold a point or have one within reach, in order."""
    reached = [np.floor((cells + shift) / BLOCK) for shift in _corners(REACH)]
    return np.unique(np.concatenate([np.unique(blocks, axis=0) for blocks in reached]), axis=0).astype(np.int64)


def _corners(reach: float) -> Float64[np.ndarray, "8 3"]:
    return np.stack(np.meshgrid(*[[-reach, reach]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)


def _volume(
    corner: Float64[np.ndarray, "3"], density: Density, cell: float, level: float
) -> Float[np.ndarray, "x y z"]:
    axes = [torch.arange(BLOCK + 1, dtype=torch.float64) * cell + float(start) for start in corner]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 3)
    values = above_level(density(grid).float().cpu(), level).clamp(-_LARGEST, _LARGEST)
    values = torch.where(values.abs() < _SMALLEST, torch.where(values < 0, -_SMALLEST, _SMALLEST), values)
    return values.reshape([BLOCK + 1] * 3).numpy()


def _marching_cubes(
    volume: Float[np.ndarray, "x y z"],
) -> tuple[Float64[np.ndarray, "vertices 3"], Int64[np.ndarray, "faces 3"]]:
    if not volume.min() < 0.0 < volume.max():
        return np.empty((0, 3)), np.empty((0, 3), dtype=np.int64)
    from skimage.measure import marching_cubes

    vertices, faces, _, _ = marching_cubes(volume, 0.0, gradient_direction="ascent")
    return vertices.astype(np.float64), faces.astype(np.int64)


def _edges(local: Float64[np.ndarray, "n 3"], block: Int64[np.ndarray, "3"]) -> Int64[np.ndarray, " n"]:
    """The number of the grid's edge that each vertex lies on; of its cell for the few inside of one."""
    between: Bool[np.ndarray, "n 3"] = np.abs(local - np.round(local)) > 1e-3
    place = np.where(between, np.floor(local), np.round(local)).astype(np.int64) + block * BLOCK
    kind = (between * np.array([1, 2, 4])).sum(axis=1)  # 1, 2, 4: along x, y, z; 7: inside of a cell
    edges: Int64[np.ndarray, " n"] = ((kind * _PLACE + place[:, 0]) * _PLACE + place[:, 1]) * _PLACE + place[:, 2]
    return edges
