"""The whole city of a seed."""

from dataclasses import dataclass

import numpy as np

from nerfseg_ns.scene.blocks import (
    BlockSite,
    build_car_park_block,
    build_house_block,
    build_office_block,
    build_park_block,
    build_row_block,
)
from nerfseg_ns.scene.city_mesh import CityMesh, CityMeshBuilder
from nerfseg_ns.scene.landscape import REACH, build_landscape
from nerfseg_ns.scene.solids import Frame
from nerfseg_ns.scene.street_furniture import add_bench, add_bin, add_bus_shelter, add_street_lamp, add_traffic_light
from nerfseg_ns.scene.streets import (
    BLOCKS_PER_AXIS,
    KERB_HEIGHT,
    PARKING_WIDTH,
    SIDEWALK_WIDTH,
    Block,
    Segment,
    StreetGrid,
    build_streets,
    plan_streets,
)
from nerfseg_ns.scene.vegetation import add_broadleaf
from nerfseg_ns.scene.vehicles import add_vehicle

TALLEST_STOREYS = 8


@dataclass(frozen=True)
class City:
    """A finished city.

    Args:
        mesh: its triangles.
        grid: its streets.
        roof_height: the top of its highest building [m].
        sun: unit direction towards the sun.
    """

    mesh: CityMesh
    grid: StreetGrid
    roof_height: float
    sun: tuple[float, float, float]


def build_city(seed: int) -> City:
    """Build the city of a seed; equal seeds give equal cities."""
    plan_rng, fill_rng, traffic_rng, land_rng, sun_rng = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(5)
    )
    builder = CityMeshBuilder()
    grid = plan_streets(plan_rng, REACH)
    build_streets(builder, grid)
    _fill_blocks(builder, plan_rng, fill_rng, grid)
    for segment in grid.segments():
        _add_traffic(builder, traffic_rng, segment)
    for block in grid.blocks():
        _furnish_sidewalk(builder, traffic_rng, block)
    _add_traffic_lights(builder, grid)
    build_landscape(builder, land_rng, grid)
    mesh = builder.build()
    azimuth, elevation = sun_rng.uniform(0, 2 * np.pi), np.radians(sun_rng.uniform(42, 56))
    sun = (
        float(np.cos(azimuth) * np.cos(elevation)),
        float(np.sin(azimuth) * np.cos(elevation)),
        float(np.sin(elevation)),
    )
    building = mesh.class_of_object == [o.class_id for o in mesh.objects if o.class_name == "Building"][0]
    inside = np.abs(mesh.triangles[:, 0, :2]).max(axis=1) < grid.half_size
    roof_height = float(mesh.triangles[building[mesh.object_ids] & inside][..., 2].max())
    return City(mesh, grid, roof_height, sun)


def _fill_blocks(
    builder: CityMeshBuilder, plan_rng: np.random.Generator, rng: np.random.Generator, grid: StreetGrid
) -> None:
    """One park, one car park, two blocks of houses and two of offices, rows elsewhere; tall ones towards the middle."""
    blocks = grid.blocks()
    middle = len(blocks) // 2
    corners = [0, BLOCKS_PER_AXIS - 1, len(blocks) - BLOCKS_PER_AXIS, len(blocks) - 1]
    others = [i for i in plan_rng.permutation(len(blocks)) if i != middle and i not in corners]
    corners = [corners[i] for i in plan_rng.permutation(len(corners))]
    kinds = dict.fromkeys(range(len(blocks)), "row")
    kinds[middle] = str(plan_rng.choice(["office", "park", "row"], p=[0.5, 0.25, 0.25]))
    if kinds[middle] != "park":
        kinds[int(others.pop())] = "park"
    kinds[int(others.pop())] = "office"
    kinds[corners[0]] = "houses"
    kinds[corners[1]] = "car park"
    kinds[int(others.pop() if plan_rng.random() < 0.5 else corners[2])] = "houses"
    for i, block in enumerate(blocks):
        site = BlockSite(block, bool(rng.random() < 0.5))
        central = i not in corners
        if kinds[i] == "park":
            build_park_block(builder, rng, site)
        elif kinds[i] == "car park":
            build_car_park_block(builder, rng, site)
        elif kinds[i] == "houses":
            build_house_block(builder, rng, site)
        elif kinds[i] == "office":
            build_office_block(builder, rng, site, (5, TALLEST_STOREYS))
        else:
            build_row_block(builder, rng, site, (3, 5) if central else (2, 4))


