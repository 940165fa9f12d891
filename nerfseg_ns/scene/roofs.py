"""Roofs: flat ones with parapet and equipment, pitched ones with chimneys and dormers."""

import numpy as np

from nerfseg_ns.scene.city_mesh import CityMeshBuilder, Colour, Material
from nerfseg_ns.scene.solids import Frame, Look, add_box, add_face, add_frustum, regular_polygon

PARAPET_HEIGHT = 0.7
PARAPET_WIDTH = 0.4
ROOF_COLOURS: tuple[Colour, ...] = (
    (0.33, 0.32, 0.31),
    (0.50, 0.48, 0.45),
    (0.24, 0.23, 0.23),
    (0.44, 0.38, 0.32),
    (0.58, 0.57, 0.55),
)
METAL = Look(Material.PAINT, (0.52, 0.54, 0.55))
DARK = Look(Material.PAINT, (0.10, 0.10, 0.11))


def add_flat_roof(
    builder: CityMeshBuilder,
    rng: np.random.Generator,
    building: int,
    frame: Frame,
    plan: tuple[float, float, float, float],
    height: float,
    wall: Colour,
    equipment: float = 1.0,
) -> None:
    """A flat roof over a rectangle x0, y0, x1, y1 of the frame.

    Args:
        height: of the roof surface [m]; the parapet rises above it.
        wall: colour of the parapet's sides.
        equipment: chance that a place for a machine, a stair head, ... is used.
    """
    x0, y0, x1, y1 = plan
    colour = ROOF_COLOURS[int(rng.integers(len(ROOF_COLOURS)))]
    material = Material.GRAVEL if rng.random() < 0.3 else Material.FLAT_ROOF
    corners = [(x0, y0, height), (x1, y0, height), (x1, y1, height), (x0, y1, height)]
    add_face(builder, building, frame, corners, Look(material, colour))
    side = Look(Material.CONCRETE, wall)
    cap = Look(Material.CONCRETE, (0.56, 0.55, 0.52))
    w, top = PARAPET_WIDTH, height + PARAPET_HEIGHT
    for a0, b0, a1, b1 in (
        (x0, y0, x1, y0 + w),
        (x0, y1 - w, x1, y1),
        (x0, y0 + w, x0 + w, y1 - w),
        (x1 - w, y0 + w, x1, y1 - w),
    ):
        add_box(builder, building, frame, (a0, b0, height - 0.3), (a1, b1, top), side, cap)
    inner = (x0 + 1.0, y0 + 1.0, x1 - 1.0, y1 - 1.0)
    columns, rows = max(1, int((inner[2] - inner[0]) // 3.4)), max(1, int((inner[3] - inner[1]) // 3.4))
    if inner[2] - inner[0] < 2.5 or inner[3] - inner[1] < 2.5:
        return
    for i in range(columns):
        for j in range(rows):
            if rng.random() > 0.62 * equipment:
                continue
            x = inner[0] + (i + 0.5) * (inner[2] - inner[0]) / columns
            y = inner[1] + (j + 0.5) * (inner[3] - inner[1]) / rows
            _add_equipment(builder, rng, building, frame.moved(x, y, height), wall)


def _add_equipment(builder: CityMeshBuilder, rng: np.random.Generator, building: int, at: Frame, wall: Colour) -> None:
    kind = int(rng.integers(7))
    if kind == 0:  # stair head with a door
        add_box(
            builder,
            building,
            at,
            (-1.2, -1.0, 0),
            (1.2, 1.0, 2.2),
            Look(Material.CONCRETE, wall),
            Look(Material.FLAT_ROOF, (0.3, 0.3, 0.3)),
        )
        add_box(builder, building, at, (-0.45, -1.06, 0), (0.45, -1.0, 1.9), DARK)
    elif kind in (1, 2):  # air conditioning with a fan
        size = float(rng.uniform(0.8, 1.15))
        add_box(builder, building, at, (-size, -0.75, 0.2), (size, 0.75, 1.2), METAL)
        for x in (-0.5 * size, 0.5 * size):
            add_frustum(builder, building, at.moved(x, 0), regular_polygon(0.38, 8), 1.2, 1.3, METAL, DARK)
    elif kind == 3:  # skylights
        for y in (-0.75, 0.75):
            add_box(
                builder,
                building,
                at,
                (-1.1, y - 0.5, 0),
                (1.1, y + 0.5, 0.3),
                METAL,
                Look(Material.PAINT, (0.30, 0.42, 0.48)),
            )
    elif kind == 4:  # solar panels on tilted frames
        for y in (-1.0, 0.35):
            panel = [(-1.4, y, 0.25), (1.4, y, 0.25), (1.4, y + 1.0, 0.75), (-1.4, y + 1.0, 0.75)]
            add_face(builder, building, at, panel, Look(Material.SOLAR_PANEL, (0.035, 0.055, 0.12), (0.35, 0.38, 0.42)))
            back = [(1.4, y + 1.0, 0.0), (-1.4, y + 1.0, 0.0), (-1.4, y + 1.0, 0.75), (1.4, y + 1.0, 0.75)]
            add_face(builder, building, at, back, METAL)
    elif kind == 5:  # water tank
        tank = Look(Material.PAINT, (0.40, 0.27, 0.17))
        add_frustum(builder, building, at, regular_polygon(1.0, 10), 0.5, 2.1, tank)
        cone = regular_polygon(0.05, 10)
        add_frustum(
            builder,
            building,
            at,
            regular_polygon(1.1, 10),
            2.1,
            2.7,
            Look(Material.PAINT, (0.28, 0.26, 0.25)),
            None,
            cone,
        )
    else:  # a duct with a bend and vents
        add_box(builder, building, at, (-1.3, -0.3, 0.25), (1.3, 0.3, 0.8), METAL)
        add_box(builder, building, at, (0.7, 0.3, 0.25), (1.3, 1.3, 0.8), METAL)
        add_frustum(builder, building, at.moved(-0.8, 1.0), regular_polygon(0.25, 8), 0.0, 0.9, METAL, DARK)


def add_pitched_roof(
    builder: CityMeshBuilder,
    rng: np.random.Generator,
    building: int,
    frame: Frame,
    width: float,
    depth: float,
    tiles: Look,
    gable: Look,
    hipped: bool,
) -> None:
    """A roof with its ridge along local x, eaves at height 0 of the frame, overhanging a little.

    Args:
        width, depth: of the walls below, along local x and y [m].
        gable: look of the wall ends, when not hipped.
    """
    over = 0.35
    hx, hy = width / 2, depth / 2
    rise = hy * float(rng.uniform(0.55, 0.75))
    slope = rise / hy
    ex, ey, ez = hx + (over if hipped else 0.12), hy + over, -over * slope
    ridge = max(hx - hy * 0.9, 0.15 * hx) if hipped else ex
    a, b = (-ridge, 0.0, rise), (ridge, 0.0, rise)
    add_face(builder, building, frame, [(-ex, -ey, ez), (ex, -ey, ez), b, a], tiles)
    add_face(builder, building, frame, [(ex, ey, ez), (-ex, ey, ez), a, b], tiles)
    if hipped:
        add_face(builder, building, frame, [(ex, -ey, ez), (ex, ey, ez), b], tiles)
        add_face(builder, building, frame, [(-ex, ey, ez), (-ex, -ey, ez), a], tiles)
    else:
        add_face(builder, building, frame, [(hx, -hy, 0), (hx, hy, 0), (hx, 0.0, rise)], gable)
        add_face(builder, building, frame, [(-hx, hy, 0), (-hx, -hy, 0), (-hx, 0.0, rise)], gable)
    chimney = Look(Material.BRICK, (0.38, 0.17, 0.12), (0.5, 0.45, 0.4))
    for _ in range(int(rng.integers(1, 3))):
        x, y = float(rng.uniform(-0.6, 0.6)) * ridge, float(rng.choice([-1, 1])) * 0.3 * hy
        z = rise - abs(y) * slope
        add_box(builder, building, frame.moved(x, y), (-0.4, -0.35, z - 0.6), (0.4, 0.35, z + 1.3), chimney, DARK)
    if ridge > 2.0 and rng.random() < 0.6:
        cheek = Look(Material.CONCRETE, (0.66, 0.64, 0.60))
        for x in (-0.5 * ridge, 0.5 * ridge):
            z = rise * 0.28
            low, high = -hy * 0.72, -hy * 0.05
            add_box(builder, building, frame.moved(x, 0), (-0.8, low, z), (0.8, high, z + 1.15), cheek, tiles)
            add_box(builder, building, frame.moved(x, 0), (-0.5, low - 0.04, z + 0.25), (0.5, low, z + 0.95), DARK)
