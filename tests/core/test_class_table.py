import json

import pytest

from nerfseg_ns.core.class_table import ClassTable, SemanticClass
from nerfseg_ns.core.input_error import InputError


def test_a_table_survives_its_file(tmp_path):
    table = ClassTable((SemanticClass(0, "Road", (128, 64, 128), 7), SemanticClass(1, "Pergola", (1, 2, 3))))
    table.to_json(tmp_path / "classes.json")
    assert ClassTable.from_json(tmp_path / "classes.json") == table


def test_entries_come_in_any_order(tmp_path):
    entries = [{"id": 1, "name": "b", "rgb": [4, 5, 6]}, {"id": 0, "name": "a", "rgb": [1, 2, 3]}]
    (tmp_path / "classes.json").write_text(json.dumps({"classes": entries}))
    table = ClassTable.from_json(tmp_path / "classes.json")
    assert table.names == ("a", "b")
    assert table.colours.tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a class table"),
        ("[1]", "not a class table"),
        ('{"classes": {"0": "a"}}', "a dict instead of a list"),
        ('{"classes": ["a"]}', "not a class table"),
        ('{"classes": [{"id": 0, "name": "a"}]}', "rgb"),
        ('{"classes": [{"id": 0, "name": "a", "rgb": [0, 0, 256]}]}', "0..255"),
        ('{"classes": [{"id": 1, "name": "a", "rgb": [0, 0, 0]}]}', "without gaps"),
        (
            '{"classes": [{"id": 0, "name": "a", "rgb": [0, 0, 0]}, {"id": 1, "name": "a", "rgb": [0, 0, 1]}]}',
            "more than once",
        ),
    ],
)
def test_a_bad_table_is_named(tmp_path, text, message):
    path = tmp_path / "classes.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        ClassTable.from_json(path)
    assert str(path) in str(caught.value)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match="no such class table"):
        ClassTable.from_json(tmp_path / "classes.json")


def test_a_table_is_extended_by_what_it_lacks_in_any_case():
    table = ClassTable((SemanticClass(0, "Road", (1, 2, 3), 99), SemanticClass(1, "pond", (70, 70, 70))))
    longer = table.extended(["ROAD", "Building", "lamp", "Lamp", "building"])
    assert longer.names == ("Road", "pond", "Building", "lamp") and longer.classes[:2] == table.classes
    assert longer.classes[2].carla_tag == 1 and longer.classes[2].rgb != (70, 70, 70)  # that colour is the pond's
    assert len({entry.rgb for entry in longer.classes}) == 4
    assert longer.find("LAMP").id == 3 and longer.find("lamps") is None
    assert ClassTable(()).extended(["Road"]).classes[0].rgb == (128, 64, 128)
