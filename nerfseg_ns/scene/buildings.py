"""Buildings: town houses, offices with set-back tops, round towers, and houses with pitched roofs."""

from dataclasses import dataclass, replace

import numpy as np

from nerfseg_ns.scene.city_mesh import CityMeshBuilder, Colour, Material
from nerfseg_ns.scene.roofs import add_flat_roof, add_pitched_roof
from nerfseg_ns.scene.solids import Frame, Look, add_box, add_frustum, rectangle, regular_polygon

STOREY = 3.2
WALL_COLOURS: tuple[Colour, ...] = (
    (0.42, 0.17, 0.11),
    (0.50, 0.27, 0.17),
    (0.62, 0.50, 0.35),
    (0.66, 0.62, 0.54),
    (0.55, 0.56, 0.57),
    (0.68, 0.56, 0.40),
    (0.36, 0.30, 0.26),
    (0.60, 0.38, 0.28),
    (0.44, 0.48, 0.42),
    (0.72, 0.70, 0.66),
)
TRIM_COLOURS: tuple[Colour, ...] = ((0.72, 0.70, 0.65), (0.80, 0.79, 0.76), (0.30, 0.28, 0.26), (0.55, 0.50, 0.42))
GLASS_COLOURS: tuple[Colour, ...] = ((0.10, 0.19, 0.25), (0.12, 0.23, 0.23), (0.17, 0.21, 0.27), (0.09, 0.14, 0.20))
TILE_COLOURS: tuple[Colour, ...] = ((0.40, 0.14, 0.08), (0.34, 0.18, 0.12), (0.20, 0.19, 0.20), (0.46, 0.22, 0.12))


def pick(rng: np.random.Generator, choices: tuple[Colour, ...], spread: float = 0.06) -> Colour:
    """One of the colours, made a little lighter or darker."""
    colour = np.array(choices[int(rng.integers(len(choices)))]) * rng.uniform(1 - spread, 1 + spread)
    red, green, blue = (float(v) for v in np.clip(colour, 0.02, 0.9))
    return red, green, blue


def _facade(rng: np.random.Generator, shop: bool) -> Look:
    share = (float(rng.uniform(0.38, 0.60)), float(rng.uniform(0.45, 0.60)))
    return Look(
        Material.FACADE,
        pick(rng, WALL_COLOURS),
        pick(rng, TRIM_COLOURS),
        bay=float(rng.uniform(2.4, 3.3)),
        storey=STOREY,
        pattern=(0.0, 0.0, share[0] if not shop else -share[0], share[1]),  # a negative share: shops at street level
    )


def _glazing(rng: np.random.Generator) -> Look:
    return Look(Material.CURTAIN_WALL, pick(rng, GLASS_COLOURS), (0.40, 0.42, 0.44), bay=1.6, storey=STOREY)


@dataclass(frozen=True)
class Lot:
    """Ground that one building covers: a frame whose origin is its centre, and its size along local x and y [m]."""

    frame: Frame
    width: float
    depth: float


def add_town_house(builder: CityMeshBuilder, rng: np.random.Generator, lot: Lot, storeys: int, row: bool) -> None:
    """A house of a closed row: shops below, windows to the street and the yard, blank walls to its neighbours.

    Args:
        row: it stands between neighbours, so that its local x sides have no windows.
    """
    building = builder.add_object("town_house", "Building")
    facade = _facade(rng, shop=bool(rng.random() < 0.7))
    height = storeys * STOREY + 0.4
    hx, hy = lot.width / 2, lot.depth / 2
    blank = replace(facade, material=Material.BRICK, bay=0.0, accent=facade.colour)
    blank_sides = (1, 3) if row else ()
    if lot.depth < 12.0 and rng.random() < 0.3:  # a deeper roof would tower over the street
        corners = rectangle(-hx, -hy, hx, hy)
        add_frustum(builder, building, lot.frame, corners, 0.0, height, facade, None, None, blank, blank_sides)
        tiles = Look(Material.TILED_ROOF, pick(rng, TILE_COLOURS))
        add_pitched_roof(
            builder, rng, building, lot.frame.moved(0, 0, height), lot.width, lot.depth, tiles, blank, hipped=False
        )
        return
    wing = float(rng.uniform(0.3, 0.45)) * lot.depth if rng.random() < 0.4 else 0.0
    corners = rectangle(-hx, -hy, hx, hy - wing)
    add_frustum(builder, building, lot.frame, corners, 0.0, height, facade, None, None, blank, blank_sides)
    add_flat_roof(builder, rng, building, lot.frame, (-hx, -hy, hx, hy - wing), height, facade.colour)
    if wing:  # a lower wing at the back, over part of the width
        reach = hx * float(rng.uniform(0.0, 0.5))
        low = max(2, storeys - int(rng.integers(1, 3))) * STOREY - 1.0
        plan = (-hx + 0.2, hy - wing - 0.05, reach, hy)
        add_frustum(builder, building, lot.frame, rectangle(*plan), 0.0, low, replace(facade, pattern=(0, 0, 0.4, 0.5)))
        add_flat_roof(builder, rng, building, lot.frame, plan, low, facade.colour)


