"""The street grid: roadways, lane marks, kerbs and sidewalks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nerfseg_ns.scene.city_mesh import CityMeshBuilder, Colour, Material
from nerfseg_ns.scene.solids import Frame, Look, add_box, add_face, rectangle

BLOCKS_PER_AXIS = 3
SIDEWALK_WIDTH = 2.4
KERB_HEIGHT = 0.15
CORNER_RADIUS = 2.2
PARKING_WIDTH = 1.95
MARK_HEIGHT = 0.02
WHITE: Colour = (0.74, 0.74, 0.71)
YELLOW: Colour = (0.72, 0.50, 0.10)


@dataclass(frozen=True)
class Street:
    """One straight street.

    Args:
        centre: coordinate of its axis [m].
        width: kerb to kerb [m].
        lanes: driving lanes, both directions together.
        reaches_out: it goes on into the countryside.
    """

    centre: float
    width: float
    lanes: int
    reaches_out: bool

    @property
    def low(self) -> float:
        """Coordinate of the lower kerb."""
        return self.centre - self.width / 2

    @property
    def high(self) -> float:
        """Coordinate of the upper kerb."""
        return self.centre + self.width / 2

    @property
    def lane_offsets(self) -> list[float]:
        """Distances of the lane axes from the street axis, negative ones first."""
        lane = (self.width - 2 * PARKING_WIDTH) / self.lanes
        return [(i + 0.5 - self.lanes / 2) * lane for i in range(self.lanes)]


@dataclass(frozen=True)
class Block:
    """A rectangle between kerbs [m]."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def lot(self) -> tuple[float, float, float, float]:
        """What is left inside the sidewalk: x0, y0, x1, y1."""
        s = SIDEWALK_WIDTH
        return self.x0 + s, self.y0 + s, self.x1 - s, self.y1 - s


@dataclass(frozen=True)
class Segment:
    """A stretch of street between two crossings (or a crossing and the open country).

    Args:
        street: what it is a part of.
        frame: local x runs along it, from 0 to ``length``; local y is 0 on its axis.
        length: metres.
        ends_in_crossing: whether a crossing lies at local x = 0 and at x = length.
    """

    street: Street
    frame: Frame
    length: float
    ends_in_crossing: tuple[bool, bool]


@dataclass(frozen=True)
class StreetGrid:
    """Streets along y (at given x) and along x (at given y)."""

    along_y: tuple[Street, ...]
    along_x: tuple[Street, ...]
    reach: float

    @property
    def half_size(self) -> float:
        """Half the side of the built-up square [m]."""
        return max(abs(s.low) for s in (self.along_x[0], self.along_y[0]))

    def blocks(self) -> list[Block]:
        """Row by row from the south-west."""
        return [
            Block(a.high, c.high, b.low, d.low)
            for c, d in zip(self.along_x[:-1], self.along_x[1:])
            for a, b in zip(self.along_y[:-1], self.along_y[1:])
        ]

    def segments(self) -> Iterator[Segment]:
        """Every stretch between crossings, then those that lead out of town."""
        for streets, crossing, yaw in ((self.along_x, self.along_y, 0.0), (self.along_y, self.along_x, np.pi / 2)):
            for street in streets:
                spans = [(a.high, b.low, (True, True)) for a, b in zip(crossing[:-1], crossing[1:])]
                if street.reaches_out:
                    spans += [
                        (-self.reach, crossing[0].low, (False, True)),
                        (crossing[-1].high, self.reach, (True, False)),
                    ]
                for start, end, ends in spans:
                    at = (start, street.centre) if yaw == 0.0 else (street.centre, start)
                    yield Segment(street, Frame(at[0], at[1], 0.0, yaw), end - start, ends)


