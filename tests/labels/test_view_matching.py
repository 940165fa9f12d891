from pathlib import Path

import pytest

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.labels.drawn_labels import DrawnLabels
from nerfseg_ns.labels.import_notes import ImportNotes
from nerfseg_ns.labels.label_target import TargetView
from nerfseg_ns.labels.view_matching import matched


def views(*names):
    return [TargetView(name, Path(f"{name}.jpg"), Path(f"labels/{name}.png")) for name in names]


def labels(*names):
    return [DrawnLabels(name, f"{name}.json", (), None) for name in names]


def pairs(images, of_scene, notes=None):
    return [(view.name, image.name) for view, image in matched(images, of_scene, "the scene", notes)]


def test_stems_are_compared_without_folders_and_suffixes():
    found = pairs(labels("b.PNG", "..\\shots\\a.v2.jpg"), views("images/a.v2", "images/b", "images/c"))
    assert found == [("images/a.v2", "..\\shots\\a.v2.jpg"), ("images/b", "b.PNG")]


def test_views_of_one_name_are_told_apart_by_their_folders():
    of_scene = views("images/left/001", "images/right/001")
    assert pairs(labels("x/right/001.png"), of_scene) == [("images/right/001", "x/right/001.png")]
    with pytest.raises(InputError, match="can be each of images/left/001, images/right/001"):
        pairs(labels("001.png"), of_scene)


def test_labels_without_an_image_are_named_with_near_matches():
    with pytest.raises(InputError, match=r"IMG_01O.jpg.json: 2 of 3 .*: IMG_01O.jpg, z.jpg.* did you mean .*IMG_010"):
        pairs(labels("IMG_01O.jpg", "z.jpg", "IMG_011.jpg"), views("IMG_010", "IMG_011"))


def test_labels_without_an_image_can_be_left_out():
    notes = ImportNotes()
    assert pairs(labels("z.jpg", "a.jpg"), views("a"), notes) == [("a", "a.jpg")]
    assert notes.lines() == ["labelled images that are not in the scene, left out (1): z.jpg"]


def test_two_labels_of_one_view():
    with pytest.raises(InputError, match=r"b/a.png.json: labels of b/a.png, and a.jpg.json has labels of a.jpg: both"):
        pairs(labels("a.jpg", "b/a.png"), views("a"))
