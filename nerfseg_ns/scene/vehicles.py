"""Cars, vans, lorries and buses; local x is forward, the origin lies on the ground below the middle."""

import numpy as np

from nerfseg_ns.scene.city_mesh import CityMeshBuilder, Colour, Material
from nerfseg_ns.scene.solids import Frame, Look, add_box, add_frustum, rectangle, regular_polygon

PAINTS: tuple[Colour, ...] = (
    (0.75, 0.75, 0.74),
    (0.08, 0.08, 0.09),
    (0.42, 0.43, 0.45),
    (0.55, 0.05, 0.04),
    (0.05, 0.13, 0.42),
    (0.72, 0.48, 0.05),
    (0.10, 0.27, 0.16),
    (0.62, 0.60, 0.52),
    (0.30, 0.07, 0.09),
    (0.14, 0.33, 0.45),
)
GLASS = Look(Material.PAINT, (0.045, 0.06, 0.075))
TYRE = Look(Material.PAINT, (0.03, 0.03, 0.03))
HEAD_LIGHT = Look(Material.PAINT, (0.85, 0.84, 0.75))
TAIL_LIGHT = Look(Material.PAINT, (0.50, 0.02, 0.02))


def _wheels(
    builder: CityMeshBuilder, vehicle: int, frame: Frame, xs: tuple[float, ...], half_width: float, radius: float
) -> None:
    """Wheels as short eight-sided prisms with their axles across."""
    profile = regular_polygon(radius, 8)
    for x in xs:
        for side in (-1.0, 1.0):
            inner, outer = side * (half_width - 0.22), side * (half_width + 0.03)
            ends = (min(inner, outer), max(inner, outer))
            for i in range(8):
                (a, b), (c, d) = profile[i], profile[(i + 1) % 8]
                quad = [
                    (x + a, ends[0], b + radius),
                    (x + a, ends[1], b + radius),
                    (x + c, ends[1], d + radius),
                    (x + c, ends[0], d + radius),
                ]
                points = frame.to_world(np.array(quad))
                builder.add_triangles(points[[[0, 1, 2], [0, 2, 3]]], vehicle, _tyre_surface(builder))
            cap = frame.to_world(np.array([(x + a, outer, b + radius) for a, b in profile]))
            fan = [[0, i + 1, i] if side > 0 else [0, i, i + 1] for i in range(1, 7)]
            builder.add_triangles(cap[fan], vehicle, _tyre_surface(builder))


def _tyre_surface(builder: CityMeshBuilder) -> int:
    return builder.add_surface(TYRE.surface(np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (1.0, 1.0)))


def _lights(
    builder: CityMeshBuilder, vehicle: int, frame: Frame, front: float, back: float, half_width: float, z: float
) -> None:
    for y in (-half_width + 0.28, half_width - 0.28):
        add_box(builder, vehicle, frame, (front - 0.02, y - 0.2, z - 0.1), (front + 0.04, y + 0.2, z + 0.1), HEAD_LIGHT)
        add_box(builder, vehicle, frame, (back - 0.04, y - 0.2, z - 0.05), (back + 0.02, y + 0.2, z + 0.15), TAIL_LIGHT)


def _body(
    builder: CityMeshBuilder,
    vehicle: int,
    frame: Frame,
    x: tuple[float, float],
    hw: float,
    z: tuple[float, float, float],
    paint: Look,
) -> None:
    """A hull: lower part upright, shoulders drawn in a little."""
    low = rectangle(x[0], -hw, x[1], hw)
    high = rectangle(x[0] + 0.12, -hw + 0.1, x[1] - 0.18, hw - 0.1)
    add_frustum(builder, vehicle, frame, low, z[0], z[1], paint)
    add_frustum(builder, vehicle, frame, low, z[1], z[2], paint, paint, high)


def add_car(builder: CityMeshBuilder, rng: np.random.Generator, frame: Frame) -> None:
    """A saloon, an estate car or a hatchback."""
    car = builder.add_object("car", "Vehicles")
    paint = Look(Material.PAINT, PAINTS[int(rng.integers(len(PAINTS)))])
    half, hw = float(rng.uniform(1.95, 2.3)), 0.9
    _body(builder, car, frame, (-half, half), hw, (0.28, 0.68, 0.92), paint)
    kind = int(rng.integers(3))
    rear = (-half + 0.75, -half + 1.25) if kind == 0 else (-half + 0.12, -half + 0.55)
    front = (half - 0.95, half - 1.75)
    cabin, roof = rectangle(rear[0], -0.78, front[0], 0.78), rectangle(rear[1], -0.62, front[1], 0.62)
    add_frustum(builder, car, frame, cabin, 0.90, 1.42, GLASS, paint, roof)
    _wheels(builder, car, frame, (-half + 0.75, half - 0.8), hw, 0.32)
    _lights(builder, car, frame, half, -half, hw, 0.62)
    if rng.random() < 0.12:  # a taxi sign
        add_box(builder, car, frame, (-0.45, -0.3, 1.42), (-0.15, 0.3, 1.6), Look(Material.PAINT, (0.8, 0.65, 0.1)))


