"""Whatever a JSON file holds, the reader ends with a message and not with a traceback."""

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nerfseg_ns.core.input_error import InputError

LABELME = {
    "shapes": [
        {"label": "a", "points": [[0, 0], [3, 0], [3, 3]], "shape_type": "polygon"},
        {"label": "b", "points": [[0, 0], [1, 1]], "shape_type": "mask", "mask": "aGVsbG8="},
        {"label": "c", "points": [[0, 0], [1, 1]], "shape_type": "circle"},
    ],
    "imagePath": "000.png",
    "imageWidth": 4,
    "imageHeight": 3,
}
COCO = {
    "images": [{"id": 1, "file_name": "000.png", "width": 4, "height": 3}],
    "categories": [{"id": 5, "name": "Road"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 5, "segmentation": [[0, 0, 3, 0, 3, 3]]},
        {"id": 2, "image_id": 1, "category_id": 5, "segmentation": {"size": [3, 4], "counts": [3, 9]}},
        {"id": 3, "image_id": 1, "category_id": 5, "segmentation": {"size": [3, 4], "counts": "39"}},
        {"id": 4, "image_id": 1, "category_id": 5, "segmentation": [], "bbox": [0, 0, 2, 2]},
    ],
}
ODD = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        2,
        7,
        1.5,
        1e308,
        float("nan"),
        float("inf"),
        10**400,
        "",
        "x",
        [],
        [[]],
        [1],
        [[1, 2]],
        {},
        {"x": 1},
    ]
)


def places(record, way=()):
    """The ways to everything in a record."""
    inside = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    return [way, *(deeper for key, value in inside for deeper in places(value, (*way, key)))]


def changed(record, way, value):
    record = copy.deepcopy(record)
    *before, last = way
    holder = record
    for key in before:
        holder = holder[key]
    holder[last] = value
    return record


@pytest.mark.parametrize(("format_name", "record"), [("labelme", LABELME), ("coco", COCO)])
@given(data=st.data())
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_odd_value_anywhere(tmp_path, painted, format_name, record, data):
    way = data.draw(st.sampled_from(places(record)[1:]))
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(changed(record, way, data.draw(ODD))))
    try:
        painted(path, 4, 3, format_name, boxes=True, line_width=2.0)
    except InputError as error:
        assert str(path) in str(error)
    except IndexError as error:  # of the test: no image is left in the file
        assert "list index" in str(error) and way[0] == "images"
