"""Boxes, frustums, tubes and blobs placed in the city, with pattern axes along their faces."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Float

from nerfseg_ns.scene.city_mesh import CityMeshBuilder, Colour, Material, Surface

Polygon = Sequence[tuple[float, float]]
"""Convex, counter-clockwise, in the (x, y) of a frame, metres."""


@dataclass(frozen=True)
class Frame:
    """A place to build at: local x, y turned by yaw [rad] about z and moved to a world point [m]."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    yaw: float = 0.0

    @cached_property
    def rotation(self) -> Float[np.ndarray, "3 3"]:
        """Local to world directions."""
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])

    def to_world(self, points: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
        """Local points to world points."""
        return np.asarray(points, dtype=np.float64) @ self.rotation.T + np.array([self.x, self.y, self.z])

    def moved(self, x: float, y: float, z: float = 0.0, yaw: float = 0.0) -> "Frame":
        """The frame at a local point of this one, turned further by yaw."""
        at = self.to_world(np.array([x, y, z]))
        return Frame(float(at[0]), float(at[1]), float(at[2]), self.yaw + yaw)


@dataclass(frozen=True)
class Look:
    """A surface before its place is known.

    With ``bay`` and ``storey`` above 0 the pattern holds how many of them fit on a face of a given size.
    """

    material: Material
    colour: Colour
    accent: Colour = (0.5, 0.5, 0.5)
    bay: float = 0.0
    storey: float = 0.0
    pattern: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    def surface(
        self, origin: np.ndarray, u_axis: np.ndarray, v_axis: np.ndarray, extent: tuple[float, float]
    ) -> Surface:
        """The surface at a world place."""
        pattern = self.pattern
        if self.bay > 0:
            bays, storeys = max(1.0, round(extent[0] / self.bay)), max(1.0, round(extent[1] / self.storey))
            pattern = (bays, storeys, self.pattern[2], self.pattern[3])
        return Surface(
            self.material,
            self.colour,
            self.accent,
            (float(origin[0]), float(origin[1]), float(origin[2])),
            (float(u_axis[0]), float(u_axis[1]), float(u_axis[2])),
            (float(v_axis[0]), float(v_axis[1]), float(v_axis[2])),
            pattern,
            extent,
        )


def rectangle(x0: float, y0: float, x1: float, y1: float) -> Polygon:
    """Counter-clockwise corners."""
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def regular_polygon(radius: float, sides: int, x: float = 0.0, y: float = 0.0) -> Polygon:
    """Counter-clockwise corners of a regular polygon about (x, y)."""
    angles = 2 * np.pi * np.arange(sides) / sides
    return [(x + radius * float(np.cos(a)), y + radius * float(np.sin(a))) for a in angles]


def add_face(
    builder: CityMeshBuilder, object_id: int, frame: Frame, corners: Sequence[Sequence[float]], look: Look
) -> None:
    """A convex planar face; u runs along its first edge, v at right angles to it within the face."""
    points = frame.to_world(np.asarray(corners, dtype=np.float64))
    first, second = points[1] - points[0], points[2] - points[0]
    u_axis = first / max(math.sqrt(first @ first), 1e-9)
    v_axis = second - (second @ u_axis) * u_axis  # the third corner lies to the left of the first edge
    v_axis = v_axis / max(math.sqrt(v_axis @ v_axis), 1e-9)
    along = (points - points[0]) @ np.stack([u_axis, v_axis], axis=1)
    size = np.maximum(along.max(axis=0) - np.minimum(along.min(axis=0), 0.0), 1e-3)
    builder.add_polygon(points, object_id, look.surface(points[0], u_axis, v_axis, (float(size[0]), float(size[1]))))


def add_frustum(
    builder: CityMeshBuilder,
    object_id: int,
    frame: Frame,
    bottom: Polygon,
    z0: float,
    z1: float,
    side: Look,
    top: Look | None = None,
    top_polygon: Polygon | None = None,
    blank: Look | None = None,
    blank_sides: Sequence[int] = (),
) -> None:
    """A prism, or a frustum when the top polygon differs from the bottom one.

    Args:
        bottom: corners at height z0.
        side: look of the side faces.
        top: look of the top face, left open when None.
        top_polygon: as many corners as ``bottom``, at height z1.
        blank: look of the sides listed in ``blank_sides`` (0: from corner 0 to corner 1).
    """
    upper = bottom if top_polygon is None else top_polygon
    count = len(bottom)
    for i in range(count):
        a, b, c, d = bottom[i], bottom[(i + 1) % count], upper[(i + 1) % count], upper[i]
        look = blank if blank is not None and i in blank_sides else side
        add_face(builder, object_id, frame, [(*a, z0), (*b, z0), (*c, z1), (*d, z1)], look)
    if top is not None:
        add_face(builder, object_id, frame, [(x, y, z1) for x, y in upper], top)


def add_box(
    builder: CityMeshBuilder,
    object_id: int,
    frame: Frame,
    low: tuple[float, float, float],
    high: tuple[float, float, float],
    side: Look,
    top: Look | None = None,
    closed_below: bool = False,
) -> None:
    """An upright box between two local corners; the top looks like the sides unless given."""
    corners = rectangle(low[0], low[1], high[0], high[1])
    add_frustum(builder, object_id, frame, corners, low[2], high[2], side, top or side)
    if closed_below:
        add_face(builder, object_id, frame, [(x, y, low[2]) for x, y in reversed(corners)], side)


def add_tube(
    builder: CityMeshBuilder,
    object_id: int,
    frame: Frame,
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    radii: tuple[float, float],
    look: Look,
    sides: int = 6,
) -> None:
    """A round bar between two local points with a radius [m] at each, smooth and open at its ends."""
    a, b = frame.to_world(np.array([start, end], dtype=np.float64))
    axis = (b - a) / np.linalg.norm(b - a)
    across = np.cross(axis, [0.0, 0.0, 1.0] if abs(axis[2]) < 0.9 else [1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    other = np.cross(axis, across)
    angles = 2 * np.pi * np.arange(sides + 1) / sides
    ring = np.cos(angles)[:, None] * across + np.sin(angles)[:, None] * other
    low, high = a + radii[0] * ring, b + radii[1] * ring
    quads = np.stack([low[:-1], low[1:], high[1:], high[:-1]], axis=1)
    normals = np.stack([ring[:-1], ring[1:], ring[1:], ring[:-1]], axis=1)
    order = np.array([[0, 1, 2], [0, 2, 3]])
    surface = look.surface(a, across, axis, (2 * np.pi * radii[0], float(np.linalg.norm(b - a))))
    builder.add_triangles(
        quads[:, order].reshape(-1, 3, 3), object_id, builder.add_surface(surface), normals[:, order].reshape(-1, 3, 3)
    )


@lru_cache(maxsize=4)
def unit_sphere(subdivisions: int) -> tuple[Float[np.ndarray, "vertices 3"], np.ndarray]:
    """Vertices and faces of a subdivided icosahedron."""
    import trimesh

    sphere = trimesh.creation.icosphere(subdivisions=subdivisions)
    return np.array(sphere.vertices, dtype=np.float64), np.array(sphere.faces, dtype=np.int64)


def smooth_triangles(
    vertices: Float[np.ndarray, "vertices 3"], faces: np.ndarray
) -> tuple[Float[np.ndarray, "faces 3 3"], Float[np.ndarray, "faces 3 3"]]:
    """Triangles and their corner normals, averaged over the faces that meet in a vertex."""
    triangles = vertices[faces]
    cross = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], cross)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return triangles, normals[faces]
