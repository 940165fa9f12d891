"""What fills a block: closed rows of town houses, offices on a plaza, gardens with houses, a park, a car park."""

import numpy as np

from nerfseg_ns.scene.buildings import Lot, add_house, add_office, add_round_tower, add_town_house
from nerfseg_ns.scene.city_mesh import CityMeshBuilder, Material
from nerfseg_ns.scene.solids import Frame, Look, add_box, add_face, rectangle
from nerfseg_ns.scene.street_furniture import (
    add_bench,
    add_bin,
    add_garden_wall,
    add_kiosk,
    add_planter,
    add_street_lamp,
)
from nerfseg_ns.scene.streets import KERB_HEIGHT, MARK_HEIGHT, WHITE, Block
from nerfseg_ns.scene.vegetation import add_broadleaf, add_bush, add_hedge, add_tree
from nerfseg_ns.scene.vehicles import add_vehicle

GRASS = Look(Material.GRASS, (0.145, 0.235, 0.065))
DRY_GRASS = Look(Material.GRASS, (0.21, 0.24, 0.085))
PLAZA = Look(Material.PAVING, (0.47, 0.43, 0.37))
PATH = Look(Material.GRAVEL, (0.50, 0.44, 0.34))
YARD = Look(Material.ASPHALT, (0.15, 0.148, 0.145))
STEP = 0.03
"""Height [m] by which one layer of ground lies above the one below it."""


class BlockSite:
    """The inside of a block in a frame of its own: origin in its middle, x along its longer side.

    Args:
        block: the block.
        flip: turn the frame by half a turn.
    """

    def __init__(self, block: Block, flip: bool) -> None:
        x0, y0, x1, y1 = block.lot
        wide = x1 - x0 >= y1 - y0
        yaw = (0.0 if wide else np.pi / 2) + (np.pi if flip else 0.0)
        self.frame = Frame((x0 + x1) / 2, (y0 + y1) / 2, KERB_HEIGHT, yaw)
        self.hx, self.hy = max(x1 - x0, y1 - y0) / 2, min(x1 - x0, y1 - y0) / 2

    def ground(self, builder: CityMeshBuilder, kind: str, class_name: str, look: Look) -> None:
        """Cover the whole site, flush with the sidewalk."""
        self.layer(builder, kind, class_name, look, (-self.hx, -self.hy, self.hx, self.hy), 0.0)

    def layer(
        self,
        builder: CityMeshBuilder,
        kind: str,
        class_name: str,
        look: Look,
        plan: tuple[float, float, float, float],
        height: float,
    ) -> None:
        """Cover a rectangle x0, y0, x1, y1."""
        corners = [(x, y, height) for x, y in rectangle(*plan)]
        add_face(builder, builder.add_object(kind, class_name), self.frame, corners, look)


def build_row_block(
    builder: CityMeshBuilder, rng: np.random.Generator, site: BlockSite, storeys: tuple[int, int]
) -> None:
    """Two rows of town houses along the longer sides, a yard with trees and cars between them."""
    site.ground(builder, "courtyard", "Terrain", GRASS if rng.random() < 0.6 else DRY_GRASS)
    depth = min(float(rng.uniform(8.5, 10.5)), site.hy - 2.5)
    inner = site.hy - depth
    for side in (0, 1):
        row = site.frame.moved(0, 0, 0, np.pi * side)
        edges, x = [], -site.hx
        while site.hx - x > 12.0:
            edges.append((x, x + float(rng.uniform(6.5, 10.5))))
            x = edges[-1][1] + (float(rng.uniform(1.6, 3.0)) if rng.random() < 0.25 else 0.0)
        edges.append((x, site.hx))
        for a, b in edges:
            d = depth * float(rng.uniform(0.88, 1.0))
            lot = Lot(row.moved((a + b) / 2, -site.hy + d / 2), b - a, d)
            add_town_house(builder, rng, lot, int(rng.integers(storeys[0], storeys[1] + 1)), row=True)
    lane = (-site.hx, -1.5, site.hx * 0.3, 1.5)
    site.layer(builder, "yard", "Road", YARD, lane, STEP)
    for x in np.arange(-site.hx + 3.5, site.hx * 0.3 - 2.5, 5.6):
        if rng.random() < 0.6:
            add_vehicle(builder, rng, site.frame.moved(float(x), float(rng.uniform(-0.3, 0.3)), STEP), parked=True)
    for _ in range(7):
        x, y = float(rng.uniform(0.4, 0.92)) * site.hx, float(rng.uniform(-0.8, 0.8)) * (inner - 0.8)
        add_tree(builder, rng, site.frame.moved(x, y), float(rng.uniform(4.5, 7.5)))
    for x in np.arange(-site.hx + 2, site.hx * 0.3, 3.1):
        y = float(rng.choice([-1, 1])) * (inner - 1.0)
        if inner > 2.8 and rng.random() < 0.6:
            add_bush(builder, rng, site.frame.moved(float(x), y), float(rng.uniform(1.0, 1.8)))
    add_bin(builder, site.frame.moved(site.hx * 0.32, 2.2, STEP), rng)


