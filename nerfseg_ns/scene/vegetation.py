"""Trees, bushes and hedges."""

import numpy as np

from nerfseg_ns.scene.city_mesh import CityMeshBuilder, Colour, Material
from nerfseg_ns.scene.solids import Frame, Look, add_tube, smooth_triangles, unit_sphere

LEAF_COLOURS: tuple[Colour, ...] = (
    (0.105, 0.20, 0.045),
    (0.15, 0.26, 0.06),
    (0.20, 0.27, 0.06),
    (0.075, 0.155, 0.05),
    (0.26, 0.26, 0.07),
)
NEEDLE_COLOURS: tuple[Colour, ...] = ((0.05, 0.115, 0.055), (0.07, 0.14, 0.06), (0.06, 0.12, 0.085))
BARK = Look(Material.PAINT, (0.16, 0.115, 0.08))


def _blob(
    builder: CityMeshBuilder,
    rng: np.random.Generator,
    object_id: int,
    frame: Frame,
    centre: tuple[float, float, float],
    radii: tuple[float, float, float],
    surface_id: int,
    roughness: float,
    subdivisions: int = 2,
) -> None:
    """A sphere with clumps pushed out at random places."""
    sphere, faces = unit_sphere(subdivisions)
    clumps = rng.normal(size=(14, 3))
    clumps /= np.linalg.norm(clumps, axis=1, keepdims=True)
    bumps = np.exp((sphere @ clumps.T - 1.0) * 9.0).max(axis=1)
    scale = 1.0 + roughness * (bumps - 0.55) + rng.normal(0.0, roughness * 0.13, len(sphere))
    vertices = frame.to_world(sphere * scale[:, None] * np.array(radii) + np.array(centre))
    triangles, normals = smooth_triangles(vertices, faces)
    builder.add_triangles(triangles, object_id, surface_id, normals)


def _foliage(rng: np.random.Generator, builder: CityMeshBuilder, colours: tuple[Colour, ...]) -> int:
    colour = np.array(colours[int(rng.integers(len(colours)))]) * rng.uniform(0.85, 1.2)
    look = Look(Material.FOLIAGE, (float(colour[0]), float(colour[1]), float(colour[2])))
    return builder.add_surface(look.surface(np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (1.0, 1.0)))


def add_broadleaf(
    builder: CityMeshBuilder, rng: np.random.Generator, frame: Frame, height: float, detail: int = 2
) -> None:
    """A tree with a crown of several leafy lumps; ``height`` in metres to its top."""
    tree = builder.add_object("broadleaf_tree", "Vegetation")
    leaves = _foliage(rng, builder, LEAF_COLOURS)
    crown = height * float(rng.uniform(0.29, 0.36))
    add_tube(
        builder,
        tree,
        frame,
        (0, 0, -0.1),
        (0, 0, height - 1.3 * crown),
        (0.05 * height * 0.5, 0.03 * height * 0.5),
        BARK,
        5,
    )
    middle = height - crown
    _blob(builder, rng, tree, frame, (0, 0, middle), (crown * 0.92, crown * 0.92, crown), leaves, 0.35, detail)
    for i in range(int(rng.integers(3, 6))):
        angle = 2.4 * i + float(rng.uniform(0, 0.9))
        r = crown * float(rng.uniform(0.45, 0.7))
        size = crown * float(rng.uniform(0.5, 0.68))
        at = (r * float(np.cos(angle)), r * float(np.sin(angle)), middle - crown * float(rng.uniform(-0.15, 0.4)))
        _blob(builder, rng, tree, frame, at, (size, size, size * 0.85), leaves, 0.35, max(1, detail - 1))


def add_poplar(builder: CityMeshBuilder, rng: np.random.Generator, frame: Frame, height: float) -> None:
    """A slender columnar tree."""
    tree = builder.add_object("columnar_tree", "Vegetation")
    leaves = _foliage(rng, builder, LEAF_COLOURS[:4])
    add_tube(builder, tree, frame, (0, 0, -0.1), (0, 0, height * 0.3), (0.2, 0.16), BARK, 5)
    radius = height * float(rng.uniform(0.13, 0.17))
    _blob(builder, rng, tree, frame, (0, 0, height * 0.54), (radius, radius, height * 0.45), leaves, 0.3)


