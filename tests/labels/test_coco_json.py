import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from nerfseg_ns.core.input_error import InputError

SQUARE = [1, 0, 3, 0, 3, 2, 1, 2]
MASK = np.array([[0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]], dtype=np.uint8)


def test_polygons(coco, painted):
    path = coco({"segmentation": [SQUARE, [0, 2, 1, 2, 1, 3, 0, 3]]})
    assert painted(path, 4, 3) == (["Car", "Road"], [".00.", ".00.", "0..."])  # categories 2 and 5


def test_a_polygon_that_is_not_in_a_list(coco, painted):
    assert painted(coco({"segmentation": SQUARE}), 4, 3)[1] == [".00.", ".00.", "...."]


def test_runs_as_a_list(coco, painted):
    path = coco({"segmentation": {"size": [3, 4], "counts": [3, 1, 2, 2, 4]}, "iscrowd": 1})
    assert painted(path, 4, 3)[1] == [".00.", "..0.", "...."]


def test_compressed_runs_of_pycocotools(coco, painted):
    runs = coco_mask.encode(np.asfortranarray(MASK))
    path = coco({"segmentation": {"size": runs["size"], "counts": runs["counts"].decode()}})
    assert painted(path, 4, 3)[1] == [".00.", "..0.", "...."]


def test_runs_of_nothing(coco, painted):
    assert painted(coco({"segmentation": {"size": [3, 4], "counts": [12]}}), 4, 3)[1] == ["....", "....", "...."]


def test_boxes_are_filled_when_asked_for(coco, read, painted):
    path = coco({"segmentation": [], "bbox": [1, 0, 2, 2]})
    with pytest.raises(InputError, match="annotation 1: it has a box and no outline; give --boxes"):
        read(path)
    assert painted(path, 4, 3, boxes=True)[1] == [".00.", ".00.", "...."]


def test_several_files_and_categories_of_one_name(coco, tmp_path, read):
    folder = tmp_path / "roboflow"
    for name, image, categories in (
        ("train", "a.jpg", [{"id": 9, "name": "Tree"}, {"id": 1, "name": "Car"}]),
        ("valid", "b.jpg", [{"id": 1, "name": "Tree"}, {"id": 0, "name": "Water"}]),
    ):
        record = json.loads(coco().read_text()) | {"categories": categories, "annotations": []}
        record["images"][0]["file_name"] = image
        (folder / name).mkdir(parents=True)
        (folder / name / "_annotations.coco.json").write_text(json.dumps(record))
    name, source = read(folder)
    assert name == "coco" and source.names == ("Car", "Tree", "Water")
    assert [image.name for image in source.images] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"segmentation": {"size": [3, 4], "counts": [3, 1]}}, "add up to 4 pixels, but the mask of 4x3 has 12"),
        ({"segmentation": {"size": [3, 4], "counts": "31"}}, "add up to 4 pixels"),
        ({"segmentation": {"size": [3, 4], "counts": "3\x7f"}}, "character 2"),
        ({"segmentation": {"size": [4, 3], "counts": [12]}}, r"of size \[4, 3\] \(height, width\).* 4x3 pixels"),
        ({"segmentation": {"size": [3, 4]}}, '"counts" must be'),
        ({"segmentation": [[1, 0, 3, 0, 3]]}, "must be a list x, y"),
        ({"segmentation": [[1, 0, 3, 0]]}, "2 points"),
        ({"segmentation": [[1, 0, 3, "b", 3, 2]]}, "expected points"),
        ({}, "it has no segmentation"),
        ({"segmentation": [SQUARE], "image_id": 9}, "there is no image 9"),
        ({"segmentation": [SQUARE], "category_id": 7}, "there is no category 7"),
        ({"segmentation": [[5, 0, 9, 0, 9, 2, 5, 2]]}, r"\(Car on 000.png\): the shape lies outside"),
    ],
)
def test_bad_annotations_are_named(coco, entry, message, painted):
    with pytest.raises(InputError, match=message) as error:
        painted(coco({"segmentation": [SQUARE]}, entry), 4, 3)
    assert "instances.json, annotation 2" in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}, '"categories" must be records'),
        ({"categories": [{"id": 1}]}, '"categories" must be records'),
        ({"images": [{"id": 1, "file_name": "a"}]}, "image 1: width is None"),
        ({"images": [{"id": 1, "width": 4, "height": 3}]}, "image 1: expected"),
        ({"images": [{"id": 1, "file_name": "a", "width": 4, "height": 3}] * 2}, "the id is that of a already"),
        ({"images": ["a"]}, "image a: expected"),
        ({"annotations": ["a"]}, "annotation 1: expected a record"),
        ({"annotations": None}, "no COCO file"),
    ],
)
def test_bad_files(coco, change, message, read):
    with pytest.raises(InputError, match=message):
        read(coco(**change), "coco")


def test_broken_json(tmp_path, read):
    (tmp_path / "instances.json").write_text('{"images": [')
    with pytest.raises(InputError, match="instances.json: not a JSON file that can be read"):
        read(tmp_path / "instances.json")
