import json
from pathlib import Path

import numpy as np
import pytest

from nerfseg_ns.benchmark.selection_objects import choose_objects
from nerfseg_ns.core.input_error import InputError


def scene(folder: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Two buildings (1 large, 2 small), a lawn with trees tagged as a building (3), and a car that tests miss (4)."""
    models = [(1, "house", 1), (2, "hut", 1), (3, "grass-trees", 1), (4, "car", 10), (5, "road", 7)]
    objects = [{"id": number, "model": model, "tag": tag} for number, model, tag in models]
    (folder / "classes.json").write_text(json.dumps({"classes": [], "objects": objects}))
    first, second = np.full((20, 20), 5, dtype=np.uint16), np.zeros((20, 20), dtype=np.uint16)
    first[2:9, 4:11] = 1
    first[12:15, 2:5] = 2
    first[12:18, 12:16] = 3
    second[0:4, 0:4] = 1
    second[10:16, 10:16] = 4
    test = np.zeros((20, 20), dtype=np.uint16)
    test[0:10, 0:10] = 1
    test[10:13, 0:4] = 2
    test[10:20, 10:20] = 3
    return [second, first], [np.zeros_like(test), test]


def test_the_largest_of_each_group_with_its_prompts(tmp_path: Path) -> None:
    train, test = scene(tmp_path)
    chosen = choose_objects(tmp_path, train, test, per_group=5, minimum_pixels=10)
    assert [(one.id, one.group) for one in chosen] == [(1, "buildings"), (2, "buildings"), (3, "plants and props")]
    house = chosen[0]
    assert (house.view, house.click, house.box, house.test_views) == (1, (7.5, 5.5), (4.0, 2.0, 11.0, 9.0), (1,))


def test_small_objects_and_further_ones_are_left_out(tmp_path: Path) -> None:
    train, test = scene(tmp_path)
    assert [one.id for one in choose_objects(tmp_path, train, test, 1, 13)] == [1, 3]
    with pytest.raises(InputError, match="shows 101 pixels"):
        choose_objects(tmp_path, train, test, 1, 101)
    (tmp_path / "classes.json").write_text('{"classes": []}')
    with pytest.raises(InputError, match="classes.json: cannot read its list of objects"):
        choose_objects(tmp_path, train, test, 1, 1)


def test_the_objects_of_the_demonstration_city_are_found_by_their_class(tmp_path: Path) -> None:
    from nerfseg_ns.scene.city_mesh import CityObject
    from nerfseg_ns.scene.scene_writer import write_classes

    train, test = scene(tmp_path)
    kinds = [("town_house", "Building"), ("house", "Building"), ("planter", "Static"), ("car", "Vehicles")]
    named = [CityObject(i, *kind) for i, kind in enumerate([*kinds, ("street", "Road")], start=1)]
    write_classes(tmp_path / "classes.json", tuple(named))
    chosen = choose_objects(tmp_path, train, test, per_group=5, minimum_pixels=10)
    assert [(one.model, one.group) for one in chosen] == [
        ("town_house", "buildings"),
        ("house", "buildings"),
        ("planter", "plants and props"),
    ]