def plan_streets(rng: np.random.Generator, reach: float) -> StreetGrid:
    """Draw a grid of blocks of varied size with one avenue each way; ``reach`` [m] is how far streets lead out."""

    def one_axis() -> tuple[Street, ...]:
        blocks = rng.uniform(33.0, 42.0, BLOCKS_PER_AXIS)
        avenue = int(rng.integers(1, BLOCKS_PER_AXIS))
        widths = np.full(BLOCKS_PER_AXIS + 1, 9.2)
        widths[avenue] = 14.2
        total = float(blocks.sum() + widths.sum())
        streets, low = [], -total / 2
        for i, width in enumerate(widths):
            streets.append(Street(low + width / 2, float(width), 4 if i == avenue else 2, i == avenue))
            low += width + (blocks[i] if i < BLOCKS_PER_AXIS else 0.0)
        return tuple(streets)

    return StreetGrid(one_axis(), one_axis(), reach)


def build_streets(builder: CityMeshBuilder, grid: StreetGrid) -> None:
    """Add roadways, marks, sidewalks and kerbs."""
    asphalt = Look(Material.ASPHALT, (0.105, 0.105, 0.11))
    country_asphalt = Look(Material.ASPHALT, (0.17, 0.165, 0.16))
    for along in grid.along_y:
        for across in grid.along_x:
            road = builder.add_object("crossing", "Road")
            r = CORNER_RADIUS
            corners = rectangle(along.low - r, across.low - r, along.high + r, across.high + r)
            add_face(builder, road, Frame(), [(x, y, 0.0) for x, y in corners], asphalt)
    for segment in grid.segments():
        road = builder.add_object("street", "Road")
        half, ends = segment.street.width / 2, segment.ends_in_crossing
        x0, x1 = CORNER_RADIUS * ends[0], segment.length - CORNER_RADIUS * ends[1]
        look = asphalt if all(ends) else country_asphalt
        add_face(builder, road, segment.frame, [(x, y, 0.0) for x, y in rectangle(x0, -half, x1, half)], look)
        _mark_segment(builder, segment)
    for block in grid.blocks():
        _build_sidewalk(builder, block)
    _build_outer_sidewalks(builder, grid)