def build_office_block(
    builder: CityMeshBuilder, rng: np.random.Generator, site: BlockSite, storeys: tuple[int, int]
) -> None:
    """One or two tall buildings on a paved plaza with planters, trees and benches."""
    site.ground(builder, "plaza", "SideWalk", PLAZA)
    split = float(rng.uniform(-0.1, 0.25)) * site.hx
    size = (split + site.hx - 2.0, site.hy * 2 - 5.0)
    main = Lot(site.frame.moved((split - site.hx) / 2, float(rng.uniform(-1, 1))), size[0], size[1])
    add_office(builder, rng, main, int(rng.integers(storeys[0], storeys[1] + 1)))
    room = site.hx - split
    kind = rng.random()
    centre = site.frame.moved(split + room / 2, 0)
    if kind < 0.45:
        add_round_tower(
            builder, rng, Lot(centre.moved(0.5, site.hy * 0.35), room * 0.72, room * 0.72), int(storeys[0] * 0.8)
        )
    elif kind < 0.8:
        lot = Lot(centre.moved(0, site.hy * 0.4), room - 3.0, site.hy * 0.9)
        add_town_house(builder, rng, lot, int(rng.integers(3, 5)), row=False)
    y = -site.hy + 2.0
    for x in np.arange(split + 2.0, site.hx - 1.5, 4.2):
        for row in (y, y + 6.0) if kind < 0.8 else (y, y + 6.0, y + 12.0, y + 17.0):
            if row < site.hy - 2.0 and rng.random() < 0.8:
                at = site.frame.moved(float(x), row)
                add_planter(builder, at, 2.6)
                if rng.random() < 0.75:
                    add_broadleaf(builder, rng, at.moved(0, 0, 0.5), float(rng.uniform(4.0, 6.0)))
                else:
                    add_bush(builder, rng, at.moved(0, 0, 0.5), 1.3)
    for x in np.arange(split + 2.5, site.hx - 2.0, 4.2):
        add_bench(builder, site.frame.moved(float(x) + 1.2, y + 3.0))
    for i in range(int(rng.integers(1, 4))):
        add_kiosk(builder, site.frame.moved(split + 2.6 + 3.6 * i, y + 8.8), rng)


def build_house_block(builder: CityMeshBuilder, rng: np.random.Generator, site: BlockSite) -> None:
    """Two rows of family houses in walled gardens with drives."""
    site.ground(builder, "gardens", "Terrain", GRASS)
    count = 3
    pitch = 2 * site.hx / count
    for side in (0, 1):
        row = site.frame.moved(0, 0, 0, np.pi * side)
        for k in range(count):
            x = -site.hx + (k + 0.5) * pitch
            width, depth = float(rng.uniform(5.6, 6.8)), float(rng.uniform(5.2, 6.4))
            lot = Lot(row.moved(x - 0.8, -site.hy * 0.52, 0, float(rng.choice([0.0, np.pi]))), width, depth)
            add_house(builder, rng, lot)
            drive = builder.add_object("drive", "SideWalk")
            x0 = x + pitch / 2 - 2.9
            add_face(
                builder,
                drive,
                row,
                [(a, b, STEP) for a, b in rectangle(x0, -site.hy, x0 + 2.4, -site.hy * 0.45)],
                PLAZA,
            )
            if rng.random() < 0.7:
                add_vehicle(builder, rng, row.moved(x0 + 1.2, -site.hy + 3.2, STEP, np.pi / 2), parked=True)
            add_garden_wall(builder, row.moved(x - pitch / 2 + 0.3, -site.hy + 0.3), pitch - 3.4, 1.0)
            if k:
                if rng.random() < 0.5:
                    add_hedge(builder, rng, row.moved(x - pitch / 2, -site.hy + 0.8, 0, np.pi / 2), site.hy - 1.2)
                else:
                    add_garden_wall(builder, row.moved(x - pitch / 2, -site.hy + 0.8, 0, np.pi / 2), site.hy - 1.2)
            for _ in range(2):
                add_tree(
                    builder,
                    rng,
                    row.moved(x + float(rng.uniform(-0.3, 0.3)) * pitch, -float(rng.uniform(1.2, 2.6))),
                    float(rng.uniform(4, 6.5)),
                )
            add_bush(builder, rng, row.moved(x - pitch * 0.3, -site.hy + 1.5), float(rng.uniform(1, 1.6)))
    add_hedge(builder, rng, site.frame.moved(-site.hx + 0.5, 0), 2 * site.hx - 1.0, 1.5)


