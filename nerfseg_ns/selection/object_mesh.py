"""An object cut out of the scene's density, as a mesh."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from nerfseg_ns.core.density_surface import NearestPoints, above_level, surface_level
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.selection.object_points import ObjectPoints
from nerfseg_ns.selection.selected_object import SelectedObject

LARGEST_GRID = 2**24
"""Points of the grid that the surface is looked for in; a larger object gets a coarser grid."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles, counter-clockwise seen from outside.

    Args:
        vertices: scene frame.
        faces: indices of vertices.
        colours: RGB in 0..1 of the vertices.
    """

    vertices: Float[Tensor, "vertices 3"]
    faces: Int[np.ndarray, "faces 3"]
    colours: Float[Tensor, "vertices 3"]


def object_mesh(
    selected: SelectedObject,
    density: Callable[[Float[Tensor, "points 3"]], Float[Tensor, " points"]],
    points: ObjectPoints,
    level: float | None = None,
) -> Mesh:
    """The surface where the density is at a level, cut off where the object ends; colours of the nearest points.

    What no ray has met has no votes, so the mesh is a shell: open or double-walled where the object was not seen.

    Args:
        selected: the object.
        density: of the scene.
        points: seen on the object.
        level: density of the surface, per scene unit; by default half of the median at ``points``.

    Raises:
        InputError: nothing of the object is above the level.
    """
    from skimage.measure import marching_cubes

    name, bounds = selected.prompt.name, selected.bounds()
    if bounds is None or not len(points):
        raise InputError(f"object {name!r}: there is nothing above its threshold {selected.threshold:g}; lower it")
    if level is None:
        level = surface_level(density(points.positions))
    low, high = (corner + sign * selected.sites.cell for corner, sign in zip(bounds, (-1, 1)))
    spacing = grid_spacing(low, high, selected.sites.cell)
    counts = [int(count) + 1 for count in ((high - low) / spacing).ceil()]
    axes = [torch.arange(count, device=low.device) * spacing + start for count, start in zip(counts, low)]
    threshold = max(selected.threshold, 1e-3)
    volume = torch.full(tuple(counts), -1.0)
    for index, x in enumerate(axes[0]):
        plane = torch.stack(torch.meshgrid(x[None], axes[1], axes[2], indexing="ij"), dim=-1).reshape(-1, 3)
        membership = selected.membership(plane)
        near = membership > 0
        inside = torch.full_like(membership, -1.0)
        if near.any():
            dense = above_level(density(plane[near]).to(membership), level)
            inside[near] = torch.minimum(dense, membership[near] / threshold - 1.0)
        volume[index] = inside.reshape(counts[1:]).cpu()
    if not bool((volume > 0).any()):
        raise InputError(
            f"object {name!r}: nothing of it is as dense as {level:.3g} per scene unit; the run may need more training"
        )
    vertices, faces, _, _ = marching_cubes(volume.numpy(), 0.0, gradient_direction="ascent")
    positions = torch.from_numpy(vertices.astype(np.float32)).to(low) * spacing + low
    colours = NearestPoints(points.positions.cpu().numpy()).mean(points.colours.cpu().numpy(), positions.cpu().numpy())
    return Mesh(positions, faces.astype(np.int32), torch.from_numpy(colours))


def grid_spacing(low: Float[Tensor, "3"], high: Float[Tensor, "3"], cell: float, limit: int = LARGEST_GRID) -> float:
    """The spacing of a grid over a box: the cell, or as much more as it takes to stay within the limit."""
    spacing = cell
    while float(((high - low) / spacing + 2).ceil().double().prod()) > limit:
        spacing *= 1.1
    return spacing