def _mark_segment(builder: CityMeshBuilder, segment: Segment) -> None:
    marks = builder.add_object("lane_marks", "RoadLine")
    street, frame = segment.street, segment.frame

    def mark(x0: float, x1: float, y0: float, y1: float, colour: Colour = WHITE) -> None:
        corners = [(x, y, MARK_HEIGHT) for x, y in rectangle(x0, y0, x1, y1)]
        add_face(builder, marks, frame, corners, Look(Material.ROAD_MARK, colour))

    def dashes(y: float, colour: Colour) -> None:
        for x in np.arange(start + 1.0, end - 2.0, 5.0):
            mark(x, x + 2.2, y - 0.14, y + 0.14, colour)

    start, end = 0.0, segment.length
    half_drive = street.width / 2 - PARKING_WIDTH
    for at_end in (False, True):
        if not segment.ends_in_crossing[at_end]:
            continue
        near, sign = (segment.length, -1.0) if at_end else (0.0, 1.0)
        for y in np.arange(-street.width / 2 + 0.7, street.width / 2 - 0.6, 1.3):
            a, b = sorted((near + sign * 0.5, near + sign * 3.0))
            mark(a, b, y, y + 0.65)
        a, b = sorted((near + sign * 3.9, near + sign * 4.4))
        approach = (-half_drive, -0.2) if at_end else (0.2, half_drive)  # traffic keeps to the right
        mark(a, b, *approach)
        if at_end:
            end -= 4.6
        else:
            start += 4.6
    if street.lanes > 2:
        for y in (-0.32, 0.32):
            mark(start, end, y - 0.14, y + 0.14, YELLOW)
        lane = 2 * half_drive / street.lanes
        for i in range(1, street.lanes):
            if i != street.lanes // 2:
                dashes(-half_drive + i * lane, WHITE)
    else:
        dashes(0.0, YELLOW)
    for y in (-half_drive, half_drive):
        if all(segment.ends_in_crossing):
            mark(start, end, y - 0.08, y + 0.08)
            bays = max(1, int((end - start) // 5.4))
            for x in np.linspace(start, end, bays + 1):
                mark(x - 0.08, x + 0.08, min(y, np.sign(y) * street.width / 2), max(y, np.sign(y) * street.width / 2))
        else:
            mark(start, end, y - 0.12, y + 0.12)


def rounded_rectangle(
    x0: float, y0: float, x1: float, y1: float, radius: float, steps: int = 6
) -> list[tuple[float, float]]:
    """Counter-clockwise outline with ``steps`` + 1 points at each corner."""
    outline = []
    centres = (
        (x1 - radius, y0 + radius),
        (x1 - radius, y1 - radius),
        (x0 + radius, y1 - radius),
        (x0 + radius, y0 + radius),
    )
    for quarter, (cx, cy) in enumerate(centres):
        for angle in (quarter - 1 + np.arange(steps + 1) / steps) * np.pi / 2:
            outline.append((cx + radius * float(np.cos(angle)), cy + radius * float(np.sin(angle))))
    return outline


def _build_sidewalk(builder: CityMeshBuilder, block: Block) -> None:
    walk = builder.add_object("sidewalk", "SideWalk")
    paving = Look(Material.PAVING, (0.38, 0.365, 0.34))
    kerb = Look(Material.CONCRETE, (0.50, 0.49, 0.47))
    rim = 0.25
    outer = rounded_rectangle(block.x0, block.y0, block.x1, block.y1, CORNER_RADIUS)
    inset = (block.x0 + rim, block.y0 + rim, block.x1 - rim, block.y1 - rim)
    middle = rounded_rectangle(*inset, CORNER_RADIUS - rim)
    inner = rounded_rectangle(*block.lot, 0.0)
    count = len(outer)
    for i in range(count):
        j = (i + 1) % count
        sides = (
            (outer[i], outer[j], 0.0, outer[j], outer[i], KERB_HEIGHT, kerb),
            (outer[i], outer[j], KERB_HEIGHT, middle[j], middle[i], KERB_HEIGHT, kerb),
            (middle[i], middle[j], KERB_HEIGHT, inner[j], inner[i], KERB_HEIGHT, paving),
        )
        for a, b, z_ab, c, d, z_cd, look in sides:
            add_face(builder, walk, Frame(), [(*a, z_ab), (*b, z_ab), (*c, z_cd), (*d, z_cd)], look)


def _build_outer_sidewalks(builder: CityMeshBuilder, grid: StreetGrid) -> None:
    """A strip of sidewalk along the outside of the ring of streets."""
    paving = Look(Material.PAVING, (0.38, 0.365, 0.34))
    kerb = Look(Material.CONCRETE, (0.50, 0.49, 0.47))
    frames = (
        (grid.along_y, grid.along_x[0].low, 0.0, -1.0),
        (grid.along_y, grid.along_x[-1].high, 0.0, 1.0),
        (grid.along_x, grid.along_y[0].low, np.pi / 2, 1.0),
        (grid.along_x, grid.along_y[-1].high, np.pi / 2, -1.0),
    )
    for crossing, at, yaw, outward in frames:
        gaps = [(s.low, s.high) for s in crossing if s.reaches_out]
        starts = [crossing[0].low] + [high for _, high in gaps]
        ends = [low for low, _ in gaps] + [crossing[-1].high]
        for start, end in zip(starts, ends):
            walk = builder.add_object("sidewalk", "SideWalk")
            frame = Frame(0.0, at, 0.0, 0.0) if yaw == 0.0 else Frame(at, 0.0, 0.0, yaw)
            y0, y1 = sorted((0.0, outward * 2.0))
            add_box(builder, walk, frame, (start, y0, 0.0), (end, y1, KERB_HEIGHT), kerb, paving)