def add_conifer(builder: CityMeshBuilder, rng: np.random.Generator, frame: Frame, height: float) -> None:
    """A fir: tiers of needles with a jagged rim."""
    tree = builder.add_object("conifer", "Vegetation")
    needles = _foliage(rng, builder, NEEDLE_COLOURS)
    add_tube(builder, tree, frame, (0, 0, -0.1), (0, 0, height * 0.25), (0.2, 0.16), BARK, 5)
    tiers, sides = 5, 14
    spread = height * float(rng.uniform(0.2, 0.26))
    for tier in range(tiers):
        low = height * (0.12 + 0.155 * tier)
        tip = min(low + height * 0.34, height)
        angles = 2 * np.pi * np.arange(sides) / sides + tier * 0.4
        radius = (
            spread * (1 - tier / (tiers + 0.6)) * (1 + 0.13 * (-1.0) ** np.arange(sides) + rng.normal(0, 0.04, sides))
        )
        rim = np.stack(
            [radius * np.cos(angles), radius * np.sin(angles), low + 0.06 * height * rng.random(sides) - 0.02 * height],
            1,
        )
        vertices = frame.to_world(np.concatenate([rim, [[0, 0, tip]], [[0, 0, low + 0.03 * height]]]))
        i = np.arange(sides)
        j = (i + 1) % sides
        upper = np.stack([i, j, np.full(sides, sides)], 1)
        lower = np.stack([j, i, np.full(sides, sides + 1)], 1)
        builder.add_triangles(vertices[np.concatenate([upper, lower])], tree, needles)


def add_bush(builder: CityMeshBuilder, rng: np.random.Generator, frame: Frame, size: float) -> None:
    """A round bush, ``size`` metres across."""
    bush = builder.add_object("bush", "Vegetation")
    leaves = _foliage(rng, builder, LEAF_COLOURS)
    r = size / 2
    _blob(builder, rng, bush, frame, (0, 0, r * 0.7), (r, r, r * 0.95), leaves, 0.3, 1)


def add_hedge(
    builder: CityMeshBuilder, rng: np.random.Generator, frame: Frame, length: float, height: float = 1.2
) -> None:
    """A clipped hedge along local x from 0 to ``length`` [m]."""
    hedge = builder.add_object("hedge", "Vegetation")
    leaves = _foliage(rng, builder, LEAF_COLOURS[:4])
    steps = max(2, int(length / 0.8))
    section = np.array(
        [(-0.45, 0.0), (-0.5, height * 0.8), (-0.25, height), (0.25, height), (0.5, height * 0.8), (0.45, 0.0)]
    )
    x = np.linspace(0.0, length, steps + 1)
    grid = np.zeros((steps + 1, len(section), 3))
    grid[..., 0] = x[:, None]
    grid[..., 1:] = section[None] * (1 + rng.normal(0, 0.05, (steps + 1, len(section), 1)))
    points = frame.to_world(grid.reshape(-1, 3))
    n = len(section)
    i, j = np.meshgrid(np.arange(steps), np.arange(n - 1), indexing="ij")
    a = (i * n + j).ravel()
    faces = np.concatenate([np.stack([a, a + 1, a + n + 1], 1), np.stack([a, a + n + 1, a + n], 1)])
    end = np.stack([np.zeros(n - 2, int), np.arange(2, n), np.arange(1, n - 1)], 1)
    faces = np.concatenate([faces, end, end[:, ::-1] + steps * n])
    builder.add_triangles(points[faces], hedge, leaves)


def add_tree(builder: CityMeshBuilder, rng: np.random.Generator, frame: Frame, height: float) -> None:
    """A tree of a random kind."""
    kind = rng.random()
    turned = frame.moved(0, 0, 0, float(rng.uniform(0, 2 * np.pi)))
    if kind < 0.66:
        add_broadleaf(builder, rng, turned, height)
    elif kind < 0.85:
        add_conifer(builder, rng, turned, height)
    else:
        add_poplar(builder, rng, turned, height * 1.15)