def _add_traffic(builder: CityMeshBuilder, rng: np.random.Generator, segment: Segment) -> None:
    """Moving vehicles in the lanes, keeping to the right, and parked ones at the kerbs."""
    street, frame = segment.street, segment.frame
    in_town = all(segment.ends_in_crossing)
    start, end = (7.0, segment.length - 7.0) if in_town else (6.0, segment.length - 6.0)
    for offset in street.lane_offsets:
        x = start + float(rng.uniform(0, 14))
        while x < end:
            if in_town or rng.random() < 0.35:
                yaw = 0.0 if offset < 0 else np.pi
                add_vehicle(
                    builder, rng, frame.moved(x, offset + float(rng.uniform(-0.15, 0.15)), 0.0, yaw), parked=False
                )
            x += float(rng.uniform(13, 30))
    if not in_town:
        return
    bays = max(1, int((segment.length - 9.2) // 5.4))
    pitch = (segment.length - 9.2) / bays
    for side in (-1, 1):
        y = side * (street.width / 2 - PARKING_WIDTH / 2 - 0.05)
        for i in range(bays):
            if rng.random() < 0.5:
                yaw = 0.0 if side < 0 else np.pi
                add_vehicle(builder, rng, frame.moved(4.6 + (i + 0.5) * pitch, y, 0.0, yaw), parked=True)


def _furnish_sidewalk(builder: CityMeshBuilder, rng: np.random.Generator, block: Block) -> None:
    """Trees, lamps, bins, benches and a bus shelter around a block."""
    inset = 0.75
    sides = (
        (Frame(block.x0, block.y0 + inset, KERB_HEIGHT, 0.0), block.x1 - block.x0),
        (Frame(block.x1 - inset, block.y0, KERB_HEIGHT, np.pi / 2), block.y1 - block.y0),
        (Frame(block.x1, block.y1 - inset, KERB_HEIGHT, np.pi), block.x1 - block.x0),
        (Frame(block.x0 + inset, block.y1, KERB_HEIGHT, -np.pi / 2), block.y1 - block.y0),
    )
    for frame, length in sides:  # local x along the kerb, the street towards local -y
        trees = rng.random() < 0.6
        for i, x in enumerate(np.arange(4.5, length - 3.5, 4.0)):
            at = frame.moved(float(x), 0.0)
            if i % 3 == 1:
                add_street_lamp(builder, at.moved(0, 0, 0, -np.pi / 2))
            elif trees and rng.random() < 0.75:
                add_broadleaf(builder, rng, at, float(rng.uniform(4.2, 6.2)))
            elif rng.random() < 0.4:
                add_bin(builder, at, rng)
            elif rng.random() < 0.4:
                add_bench(builder, at.moved(0, 0.3))
        if rng.random() < 0.3:
            add_bus_shelter(builder, frame.moved(length / 2 + 2.0, SIDEWALK_WIDTH - inset - 0.9))


def _add_traffic_lights(builder: CityMeshBuilder, grid: StreetGrid) -> None:
    """A light for each approach of every crossing, on the right-hand kerb before it."""
    last = BLOCKS_PER_AXIS
    for i, along in enumerate(grid.along_y):
        for j, across in enumerate(grid.along_x):
            approaches = (
                (along.high + 0.6, across.low - 0.6, np.pi, j > 0 and i < last),
                (along.high + 0.6, across.high + 0.6, -np.pi / 2, i < last and j < last),
                (along.low - 0.6, across.high + 0.6, 0.0, j < last and i > 0),
                (along.low - 0.6, across.low - 0.6, np.pi / 2, i > 0 and j > 0),
            )
            for x, y, yaw, inside in approaches:
                if inside:
                    add_traffic_light(builder, Frame(x, y, KERB_HEIGHT, yaw), 3.6)
