import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.labels.import_notes import ImportNotes


def shape(label, *points, kind="polygon", **more):
    return {"label": label, "points": [list(point) for point in points], "shape_type": kind, "flags": {}, **more}


def mask_text(mask):
    buffer = io.BytesIO()
    Image.fromarray(np.array(mask, dtype=np.uint8) * 255).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def test_polygon_rectangle_and_circle(labelme, painted):
    folder = labelme(
        "000",
        shape("b", (0, 0), (2, 0), (2, 2), (0, 2)),
        shape("a", (5, 1), (4, 0), kind="rectangle"),
        shape("c", (3.5, 2.5), (3.5, 3.4), kind="circle"),
    )
    assert painted(folder, 5, 4) == (["a", "b", "c"], ["11..0", "11...", "...2.", "....."])


def test_names_are_in_the_order_of_the_alphabet_over_all_files(labelme, read):
    labelme("001", shape("Tree", (0, 0), (2, 0), (2, 2)))
    folder = labelme("000", shape("Road", (0, 0), (2, 0), (2, 2)), shape("Car", (0, 0), (2, 0), (2, 2)))
    name, source = read(folder)
    assert name == "labelme" and source.names == ("Car", "Road", "Tree")
    assert [(image.name, image.size()) for image in source.images] == [("000.png", (24, 24)), ("001.png", (24, 24))]


def test_masks_lie_between_their_points(labelme, painted):
    entry = shape("a", (1, 0), (2, 1), kind="mask", mask=mask_text([[1, 0], [1, 1]]))
    assert painted(labelme("000", entry), 4, 2)[1] == [".0..", ".00."]


def test_lines_and_points_need_a_width(labelme, read, painted):
    folder = labelme("000", shape("a", (0.5, 0.5), (2.5, 0.5), kind="line"), shape("b", (1.5, 2.5), kind="point"))
    with pytest.raises(InputError, match=r"000.json, shape 1: a line has no area; give --line-width"):
        read(folder)
    assert painted(folder, 4, 3, line_width=1.0)[1] == ["000.", "....", ".1.."]


def test_smaller_shapes_are_on_top_whatever_their_order(labelme, painted):
    small, large = shape("s", (1, 1), (2, 2), kind="rectangle"), shape("l", (0, 0), (3, 3), kind="rectangle")
    expected = ["000", "010", "000"]
    assert painted(labelme("000", small, large), 3, 3)[1] == expected
    assert painted(labelme("000", large, small), 3, 3)[1] == expected
    assert painted(labelme("000", small, large), 3, 3, on_top="later")[1] == ["000", "000", "000"]


def test_of_shapes_of_one_size_the_later_is_on_top(labelme, painted):
    a, b = shape("a", (0, 0), (2, 1), kind="rectangle"), shape("b", (1, 0), (3, 1), kind="rectangle")
    assert painted(labelme("000", a, b), 3, 1)[1] == ["011"]
    assert painted(labelme("000", b, a), 3, 1)[1] == ["001"]


def test_size_after_clipping_decides(labelme, painted):
    # the wide one has 2 pixels in the image, the other 3
    wide, tall = shape("w", (-90, 0), (2, 1), kind="rectangle"), shape("t", (1, 0), (2, 3), kind="rectangle")
    assert painted(labelme("000", wide, tall), 3, 3)[1] == ["11.", ".0.", ".0."]


def test_a_shape_across_the_edge_is_clipped_with_a_note(labelme, painted):
    notes = ImportNotes()
    folder = labelme("000", shape("a", (-5, -5), (1, 1), kind="rectangle"))
    assert painted(folder, 2, 2, notes=notes)[1] == ["0.", ".."]
    assert notes.lines() == [f"shapes clipped at the edge of their image (1): {folder / '000.json'}, shape 1 (a)"]


def test_a_shape_wholly_outside_is_an_error(labelme, painted):
    folder = labelme("000", shape("a", (24, 0), (30, 9), kind="rectangle"))
    with pytest.raises(InputError, match=r"000.json, shape 1 \(a\): the shape lies outside .* 24x24 .* x 24 to 30"):
        painted(folder, 24, 24)


def test_a_shape_between_the_pixel_centres_leaves_a_note(labelme, painted):
    notes = ImportNotes()
    folder = labelme("000", shape("a", (0.6, 0.6), (0.9, 0.9), kind="rectangle"))
    assert painted(folder, 1, 1, notes=notes)[1] == ["."]
    assert "too small to cover the centre of a pixel (1)" in notes.lines()[0]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (shape("a", (0, 0), (1, 1)), "2 points; this shape needs at least 3"),
        (shape("a", (0, 0), (1, 1), (float("nan"), 2)), "expected points"),
        ({"label": "a", "points": [[0, 0], [1], [2, 2]]}, "expected points"),
        ({"label": "a", "points": None}, "expected points"),
        ({"label": "", "points": [[0, 0], [1, 1], [2, 2]]}, 'expected {"label"'),
        ("a", 'expected {"label"'),
        (shape("a", (0, 0), (1, 1), (2, 0), kind="polygone"), "did you mean polygon"),
        (shape("a", (0, 0), (1, 1), kind="mask", mask="!"), "not an image in base64"),
        (shape("a", (0, 0), (1, 1), kind="mask"), "not an image in base64"),
        (
            shape("a", (0, 0), (2, 2), kind="mask", mask=mask_text([[1]])),
            "the mask is 1x1 pixels, but its points say 3x3",
        ),
    ],
)
def test_bad_shapes_are_named(labelme, entry, message, read):
    with pytest.raises(InputError, match=message) as error:
        read(labelme("000", shape("ok", (0, 0), (2, 0), (2, 2)), entry))
    assert "000.json, shape 2" in str(error.value)


def test_other_files(labelme, tmp_path, read):
    folder = labelme("000", shape("a", (0, 0), (2, 0), (2, 2)))
    (folder / "other.json").write_text("{}")
    with pytest.raises(InputError, match="other.json: not a file of labelme"):
        read(folder, "labelme")
    (folder / "other.json").write_text('{"shapes": [')
    with pytest.raises(InputError, match="other.json: not a JSON file"):
        read(folder)
    with pytest.raises(InputError, match="imageWidth is 0; expected a whole number"):
        read(labelme("other", imageWidth=0))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no JSON files"):
        read(tmp_path / "empty", "labelme")


def test_a_file_without_a_size_or_an_image_path(labelme, read):
    folder = labelme("000", imageWidth=None, imagePath=None)
    image = read(folder)[1].images[0]
    assert image.size() is None and image.name == "000.json"
    assert json.loads((folder / "000.json").read_text())["shapes"] == []
