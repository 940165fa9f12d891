import pytest

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.palettes import PALETTES, find_entry, palette, palette_entries


@pytest.mark.parametrize(
    ("name", "length", "tag", "class_name", "rgb"),
    [
        ("carla-0.9.9", 13, 2, "Fence", (190, 153, 153)),
        ("carla-0.9.9", 13, 3, "Other", (250, 170, 160)),
        ("carla-0.9.9", 13, 12, "TrafficSign", (220, 220, 0)),
        ("carla-0.9.10", 23, 2, "Fence", (100, 40, 40)),
        ("carla-0.9.10", 23, 3, "Other", (55, 90, 80)),
        ("carla-0.9.10", 23, 22, "Terrain", (145, 170, 100)),
        ("carla-0.9.14", 29, 1, "Road", (128, 64, 128)),
        ("carla-0.9.14", 29, 5, "Fence", (190, 153, 153)),
        ("carla-0.9.14", 29, 10, "Terrain", (152, 251, 152)),
        ("carla-0.9.14", 29, 14, "Car", (0, 0, 142)),
        ("carla-0.9.14", 29, 28, "GuardRail", (180, 165, 180)),
    ],
)
def test_tags_and_colours(name, length, tag, class_name, rgb):
    entries = palette(name)
    assert len(entries) == length
    assert [entry.tag for entry in entries] == list(range(length))
    assert (entries[tag].name, entries[tag].rgb) == (class_name, rgb)


@pytest.mark.parametrize("name", PALETTES)
def test_no_two_classes_of_a_palette_share_a_colour(name):
    assert len({entry.rgb for entry in palette(name)}) == len(palette(name))


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [("road line", "RoadLine"), ("ROAD_LINES", "RoadLine"), ("sidewalks", "SideWalk"), ("vehicle", "Vehicles"),
     ("car", "Vehicles"), ("Buildings", "Building")],
)  # fmt: skip
def test_names_are_matched_whatever_their_spelling(spelling, expected):
    assert find_entry(spelling, "carla-0.9.10").name == expected


def test_road_is_not_road_line():
    assert find_entry("Roads", "carla-0.9.10").name == "Road"


def test_names_the_palette_lacks_get_colours_of_their_own():
    names = ("Road", "Pergola", "Solar panel", "Vehicles", "Car")
    classes = palette_entries(names, "carla-0.9.10")
    assert [entry.id for entry in classes] == [0, 1, 2, 3, 4]
    assert classes[0].rgb == (128, 64, 128) and classes[0].carla_tag == 7
    assert classes[1].carla_tag is None
    taken = {entry.rgb for entry in palette("carla-0.9.10")}
    assert classes[1].rgb not in taken and classes[2].rgb not in taken
    assert len({entry.rgb for entry in classes}) == 5  # Car and Vehicles are one entry of this palette
    assert palette_entries(names, "carla-0.9.10") == classes


def test_a_full_table_of_unknown_names_stays_distinguishable():
    table = ClassTable.from_names([f"thing {index}" for index in range(60)], "carla-0.9.14")
    assert len({entry.rgb for entry in table.classes}) == 60


def test_unknown_palette_lists_the_known_ones():
    with pytest.raises(InputError, match=r"carla-0\.9\.11.*carla-0\.9\.9, carla-0\.9\.10, carla-0\.9\.14"):
        palette("carla-0.9.11")


def test_colours_that_are_given_stay_and_nobody_else_gets_them():
    colours = {"Building": (128, 64, 128), "lamp": (1, 2, 3), "elsewhere": (70, 70, 70)}
    entries = palette_entries(["Road", "Building", "lamp", "Sky"], "carla-0.9.10", colours)
    assert [entry.rgb for entry in entries[1:]] == [(128, 64, 128), (1, 2, 3), (70, 130, 180)]
    assert entries[0].rgb not in {(128, 64, 128), (1, 2, 3), (70, 130, 180)}  # the palette's own road colour is taken
