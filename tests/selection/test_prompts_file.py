"""Reading, writing and checking prompts.json."""

import json

import pytest

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.prompts_file import check_prompt, read_prompts, write_prompts

GOOD = {"name": "red", "view": "000", "points": [[32, 24.5, 1], [3, 4, 0]], "box": [10, 8, 40, 30]}


@pytest.fixture
def read(tmp_path, analytic_scene):
    """Writes objects into a file and reads them back."""

    def act(*objects, scene=analytic_scene, **document):
        path = tmp_path / "prompts.json"
        path.write_text(json.dumps({"version": 1, "objects": list(objects)} | document))
        return read_prompts(path, scene)

    return act


def test_both_forms(read):
    views = [{"view": "001", "box": [1, 2, 3, 4]}, {"view": "000", "points": [[5, 6, 0]]}]
    short, long = read(GOOD | {"granularity": "part"}, {"name": "Haus 1", "views": views})
    view = ViewPrompt("000", ((32.0, 24.5, 1), (3.0, 4.0, 0)), (10.0, 8.0, 40.0, 30.0))
    assert short == ObjectPrompt("red", (view,), "part")
    others = (ViewPrompt("001", (), (1.0, 2.0, 3.0, 4.0)), ViewPrompt("000", ((5.0, 6.0, 0),)))
    assert long == ObjectPrompt("Haus 1", others, "auto")


def test_what_is_written_is_read_again(read, tmp_path, analytic_scene):
    prompts = read(GOOD | {"class": "Ball"}, {"name": "grün", "views": [{"view": "002", "box": [0, 0, 64, 48]}]})
    write_prompts(tmp_path / "again.json", prompts)
    assert read_prompts(tmp_path / "again.json", analytic_scene) == prompts
    assert [prompt.class_name for prompt in prompts] == ["Ball", None]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"view": "0000"}, r"object 'red': no view '0000'; did you mean 000"),
        (
            {"points": [[64, 3, 1]]},
            r"view '000': point \(64, 3\) is outside of the image; expected 0 <= x < 64, 0 <= y < 48",
        ),
        ({"points": [[-0.1, 3, 1]]}, r"outside of the image"),
        ({"points": [[3, 48, 1]]}, r"outside of the image"),
        ({"points": [[3, 3, 2]]}, r"point \[3, 3, 2\]; expected \[x, y, label\]"),
        ({"points": [[3, 3]]}, r"point \[3, 3\]; expected"),
        ({"points": [[3, "3", 1]]}, r"expected \[x, y, label\]"),
        ({"points": [[float("nan"), 3, 1]]}, r"expected \[x, y, label\]"),
        ({"points": [[10**400, 3, 1]]}, r"expected \[x, y, label\]"),
        ({"class": 3}, r'"class" is 3; expected up to 80 letters'),
        ({"class": "a/b"}, r"\"class\" is 'a/b'"),
        ({"points": 3}, r'"points" is 3; expected a list'),
        ({"points": [[3, 3, 1], [3.6, 3.7, 0]]}, r"\(3, 3\) with label 1 and \(3.6, 3.7\) with label 0 contradict"),
        ({"points": [[3, 3, 0]], "box": None}, r"it needs a click with label 1 or a box"),
        ({"points": [], "box": None}, r"it needs a click with label 1 or a box"),
        ({"box": [10, 8, 10, 30]}, r"box \[10.0, 8.0, 10.0, 30.0\] has no area"),
        ({"box": [10, 8, 5, 30]}, r"has no area"),
        ({"box": [10, 8, 65, 30]}, r"reaches outside of the image of 64 x 48 pixels"),
        ({"box": [1, 2, 3]}, r"box \[1, 2, 3\]; expected"),
        ({"granularity": "all"}, r"granularity 'all'; expected one of auto, part, object, whole"),
        ({"name": "../red"}, r"its files are named after it"),
        ({"name": ""}, r"its files are named after it"),
        ({"name": "red."}, r"its files are named after it"),
        ({"name": ".red"}, r"its files are named after it"),
        ({"name": "Con"}, r"its files are named after it"),
        ({"name": "x" * 81}, r"its files are named after it"),
        ({"name": 3}, r'objects\[0\]: expected an object with a "name"'),
        ({"view": None}, r'expected "view", the name of a view'),
        ({"pionts": []}, r"unknown key 'pionts'; did you mean points"),
        ({"views": []}, r"both \"views\" and \['box', 'points', 'view'\]"),
    ],
)
def test_mistakes_are_named(read, change, message):
    with pytest.raises(InputError, match=message) as error:
        read(GOOD | change)
    assert "prompts.json" in str(error.value)


def test_clicks_more_than_a_pixel_apart_do_not_contradict(read):
    assert read(GOOD | {"points": [[3, 3, 1], [4, 3.1, 0], [3, 3, 1]]})


def test_mistakes_over_several_entries(read):
    with pytest.raises(InputError, match="objects 'red' and 'Red'"):
        read(GOOD, GOOD | {"name": "Red"})
    with pytest.raises(InputError, match="objects 'red' and 'red'"):
        read(GOOD, GOOD)
    twice = {"name": "a", "views": [{"view": "000", "box": [1, 2, 3, 4]}, {"view": "000", "points": [[1, 1, 1]]}]}
    with pytest.raises(InputError, match="view '000' occurs twice"):
        read(twice)
    with pytest.raises(InputError, match="view '001': neither a point nor a box"):
        read({"name": "a", "views": [{"view": "000", "box": [1, 2, 3, 4]}, {"view": "001"}]})
    with pytest.raises(InputError, match="no objects"):
        read()


def test_files_that_are_none(tmp_path, read):
    with pytest.raises(InputError, match="no such file"):
        read_prompts(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(InputError, match="text.json: not a JSON file"):
        read_prompts(tmp_path / "text.json")
    with pytest.raises(InputError, match="version 2; this release reads version 1"):
        read(GOOD, version=2)
    with pytest.raises(InputError, match="expected"):
        read(objects=3)


def test_without_a_scene_only_the_file_is_checked(read):
    (prompt,) = read(GOOD | {"view": "elsewhere", "points": [[999, 999, 1]]}, scene=None)
    assert prompt.views[0].view == "elsewhere"
    with pytest.raises(InputError, match="contradict"):
        check_prompt(ObjectPrompt("a", (ViewPrompt("v", ((1, 1, 1), (1, 1, 0))),)), None, "the panel")