def build_park_block(builder: CityMeshBuilder, rng: np.random.Generator, site: BlockSite) -> None:
    """Lawns, gravel paths, a pond with a stone rim, trees, benches and lamps."""
    site.ground(builder, "lawn", "Terrain", GRASS)
    px, py = float(rng.uniform(-0.25, 0.25)) * site.hx, float(rng.uniform(-0.15, 0.15)) * site.hy
    radius = min(site.hy * 0.5, 7.5)
    pond_frame = site.frame.moved(px, py)
    angles = 2 * np.pi * np.arange(28) / 28
    shape = radius * (1 + 0.13 * np.sin(2 * angles + rng.uniform(0, 6)) + 0.06 * np.sin(3 * angles + rng.uniform(0, 6)))
    ring = np.stack([1.25 * shape * np.cos(angles), shape * np.sin(angles)], 1)
    water = builder.add_object("pond", "Water")
    add_fan(builder, water, pond_frame, ring, 0.10, Look(Material.WATER, (0.055, 0.115, 0.125)))
    walk = builder.add_object("pond_walk", "SideWalk")
    rim = builder.add_object("pond_rim", "Wall")
    stone = Look(Material.CONCRETE, (0.52, 0.50, 0.46))
    _add_ring(builder, rim, pond_frame, ring, ring * 1.07, 0.32, stone)
    _add_ring(builder, walk, pond_frame, ring * 1.07, ring * 1.36, 2 * STEP, PATH)
    paths = builder.add_object("park_paths", "SideWalk")
    ends = [(-site.hx, -site.hy), (site.hx, -site.hy), (site.hx, site.hy), (-site.hx, site.hy)]
    for x, y in ends:
        start = np.array([x * 0.97, y * 0.97])
        towards = np.array([px, py]) - start
        length = float(np.linalg.norm(towards)) - radius * 1.22
        at = site.frame.moved(float(start[0]), float(start[1]), 0, float(np.arctan2(towards[1], towards[0])))
        add_face(builder, paths, at, [(a, b, STEP) for a, b in rectangle(0, -0.8, length, 0.8)], PATH)
    placed = 0
    for _ in range(120):
        x, y = float(rng.uniform(-0.93, 0.93)) * site.hx, float(rng.uniform(-0.9, 0.9)) * site.hy
        off_pond = np.hypot((x - px) / 1.25, y - py) > radius * 1.65
        across = min(_distance_to_segment(x, y, px, py, *end) for end in ends)
        if off_pond and across > 1.9 and placed < 24:
            placed += 1
            if rng.random() < 0.75:
                add_tree(builder, rng, site.frame.moved(x, y), float(rng.uniform(5, 9)))
            else:
                add_bush(builder, rng, site.frame.moved(x, y), float(rng.uniform(1.2, 2.2)))
    for angle in np.arange(6) * np.pi / 3 + 0.5:
        r = radius * 1.27
        spot = pond_frame.moved(
            1.25 * r * float(np.cos(angle)), r * float(np.sin(angle)), 2 * STEP, float(angle) - np.pi / 2
        )
        add_bench(builder, spot)
    for x, y in ((0.75, 0.0), (-0.8, 0.0)):
        add_street_lamp(builder, site.frame.moved(x * site.hx, y * site.hy, 0, 0.0 if x < 0 else np.pi))
    for side in (-1, 1):
        add_garden_wall(builder, site.frame.moved(-site.hx + 2.5, side * (site.hy - 0.3)), 2 * site.hx - 5.0, 0.8)


