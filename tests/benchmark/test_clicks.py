"""What the row kind clicks finds to click in a scene, and its settings and table."""

from types import SimpleNamespace

import numpy as np
import pytest

from nerfseg_ns.benchmark.clicks import Clicks, clicks
from nerfseg_ns.benchmark.simulated_clicks import rightly_meant, simulated_clicks
from nerfseg_ns.core.input_error import InputError

IGNORE = 255


def two_views():
    """Ground of class 3 around all; object 1 (class 0) is largest in the second view, where 5 has no label."""
    first, second = np.zeros((2, 20, 20), dtype=np.uint16)
    first[0:6, 0:6], second[0:9, 0:9] = 1, 1
    first[10:15, 0:5] = 2
    first[10:14, 10:14] = 3
    first[18:20, 18:20] = 4
    second[12:20, 12:20] = 5
    classes = np.array([3, 0, 1, 1, 2, IGNORE], dtype=np.uint8)
    return [first, second], [classes[first], classes[second]]


def test_the_widest_objects_come_first_each_where_it_is_widest():
    instances, labels = two_views()
    found = simulated_clicks(instances, labels)
    # no object's pixels are a place in every view: 400 - 36 - 25 - 16 - 4, and 400 - 81 - 64
    assert [(c.object_id, c.class_id, c.view, c.pixels) for c in found] == [
        (0, 3, 1, 255),
        (0, 3, 0, 319),
        (1, 0, 1, 81),
        (2, 1, 0, 25),
        (3, 1, 0, 16),
        (4, 2, 0, 4),
    ]
    assert found[2].place == (4.5, 4.5)  # the middle of 9 pixels
    assert found[3].box == (0.0, 10.0, 5.0, 15.0)
    assert all(instances[c.view][int(c.place[1]), int(c.place[0])] == c.object_id for c in found)
    assert [c.width for c in found[2:]] == [5.0, 3.0, 2.0, 1.0]
    assert [c.object_id for c in simulated_clicks(instances, labels, minimum_pixels=17)] == [0, 0, 1, 2]


def test_a_long_thin_strip_is_not_clicked_where_the_same_thing_is_wide():
    street = np.zeros((2, 9, 20), dtype=np.uint16)
    street[0, 3:5], street[1, 2:7, 0:5] = 1, 1  # 40 pixels, two wide; and 25, five wide
    labels = np.where(street == 1, 0, IGNORE).astype(np.uint8)
    (click,) = simulated_clicks(list(street), list(labels))
    assert (click.view, click.width, click.pixels, click.place) == (1, 3.0, 25, (2.5, 4.5))


def test_classes_on_one_object_and_pieces_of_no_object_are_clicked_apart():
    """A tile of road (class 0) with two lines (class 1), and a strip of sky (class 2) in two pieces."""
    instances, labels = np.full((12, 20), 7, dtype=np.uint16), np.zeros((12, 20), dtype=np.uint8)
    labels[5, 2:8], labels[5, 10:14] = 1, 1
    instances[0:2], labels[0:2] = 0, 2
    instances[0:2, 8:10], labels[0:2, 8:10] = 7, 0
    found = simulated_clicks([instances], [labels])
    # 240 less 36 of sky and 10 of lines; the sky right of what reaches into it; left of it; the longer line
    assert [(c.object_id, c.class_id, c.pixels) for c in found] == [(7, 0, 194), (0, 2, 20), (0, 2, 16), (7, 1, 6)]
    assert found[3].box == (2.0, 5.0, 8.0, 6.0)
    line, both, alike = rightly_meant(found[3], instances, labels)
    assert (line.sum(), both.sum(), alike.sum()) == (6, 10, 6)
    assert [mask.sum() for mask in rightly_meant(found[1], instances, labels)] == [20, 20]  # no object to mean


def test_tiles_that_touch_may_be_meant_together():
    instances, labels = np.ones((4, 9), dtype=np.uint16), np.zeros((4, 9), dtype=np.uint8)
    instances[:, 4:], labels[:, 8:] = 2, 1
    tile = simulated_clicks([instances], [labels])[0]
    assert [int(mask.sum()) for mask in rightly_meant(tile, instances, labels)] == [16, 16, 32]


def test_settings():
    with pytest.raises(InputError, match="clicks 0: expected 1 or more"):
        Clicks("geometry", clicks=0)
    assert clicks.needed_rows(Clicks("geometry")) == ("geometry",)


def test_table():
    result = {
        "clicks": 30,
        "actions": {"clicks": 26, "boxes": 4, "granularities": 2},
        "found": 24,
        "given_up": {"Pole 1": "why", "Pole 2": "why"},
        "classes": 12,
        "classes_in_scene": 13,
        "pixels": 123456,
        "share": 0.4,
        "right": 0.96,
    }
    table = clicks.table([SimpleNamespace(name="city", result=result)], None)
    assert table.cells[0][1:5] == ["clicks", "of them boxes", "objects", "given up"]
    assert table.cells[1] == ["city", "30", "4", "24", "2", "12 of 13", "123,456 (40.0%)", "96.0%"]


def test_what_clicks_need_is_looked_for_before_anything_is_trained(tmp_path, monkeypatch):
    def lacking(name, device):
        raise InputError(f"the weights of {name} are not installed")

    with pytest.raises(InputError, match="instances: no such folder; expected the true object ids"):
        clicks.check(Clicks("geometry"), tmp_path)
    monkeypatch.setattr("nerfseg_ns.segmenters.registry.make_segmenter", lacking)
    for folder in (tmp_path / "made later", tmp_path):
        (tmp_path / "train" / "instances").mkdir(parents=True, exist_ok=True)
        with pytest.raises(InputError, match="weights of mobile-sam are not installed"):
            clicks.check(Clicks("geometry"), folder)
