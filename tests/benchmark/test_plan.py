"""Reading a benchmark's YAML file: what it gives, and every mistake named."""

import pytest

from nerfseg_ns.benchmark.plan import read_plan
from nerfseg_ns.core.input_error import InputError

TWO = "  - {name: two, kind: counting, up_to: 2}\n"

pytestmark = pytest.mark.usefixtures("counting_process")


def test_rows_defaults_and_data(write_plan, scene_folder):
    plan = read_plan(
        write_plan("  - {name: five, up_to: 5}\n" + TWO, "baseline: two\ndefaults: {kind: counting, tags: [x]}\n")
    )
    assert (plan.name, plan.title, plan.baseline) == ("counts", "Counts", "two")
    five, two = plan.rows
    assert (five.name, five.kind, five.settings.up_to, five.settings.tags) == ("five", "counting", 5, ("x",))
    assert two.settings.up_to == 2 and five.data.resolve() == scene_folder


def test_data_on_the_command_line_wins(write_plan, tmp_path):
    assert read_plan(write_plan(TWO), data=tmp_path).rows[0].data == tmp_path


def test_overrides_of_a_row_add_to_those_of_the_defaults(write_plan):
    head = "defaults: {kind: training-speed, seconds: 2, method: m, overrides: {a.b: 1, c: 2}}\n"
    (row,) = read_plan(write_plan("  - {name: one, overrides: {c: 3, d: 4}}\n", head)).rows
    assert row.settings.overrides == {"a.b": 1, "c": 3, "d": 4}


@pytest.mark.parametrize(
    ("rows", "head", "message"),
    [
        (TWO, "titel: x\n", "unknown key 'titel'; did you mean title"),
        (TWO, "baseline: three\n", "baseline: no row 'three'"),
        (TWO, "defaults: {up_two: 3}\n", "defaults: unknown key 'up_two'; did you mean up_to"),
        (TWO + TWO, "", "more than one row is named two"),
        ("  - {name: two, kind: countin, up_to: 2}\n", "", "no row kind 'countin'; did you mean counting"),
        ("  - {name: two, up_to: 2}\n", "", "row 'two': kind is missing"),
        ("  - {name: two, kind: counting, up: 2}\n", "", "unknown key 'up'"),
        ("  - {name: two, kind: counting}\n", "", "up_to is missing"),
        ("  - {name: two, kind: counting, up_to: -2}\n", "", "up_to -2: expected 0 or more"),
        ("  - {name: two, kind: counting, up_to: 2, data: scenes/nowhere}\n", "", "nowhere: no such scene folder"),
        ("  - {name: two, kind: counting, up_to: 2, after: two}\n", "", "builds on row 'two', but no row before it"),
        ("  - {name: one, kind: counting, up_to: 2, after: too}\n" + TWO, "", "builds on row 'too', but no row before"),
        ("  - two\n", "", "every row is a mapping"),
        ("  []\n", "", "a list under rows"),
        ("  - {name: two\n", "", "not a YAML file"),
    ],
)
def test_mistakes_are_named(write_plan, rows, head, message):
    path = write_plan(rows, head)
    with pytest.raises(InputError, match=message) as caught:
        read_plan(path)
    assert str(path) in str(caught.value)


def test_missing_file_and_bad_name(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_plan(tmp_path / "none.yaml")
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: ../elsewhere\nrows: [{name: a, kind: counting, up_to: 1}]\n")
    with pytest.raises(InputError, match="elsewhere'; expected letters"):
        read_plan(bad)


def test_yaml_cannot_build_python_objects(write_plan):
    with pytest.raises(InputError, match="not a YAML file"):
        read_plan(write_plan("  - !!python/object/apply:os.getcwd []\n"))
