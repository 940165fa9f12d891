"""The triangles of a city and what each of them belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

Colour = tuple[float, float, float]

CLASS_NAMES = (
    "Road",
    "RoadLine",
    "SideWalk",
    "Building",
    "Wall",
    "Vegetation",
    "Terrain",
    "Water",
    "Vehicles",
    "Pole",
    "TrafficLight",
    "Static",
    "Sky",
)
"""Classes of the demonstration city in the order of their ids; names as in the CARLA palettes."""

SKY_OBJECT = 0
"""Object id of what no ray hits."""


class Material(IntEnum):
    """What a surface is made of: selects the albedo pattern in :mod:`nerfseg_ns.scene.materials`."""

    PAINT = 0
    ASPHALT = 1
    ROAD_MARK = 2
    PAVING = 3
    CONCRETE = 4
    FACADE = 5
    CURTAIN_WALL = 6
    FLAT_ROOF = 7
    TILED_ROOF = 8
    GRASS = 9
    FOLIAGE = 10
    WATER = 11
    FIELD = 12
    BRICK = 13
    SOLAR_PANEL = 14
    GRAVEL = 15


@dataclass(frozen=True)
class Surface:
    """The look of one flat or curved piece of the city.

    Args:
        material: the pattern.
        colour: main albedo, linear RGB 0..1.
        accent: second albedo (window trim, mortar, ...).
        origin: world point [m] where the pattern coordinates are (0, 0).
        u_axis: world direction of the first pattern coordinate, unit length.
        v_axis: world direction of the second.
        pattern: four numbers that the material reads (for facades: bays, storeys, window width and height share).
        extent: width and height of the surface in pattern coordinates [m].
    """

    material: Material
    colour: Colour
    accent: Colour = (0.5, 0.5, 0.5)
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    u_axis: tuple[float, float, float] = (1.0, 0.0, 0.0)
    v_axis: tuple[float, float, float] = (0.0, 1.0, 0.0)
    pattern: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    extent: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True)
class CityObject:
    """One thing with an object id, of one class."""

    id: int
    kind: str
    class_name: str

    @property
    def class_id(self) -> int:
        """Position of its class in :data:`CLASS_NAMES`."""
        return CLASS_NAMES.index(self.class_name)


@dataclass(frozen=True)
class SurfaceTable:
    """All surfaces, one per row, in the order of their ids."""

    material: Int[np.ndarray, " surfaces"]
    colour: Float[np.ndarray, "surfaces 3"]
    accent: Float[np.ndarray, "surfaces 3"]
    origin: Float[np.ndarray, "surfaces 3"]
    u_axis: Float[np.ndarray, "surfaces 3"]
    v_axis: Float[np.ndarray, "surfaces 3"]
    pattern: Float[np.ndarray, "surfaces 4"]
    extent: Float[np.ndarray, "surfaces 2"]


@dataclass(frozen=True)
class CityMesh:
    """Triangles in metres (x east, y north, z up) with the surface and the object of each.

    Args:
        triangles: corners.
        corner_normals: unit normals at the corners (equal to the face normal on flat pieces).
        surface_ids: row of :attr:`surfaces` per triangle.
        object_ids: 1..len(objects) per triangle.
        surfaces: the looks.
        objects: ``objects[i]`` has id ``i + 1``.
    """

    triangles: Float[np.ndarray, "faces 3 3"]
    corner_normals: Float[np.ndarray, "faces 3 3"]
    surface_ids: Int[np.ndarray, " faces"]
    object_ids: Int[np.ndarray, " faces"]
    surfaces: SurfaceTable
    objects: tuple[CityObject, ...]

    @property
    def class_of_object(self) -> Int[np.ndarray, " objects_and_sky"]:
        """Class id per object id; entry 0 is the sky."""
        sky = CLASS_NAMES.index("Sky")
        return np.array([sky] + [entry.class_id for entry in self.objects], dtype=np.uint8)


@dataclass
class CityMeshBuilder:
    """Collects pieces and joins them into a :class:`CityMesh`."""

    objects: list[CityObject] = field(default_factory=list)
    surfaces: list[Surface] = field(default_factory=list)
    _triangles: list[np.ndarray] = field(default_factory=list)
    _normals: list[np.ndarray] = field(default_factory=list)
    _surface_ids: list[np.ndarray] = field(default_factory=list)
    _object_ids: list[np.ndarray] = field(default_factory=list)

    def add_object(self, kind: str, class_name: str) -> int:
        """Declare an object and return its id."""
        self.objects.append(CityObject(len(self.objects) + 1, kind, class_name))
        return len(self.objects)

    def add_surface(self, surface: Surface) -> int:
        """Declare a surface and return its row."""
        self.surfaces.append(surface)
        return len(self.surfaces) - 1

    def add_triangles(
        self,
        triangles: Float[np.ndarray, "faces 3 3"],
        object_id: int,
        surface_id: int,
        corner_normals: Float[np.ndarray, "faces 3 3"] | None = None,
    ) -> None:
        """Add triangles of one object and one surface; without normals they are flat."""
        triangles = np.asarray(triangles, dtype=np.float64)
        self._triangles.append(triangles)
        self._normals.append(np.zeros_like(triangles) if corner_normals is None else corner_normals)
        self._surface_ids.append(np.full(len(triangles), surface_id, dtype=np.int32))
        self._object_ids.append(np.full(len(triangles), object_id, dtype=np.int32))

    def add_polygon(self, corners: Sequence[Sequence[float]] | np.ndarray, object_id: int, surface: Surface) -> None:
        """Add a convex polygon, corners counter-clockwise seen from outside."""
        points = np.asarray(corners, dtype=np.float64)
        self.add_triangles(points[_fan(len(points))], object_id, self.add_surface(surface))

    def build(self) -> CityMesh:
        """Join everything that was added."""
        rows = self.surfaces
        table = SurfaceTable(
            material=np.array([int(s.material) for s in rows], dtype=np.int32),
            **{
                name: np.array([getattr(s, name) for s in rows], dtype=np.float32)
                for name in ("colour", "accent", "origin", "u_axis", "v_axis", "pattern", "extent")
            },
        )
        triangles, normals = np.concatenate(self._triangles), np.concatenate(self._normals)
        flat = ~normals.any(axis=(1, 2))
        normals[flat] = face_normals(triangles[flat])[:, None, :]
        return CityMesh(
            triangles=triangles,
            corner_normals=normals.astype(np.float32),
            surface_ids=np.concatenate(self._surface_ids),
            object_ids=np.concatenate(self._object_ids),
            surfaces=table,
            objects=tuple(self.objects),
        )


@lru_cache(maxsize=64)
def _fan(corners: int) -> Int[np.ndarray, "faces 3"]:
    """Triangles of a convex polygon."""
    return np.array([[0, i, i + 1] for i in range(1, corners - 1)])


def face_normals(triangles: Float[np.ndarray, "faces 3 3"]) -> Float[np.ndarray, "faces 3"]:
    """Unit normals by the right-hand rule; zero for degenerate triangles."""
    cross = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    return cross / np.maximum(np.linalg.norm(cross, axis=1, keepdims=True), 1e-12)