def add_office(builder: CityMeshBuilder, rng: np.random.Generator, lot: Lot, storeys: int) -> None:
    """An office block: a broad base, a tower set back on it, perhaps a second step, flat roofs with equipment."""
    building = builder.add_object("office", "Building")
    glass = rng.random() < 0.5
    look = _glazing(rng) if glass else _facade(rng, shop=False)
    base_look = (
        _facade(rng, shop=True) if glass else replace(look, pattern=(0.0, 0.0, -look.pattern[2], look.pattern[3]))
    )
    hx, hy = lot.width / 2, lot.depth / 2
    base_height = int(rng.integers(1, 4)) * STOREY + 0.8
    add_frustum(builder, building, lot.frame, rectangle(-hx, -hy, hx, hy), 0.0, base_height, base_look)
    add_flat_roof(builder, rng, building, lot.frame, (-hx, -hy, hx, hy), base_height, base_look.colour, equipment=0.3)
    x0, y0, x1, y1 = -hx, -hy, hx, hy
    inset = rng.uniform(0.08, 0.2, 4)
    x0, x1 = x0 + inset[0] * lot.width, x1 - inset[1] * lot.width
    y0, y1 = y0 + inset[2] * lot.depth, y1 - inset[3] * lot.depth
    steps = [storeys] if rng.random() < 0.5 else [max(3, int(storeys * 0.65)), storeys]
    low = base_height
    for step in steps:
        top = max(step * STOREY, low + STOREY)
        add_frustum(builder, building, lot.frame, rectangle(x0, y0, x1, y1), low, top, look)
        add_flat_roof(builder, rng, building, lot.frame, (x0, y0, x1, y1), top, look.accent if glass else look.colour)
        x0, x1 = x0 + 0.16 * (x1 - x0), x1 - 0.1 * (x1 - x0)
        y0, y1 = y0 + 0.1 * (y1 - y0), y1 - 0.16 * (y1 - y0)
        low = top


def add_round_tower(builder: CityMeshBuilder, rng: np.random.Generator, lot: Lot, storeys: int) -> None:
    """A tower on a twelve-sided plan with a narrower crown."""
    building = builder.add_object("tower", "Building")
    radius = min(lot.width, lot.depth) / 2
    look = _glazing(rng) if rng.random() < 0.5 else replace(_facade(rng, shop=False), bay=2.6)
    roof = Look(Material.FLAT_ROOF, (0.36, 0.35, 0.34))
    rim = Look(Material.CONCRETE, (0.55, 0.54, 0.52))
    height = storeys * STOREY
    for r, low, high in ((radius, 0.0, height), (radius * 0.72, height, height + STOREY)):
        plan = regular_polygon(r, 12)
        add_frustum(builder, building, lot.frame, plan, low, high, look, roof)
        ring, inner = regular_polygon(r, 12), regular_polygon(r - 0.45, 12)
        add_frustum(builder, building, lot.frame, ring, high, high + 0.6, rim)
        add_frustum(builder, building, lot.frame, ring, high + 0.6, high + 0.6, rim, None, inner)
        add_frustum(builder, building, lot.frame, list(reversed(inner)), high, high + 0.6, rim)
    mast = Look(Material.PAINT, (0.6, 0.6, 0.6))
    add_box(builder, building, lot.frame, (-1.0, -1.0, height + STOREY), (1.0, 1.0, height + STOREY + 1.6), mast)


def add_house(builder: CityMeshBuilder, rng: np.random.Generator, lot: Lot) -> None:
    """A family house of one or two storeys with a pitched roof, perhaps with a wing or a garage."""
    building = builder.add_object("house", "Building")
    wall = replace(_facade(rng, shop=False), bay=2.6)
    tiles = Look(Material.TILED_ROOF, pick(rng, TILE_COLOURS))
    height = int(rng.integers(1, 3)) * 2.8 + 0.3
    hx, hy = lot.width / 2, lot.depth / 2
    gable = replace(wall, material=Material.BRICK, bay=0.0, accent=wall.colour)
    add_frustum(builder, building, lot.frame, rectangle(-hx, -hy, hx, hy), 0.0, height, wall)
    top = lot.frame.moved(0, 0, height)
    add_pitched_roof(builder, rng, building, top, lot.width, lot.depth, tiles, gable, hipped=bool(rng.random() < 0.5))
    if rng.random() < 0.5:
        side = 1 if rng.random() < 0.5 else -1
        wing = lot.frame.moved(side * (hx + 1.4), -hy * 0.3)
        add_box(
            builder,
            building,
            wing,
            (-1.5, -hy * 0.6, 0),
            (1.5, hy * 0.6, 2.6),
            gable,
            Look(Material.FLAT_ROOF, (0.3, 0.3, 0.3)),
        )