def build_car_park_block(builder: CityMeshBuilder, rng: np.random.Generator, site: BlockSite) -> None:
    """A broad shop with its car park."""
    site.ground(builder, "car_park", "Road", YARD)
    split = -site.hx + site.hx * float(rng.uniform(0.75, 0.9))
    lot = Lot(site.frame.moved((split - site.hx) / 2, 0), split + site.hx - 0.8, 2 * site.hy - 1.0)
    add_town_house(builder, rng, lot, int(rng.integers(2, 4)), row=False)
    marks = builder.add_object("bay_marks", "RoadLine")
    for low, sign in ((-site.hy + 0.4, 1), (site.hy - 0.4, -1)):
        xs = np.arange(split + 2.6, site.hx - 0.5, 2.6)
        for i, x in enumerate(xs):
            y0, y1 = sorted((low, low + sign * 5.0))
            corners = [(a, b, MARK_HEIGHT) for a, b in rectangle(float(x) - 0.1, y0, float(x) + 0.1, y1)]
            add_face(builder, marks, site.frame, corners, Look(Material.ROAD_MARK, WHITE))
            if i + 1 < len(xs) and rng.random() < 0.7:
                at = site.frame.moved(float(x) + 1.3, low + sign * 2.6, 0, np.pi / 2 * float(rng.choice([-1, 1])))
                add_vehicle(builder, rng, at, parked=True)
    island = builder.add_object("island", "Terrain")
    plan = (split + 4.0, -0.9, site.hx - 3.5, 0.9)
    kerb = Look(Material.CONCRETE, (0.5, 0.49, 0.47))
    add_box(builder, island, site.frame, (plan[0], plan[1], 0), (plan[2], plan[3], 0.15), kerb, GRASS)
    for x in np.arange(plan[0] + 1.2, plan[2] - 0.5, 3.6):
        add_broadleaf(builder, rng, site.frame.moved(float(x), 0, 0.15), float(rng.uniform(4.2, 5.5)))
    add_street_lamp(builder, site.frame.moved(plan[2] - 0.3, 0, 0.15))
    for y in (-site.hy * 0.4, site.hy * 0.4):
        add_bin(builder, site.frame.moved(split + 0.9, y), rng)


def add_fan(
    builder: CityMeshBuilder, object_id: int, frame: Frame, ring: np.ndarray, height: float, look: Look
) -> None:
    """A star-shaped area around the frame's origin, at a height."""
    points = frame.to_world(np.concatenate([ring, np.full((len(ring), 1), height)], 1))
    centre = frame.to_world(np.array([0.0, 0.0, height]))
    surface = look.surface(centre, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (1.0, 1.0))
    triangles = np.stack([np.broadcast_to(centre, points.shape), points, np.roll(points, -1, axis=0)], 1)
    builder.add_triangles(triangles, object_id, builder.add_surface(surface))


def _add_ring(
    builder: CityMeshBuilder,
    object_id: int,
    frame: Frame,
    inner: np.ndarray,
    outer: np.ndarray,
    height: float,
    look: Look,
) -> None:
    """A band between two outlines with upright sides down to the ground."""
    count = len(inner)
    for i in range(count):
        j = (i + 1) % count
        a, b, c, d = inner[i], inner[j], outer[j], outer[i]
        add_face(builder, object_id, frame, [(*d, height), (*c, height), (*b, height), (*a, height)], look)
        add_face(builder, object_id, frame, [(*d, 0.0), (*c, 0.0), (*c, height), (*d, height)], look)
        add_face(builder, object_id, frame, [(*b, 0.0), (*a, 0.0), (*a, height), (*b, height)], look)


def _distance_to_segment(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> float:
    direction = np.array([bx - ax, by - ay])
    t = float(np.clip(((x - ax) * direction[0] + (y - ay) * direction[1]) / (direction @ direction), 0.0, 1.0))
    return float(np.hypot(x - ax - t * direction[0], y - ay - t * direction[1]))
