"""The named CARLA palettes: tags, names and colours of the simulator's semantic classes.

CARLA changed its set twice, and the three sets disagree on tags and on colours, so a palette is always named.
"""

import colorsys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nerfseg_ns.core.class_table import SemanticClass
from nerfseg_ns.core.input_error import InputError

Colour = tuple[int, int, int]

DEFAULT_PALETTE = "carla-0.9.10"
"""The palette of Carla-MVS, and the one whose tags :attr:`SemanticClass.carla_tag` holds."""

UNLABELLED_COLOUR: Colour = (0, 0, 0)
"""What every CARLA palette paints where there is no class."""


@dataclass(frozen=True)
class PaletteEntry:
    """One class of the simulator: its tag in the red channel of a raw image, its name, its display colour."""

    tag: int
    name: str
    rgb: Colour


_COLOURS: dict[str, Colour] = {
    "Unlabeled": UNLABELLED_COLOUR,
    "Building": (70, 70, 70),
    "Fence": (100, 40, 40),
    "Other": (55, 90, 80),
    "Pedestrian": (220, 20, 60),
    "Pole": (153, 153, 153),
    "RoadLine": (157, 234, 50),
    "Road": (128, 64, 128),
    "SideWalk": (244, 35, 232),
    "Vegetation": (107, 142, 35),
    "Vehicles": (0, 0, 142),
    "Wall": (102, 102, 156),
    "TrafficSign": (220, 220, 0),
    "Sky": (70, 130, 180),
    "Ground": (81, 0, 81),
    "Bridge": (150, 100, 100),
    "RailTrack": (230, 150, 140),
    "GuardRail": (180, 165, 180),
    "TrafficLight": (250, 170, 30),
    "Static": (110, 190, 160),
    "Dynamic": (170, 120, 50),
    "Water": (45, 60, 150),
    "Terrain": (145, 170, 100),
}
_FIRST_13 = tuple(_COLOURS)[:13]
_NEWEST_COLOURS: dict[str, Colour] = {
    **_COLOURS,
    "Fence": (190, 153, 153),
    "Terrain": (152, 251, 152),
    "Rider": (255, 0, 0),
    "Car": _COLOURS["Vehicles"],
    "Truck": (0, 0, 70),
    "Bus": (0, 60, 100),
    "Train": (0, 80, 100),
    "Motorcycle": (0, 0, 230),
    "Bicycle": (119, 11, 32),
}
_NEWEST_NAMES = (
    "Unlabeled Road SideWalk Building Wall Fence Pole TrafficLight TrafficSign Vegetation Terrain Sky Pedestrian Rider "
    "Car Truck Bus Train Motorcycle Bicycle Static Dynamic Other Water RoadLine Ground Bridge RailTrack GuardRail"
).split()


def _entries(names: Sequence[str], colours: dict[str, Colour]) -> tuple[PaletteEntry, ...]:
    return tuple(PaletteEntry(tag, name, colours[name]) for tag, name in enumerate(names))


PALETTES: dict[str, tuple[PaletteEntry, ...]] = {
    "carla-0.9.9": _entries(_FIRST_13, {**_COLOURS, "Fence": (190, 153, 153), "Other": (250, 170, 160)}),
    "carla-0.9.10": _entries(tuple(_COLOURS), _COLOURS),
    "carla-0.9.14": _entries(_NEWEST_NAMES, _NEWEST_COLOURS),
}
"""Keys are the first (``carla-0.9.10``, ``carla-0.9.14``) or last (``carla-0.9.9``) release of each set:
up to 0.9.9, 0.9.10 to 0.9.13, from 0.9.14 on."""

_ALIASES = {"vehicle": "car", "car": "vehicle"}


def _key(name: str) -> str:
    """A spelling-tolerant form: ``Road lines``, ``road_line`` and ``RoadLine`` are one name."""
    letters = "".join(character for character in name.lower() if character.isalnum())
    return letters[:-1] if letters.endswith("s") else letters


def palette(name: str) -> tuple[PaletteEntry, ...]:
    """The entries of a named palette, in the order of their tags.

    Raises:
        InputError: there is no palette of that name.
    """
    if name not in PALETTES:
        raise InputError(f"palette {name!r} does not exist; choose one of {', '.join(PALETTES)}")
    return PALETTES[name]


def find_entry(class_name: str, palette_name: str) -> PaletteEntry | None:
    """The palette's entry for a class name, whatever its case, spaces, underscores or plural; None without one."""
    entries = {_key(entry.name): entry for entry in palette(palette_name)}
    key = _key(class_name)
    return entries.get(key) or entries.get(_ALIASES.get(key, ""))


def name_of_colour(rgb: Colour, palette_name: str) -> str | None:
    """The name that a palette gives a colour, or None."""
    return next((entry.name for entry in palette(palette_name) if entry.rgb == rgb), None)


def palette_entries(
    names: Sequence[str], palette_name: str, colours: Mapping[str, Colour] | None = None
) -> tuple[SemanticClass, ...]:
    """Classes with the colours of a palette, ids in the order of the names.

    Names that the palette lacks, and further names of an entry already taken, get colours of their own: no two
    classes share a colour, so that colour label images can be decoded.

    Args:
        names: class names in the order of their ids.
        palette_name: a key of :data:`PALETTES`.
        colours: of the names that have one already; they keep it, and no other name gets it.
    """
    given = {name: colour for name, colour in (colours or {}).items() if name in names}
    taken: list[Colour] = list(given.values())
    found: list[Colour | None] = []
    for name in names:
        if name in given:
            found.append(given[name])
            continue
        entry = find_entry(name, palette_name)
        colour = entry.rgb if entry is not None and entry.rgb not in taken else None
        found.append(colour)
        if colour is not None:
            taken.append(colour)
    others = _distinct_colours(taken + [entry.rgb for entry in palette(palette_name)])
    classes = []
    for index, (name, colour) in enumerate(zip(names, found)):
        if colour is None:
            colour = next(others)
        tagged = find_entry(name, DEFAULT_PALETTE)
        classes.append(SemanticClass(index, name, colour, tagged.tag if tagged is not None else None))
    return tuple(classes)


def _distinct_colours(used: Sequence[Colour]) -> Iterator[Colour]:
    """Of 360 hues and tones the one farthest (city-block distance in RGB) from every colour in use, again and again.

    Args:
        used: before the first; each colour that is given counts as well from then on.
    """
    candidates = []
    for step in range(360):
        hue = step * 0.618033988749895 % 1.0  # golden ratio: consecutive candidates differ strongly
        value = (1.0, 0.8, 0.6)[step % 3]
        red, green, blue = colorsys.hsv_to_rgb(hue, 0.85 if step % 2 else 0.55, value)
        candidates.append((round(red * 255), round(green * 255), round(blue * 255)))

    def apart(colour: Colour, other: Colour) -> int:
        return sum(abs(a - b) for a, b in zip(colour, other))

    nearest = [min(apart(colour, other) for other in used) for colour in candidates]
    while True:
        chosen = candidates[nearest.index(max(nearest))]
        yield chosen
        nearest = [min(distance, apart(colour, chosen)) for distance, colour in zip(nearest, candidates)]