def add_van(builder: CityMeshBuilder, rng: np.random.Generator, frame: Frame) -> None:
    """A delivery van with a sloping front."""
    van = builder.add_object("van", "Vehicles")
    paint = Look(Material.PAINT, PAINTS[int(rng.integers(len(PAINTS)))] if rng.random() < 0.5 else (0.76, 0.76, 0.75))
    _body(builder, van, frame, (-2.6, 2.6), 1.0, (0.35, 0.9, 1.15), paint)
    low, high = rectangle(-2.5, -0.95, 2.1, 0.95), rectangle(-2.42, -0.85, 1.0, 0.85)
    add_frustum(builder, van, frame, low, 1.1, 2.2, paint, paint, high)
    add_frustum(
        builder,
        van,
        frame.moved(0.06, 0),
        rectangle(0.5, -0.97, 2.1, 0.97),
        1.2,
        1.85,
        GLASS,
        None,
        rectangle(0.5, -0.91, 1.42, 0.91),
    )
    _wheels(builder, van, frame, (-1.7, 1.75), 1.0, 0.36)
    _lights(builder, van, frame, 2.6, -2.6, 1.0, 0.75)


def add_lorry(builder: CityMeshBuilder, rng: np.random.Generator, frame: Frame) -> None:
    """A cab and a box."""
    lorry = builder.add_object("lorry", "Vehicles")
    paint = Look(Material.PAINT, PAINTS[int(rng.integers(len(PAINTS)))])
    box = Look(Material.PAINT, (0.78, 0.77, 0.74) if rng.random() < 0.6 else PAINTS[int(rng.integers(len(PAINTS)))])
    add_box(builder, lorry, frame, (-3.7, -1.15, 0.5), (3.6, 1.15, 0.8), Look(Material.PAINT, (0.12, 0.12, 0.12)))
    add_box(builder, lorry, frame, (-3.7, -1.2, 0.8), (1.7, 1.2, 3.1), box)
    _body(builder, lorry, frame, (1.95, 3.75), 1.12, (0.45, 1.3, 1.5), paint)
    add_frustum(
        builder,
        lorry,
        frame,
        rectangle(1.97, -1.06, 3.6, 1.06),
        1.45,
        2.5,
        GLASS,
        paint,
        rectangle(2.05, -1.0, 3.15, 1.0),
    )
    _wheels(builder, lorry, frame, (-2.5, 2.9), 1.15, 0.46)
    _lights(builder, lorry, frame, 3.75, -3.7, 1.12, 0.85)


def add_bus(builder: CityMeshBuilder, rng: np.random.Generator, frame: Frame) -> None:
    """A city bus with a band of windows and hatches on its roof."""
    bus = builder.add_object("bus", "Vehicles")
    paint = Look(Material.PAINT, PAINTS[int(rng.choice([3, 4, 5, 6]))])
    pale = Look(Material.PAINT, (0.74, 0.74, 0.72))
    add_box(builder, bus, frame, (-5.0, -1.22, 0.35), (5.0, 1.22, 1.25), paint)
    add_box(builder, bus, frame, (-4.97, -1.19, 1.25), (4.97, 1.19, 2.2), GLASS)
    add_box(builder, bus, frame, (-5.0, -1.22, 2.2), (5.0, 1.22, 2.85), paint, pale)
    for x in (-3.0, 0.2, 3.0):
        add_box(builder, bus, frame, (x - 0.6, -0.6, 2.85), (x + 0.6, 0.6, 3.02), Look(Material.PAINT, (0.5, 0.5, 0.5)))
    _wheels(builder, bus, frame, (-3.2, 3.2), 1.22, 0.46)
    _lights(builder, bus, frame, 5.0, -5.0, 1.22, 0.7)


def add_vehicle(builder: CityMeshBuilder, rng: np.random.Generator, frame: Frame, parked: bool) -> None:
    """A vehicle of a random kind; parked ones fit a bay."""
    kind = rng.random()
    if kind < 0.78 or (parked and kind > 0.93):
        add_car(builder, rng, frame)
    elif kind < 0.9 or parked:
        add_van(builder, rng, frame)
    elif kind < 0.96:
        add_lorry(builder, rng, frame)
    else:
        add_bus(builder, rng, frame)
