"""Street lamps, traffic lights, and the things that stand on sidewalks."""

import numpy as np

from nerfseg_ns.scene.city_mesh import CityMeshBuilder, Material
from nerfseg_ns.scene.solids import Frame, Look, add_box, add_frustum, add_tube, regular_polygon

STEEL = Look(Material.PAINT, (0.30, 0.32, 0.33))
PALE_STEEL = Look(Material.PAINT, (0.55, 0.56, 0.56))
WOOD = Look(Material.PAINT, (0.36, 0.23, 0.12))


def add_street_lamp(builder: CityMeshBuilder, frame: Frame) -> None:
    """A lamp post with its arm along local x, over the street."""
    lamp = builder.add_object("street_lamp", "Pole")
    add_tube(builder, lamp, frame, (0, 0, 0), (0, 0, 7.0), (0.16, 0.11), STEEL)
    add_tube(builder, lamp, frame, (0, 0, 6.9), (1.9, 0, 7.3), (0.10, 0.08), STEEL)
    add_box(builder, lamp, frame, (1.4, -0.22, 7.2), (2.5, 0.22, 7.42), PALE_STEEL, closed_below=True)
    add_frustum(builder, lamp, frame, regular_polygon(0.28, 6), 0.0, 0.6, STEEL, STEEL, regular_polygon(0.16, 6))


def add_traffic_light(builder: CityMeshBuilder, frame: Frame, reach: float) -> None:
    """A mast whose arm of length ``reach`` [m] carries a light along local x; the lamps face local -y."""
    mast = builder.add_object("traffic_light_mast", "Pole")
    head = builder.add_object("traffic_light", "TrafficLight")
    add_tube(builder, mast, frame, (0, 0, 0), (0, 0, 5.6), (0.16, 0.12), PALE_STEEL)
    add_tube(builder, mast, frame, (0, 0, 5.4), (reach, 0, 5.7), (0.11, 0.08), PALE_STEEL)
    case = Look(Material.PAINT, (0.55, 0.40, 0.04))
    for x, z in ((reach - 0.3, 4.7), (0.0, 2.6)):
        add_box(builder, head, frame, (x - 0.3, -0.42, z), (x + 0.3, 0.2, z + 1.55), case, closed_below=True)
        for i, colour in enumerate(((0.05, 0.55, 0.15), (0.75, 0.45, 0.03), (0.70, 0.04, 0.03))):
            lens = Look(Material.PAINT, colour)
            add_box(
                builder,
                head,
                frame,
                (x - 0.18, -0.46, z + 0.15 + 0.46 * i),
                (x + 0.18, -0.42, z + 0.48 + 0.46 * i),
                lens,
            )


def add_bench(builder: CityMeshBuilder, frame: Frame) -> None:
    """A bench along local x, its back towards local +y."""
    bench = builder.add_object("bench", "Static")
    for x in (-0.75, 0.75):
        add_box(builder, bench, frame, (x - 0.08, -0.25, 0), (x + 0.08, 0.3, 0.42), STEEL)
    add_box(builder, bench, frame, (-1.0, -0.3, 0.42), (1.0, 0.25, 0.52), WOOD, closed_below=True)
    add_box(builder, bench, frame, (-1.0, 0.25, 0.52), (1.0, 0.35, 0.95), WOOD)


def add_bin(builder: CityMeshBuilder, frame: Frame, rng: np.random.Generator) -> None:
    """A litter bin or a pair of wheeled bins."""
    litter = builder.add_object("bin", "Static")
    if rng.random() < 0.5:
        add_frustum(
            builder, litter, frame, regular_polygon(0.34, 8), 0.0, 1.0, Look(Material.PAINT, (0.08, 0.22, 0.14)), STEEL
        )
        return
    for x, colour in ((-0.45, (0.10, 0.28, 0.12)), (0.45, (0.08, 0.14, 0.34))):
        add_box(builder, litter, frame, (x - 0.38, -0.4, 0.05), (x + 0.38, 0.4, 1.15), Look(Material.PAINT, colour))


def add_bus_shelter(builder: CityMeshBuilder, frame: Frame) -> None:
    """A shelter open towards local -y."""
    shelter = builder.add_object("bus_shelter", "Static")
    glass = Look(Material.PAINT, (0.20, 0.28, 0.31))
    roof = Look(Material.PAINT, (0.16, 0.30, 0.40))
    add_box(builder, shelter, frame, (-2.0, 0.55, 0), (2.0, 0.65, 2.3), glass)
    for x in (-2.0, 1.9):
        add_box(builder, shelter, frame, (x, -0.5, 0), (x + 0.1, 0.55, 2.3), glass)
    add_box(builder, shelter, frame, (-2.2, -0.75, 2.3), (2.2, 0.75, 2.45), roof, closed_below=True)
    add_box(builder, shelter, frame, (-1.5, 0.2, 0.4), (1.5, 0.5, 0.5), WOOD)


def add_planter(builder: CityMeshBuilder, frame: Frame, length: float) -> None:
    """A stone trough along local x; what grows in it is added apart."""
    planter = builder.add_object("planter", "Static")
    stone, soil = Look(Material.CONCRETE, (0.50, 0.47, 0.43)), Look(Material.GRASS, (0.13, 0.10, 0.06))
    add_box(builder, planter, frame, (-length / 2, -0.6, 0), (length / 2, 0.6, 0.6), stone, soil)


def add_kiosk(builder: CityMeshBuilder, frame: Frame, rng: np.random.Generator) -> None:
    """A small market stall with a coloured awning."""
    kiosk = builder.add_object("kiosk", "Static")
    colour = [(0.55, 0.10, 0.08), (0.12, 0.30, 0.45), (0.65, 0.45, 0.10), (0.12, 0.35, 0.20)][int(rng.integers(4))]
    awning, pale = Look(Material.PAINT, (colour[0], colour[1], colour[2])), Look(Material.PAINT, (0.7, 0.68, 0.62))
    add_box(builder, kiosk, frame, (-1.2, -0.9, 0), (1.2, 0.9, 2.2), WOOD)
    for i in range(6):
        x0 = -1.5 + 0.5 * i
        look = awning if i % 2 == 0 else pale
        peak = [(x0, 0.0), (x0 + 0.5, 0.0), (x0 + 0.5, 0.0), (x0, 0.0)]
        base = [(x0, -1.4), (x0 + 0.5, -1.4), (x0 + 0.5, 1.4), (x0, 1.4)]
        add_frustum(builder, kiosk, frame, base, 2.1, 2.8, look, None, peak)


def add_garden_wall(builder: CityMeshBuilder, frame: Frame, length: float, height: float = 1.3) -> None:
    """A brick wall with a stone cap along local x from 0 to ``length`` [m]."""
    wall = builder.add_object("garden_wall", "Wall")
    brick, cap = (
        Look(Material.BRICK, (0.44, 0.24, 0.16), (0.5, 0.46, 0.40)),
        Look(Material.CONCRETE, (0.58, 0.56, 0.52)),
    )
    add_box(builder, wall, frame, (0, -0.22, 0), (length, 0.22, height), brick, cap)
