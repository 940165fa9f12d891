"""Markdown tables from results, their places in documents, and the command line around them."""

import json
from dataclasses import replace

import pytest

from nerfseg_ns.benchmark.command import main
from nerfseg_ns.benchmark.results import BenchmarkResults, markdown, read_results, write_results
from nerfseg_ns.benchmark.row_kinds import MeasuredRow
from nerfseg_ns.core.input_error import InputError

pytestmark = pytest.mark.usefixtures("counting_process")

HARDWARE = {"cpu": "Fast CPU", "cores": 2, "memory_gib": 16.0, "gpu": None}
VERSIONS = {"python": "3.11.7", "torch": "2.11.0", "nerfstudio": "1.1.5", "nerfseg_ns": "0.1.0", "tinycudann": None}


def row(name, value):
    memory = {"resident_gib": 1.0, "cuda_gib": None}
    settings = {"up_to": value, "tags": []}
    return MeasuredRow(
        name, "counting", "town", settings, {"counted": value}, memory, HARDWARE, VERSIONS, "2026-01-02T03:04:05+00:00"
    )


@pytest.fixture
def results(tmp_path):
    made = BenchmarkResults("counts", "Counts", "two", (row("five | 5", 5), row("two", 2)))
    write_results(made, tmp_path / "results" / "counts.json")
    return made


TABLE = """\
|  | counted | of baseline |
| --- | ---: | ---: |
| five \\| 5 | 5 | 2.5 |
| two | 2 | 1.0 |

Counted by hand. Measured on 2 cores of Fast CPU, no GPU; torch 2.11.0, nerfstudio 1.1.5, nerfseg_ns 0.1.0; 2026-01-02.
"""


def test_markdown(results):
    assert markdown(results) == TABLE


def test_rows_of_different_machines_say_so(results):
    other = replace(results.rows[1], hardware={**HARDWARE, "gpu": "Big GPU"})
    text = markdown(replace(results, rows=(results.rows[0], other)))
    assert "five | 5: measured on 2 cores of Fast CPU, no GPU" in text
    assert "two: measured on Big GPU, 2 cores of Fast CPU" in text


def test_results_round_trip(results, tmp_path):
    assert read_results(tmp_path / "results" / "counts.json") == results


def test_threads_are_said_where_they_are_fewer_than_cores(results):
    rows = [replace(row, hardware={**HARDWARE, "threads": threads}) for row, threads in zip(results.rows, (1, 2))]
    text = markdown(replace(results, rows=tuple(rows)))
    assert "five | 5: measured on 1 of 2 cores of Fast CPU" in text and "two: measured on 2 cores of Fast CPU" in text


def test_table_prints(results, tmp_path, capsys):
    main(["--table", str(tmp_path / "results" / "counts.json")])
    assert capsys.readouterr().out == TABLE


def document(tmp_path, text):
    path = tmp_path / "README.md"
    path.write_text(text, encoding="utf-8")
    return path


def test_update_then_check(results, tmp_path, capsys):
    path = document(tmp_path, "before\n<!-- benchmark:counts -->\nold\n<!-- /benchmark:counts -->\nafter\n")
    options = ["--output-dir", str(tmp_path / "results")]
    with pytest.raises(InputError, match="stale; run `nerfseg benchmark --update"):
        main(["--check", str(path), *options])
    assert "old" in path.read_text()  # a check changes nothing
    main(["--update", str(path), *options])
    assert path.read_text() == f"before\n<!-- benchmark:counts -->\n{TABLE}<!-- /benchmark:counts -->\nafter\n"
    main(["--check", str(path), *options])
    assert "tables are current" in capsys.readouterr().out
    main(["--update", str(path), *options])
    assert "tables were current" in capsys.readouterr().out

    write_results(replace(results, rows=results.rows[:1]), tmp_path / "results" / "counts.json")
    with pytest.raises(InputError, match="stale"):
        main(["--check", str(path), *options])


PLACE = "<!-- benchmark:counts -->\n<!-- /benchmark:counts -->\n"


def test_a_place_at_the_very_end(results, tmp_path):
    path = document(tmp_path, PLACE.rstrip("\n"))
    main(["--update", str(path), "--output-dir", str(tmp_path / "results")])
    assert path.read_text() == f"<!-- benchmark:counts -->\n{TABLE}<!-- /benchmark:counts -->"


def test_empty_place_is_filled(results, tmp_path):
    path = document(tmp_path, "<!-- benchmark:counts -->\n<!-- /benchmark:counts -->\n")
    main(["--update", str(path), "--output-dir", str(tmp_path / "results")])
    assert path.read_text() == f"<!-- benchmark:counts -->\n{TABLE}<!-- /benchmark:counts -->\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing here\n", "no place for a table"),
        ("<!-- benchmark:counts -->\nold\n", "is not closed"),
        ("<!-- benchmark:counts -->\n<!-- benchmark:counts -->\n<!-- /benchmark:counts -->\n", "is not closed"),
        ("<!-- benchmark:other -->\n<!-- /benchmark:other -->\n", "other.json: no such results"),
        (f"{PLACE} <!-- benchmark:counts -->\nold\n<!-- /benchmark:counts -->\n", "line 3: ' <!-- .* marks no table"),
        (f"{PLACE}<!-- benchmark:counts--> \nold\n<!-- /benchmark:counts -->\n", "line 3: .* marks no table"),
        (f"{PLACE}<!-- /benchmark:counts -->\n", "line 3: .* marks no table"),
        ("<!-- benchmark:counts -->\n<!-- /benchmark:counts --> \n", "is not closed"),
    ],
)
def test_documents_that_cannot_be_filled_stay_as_they_are(results, tmp_path, text, message):
    path = document(tmp_path, text)
    with pytest.raises(InputError, match=message):
        main(["--update", str(path), "--output-dir", str(tmp_path / "results")])
    assert path.read_text() == text


@pytest.mark.parametrize(
    "text", ['{"rows": [{"name": "half"}]}', "[1]", '"x"', '{"rows": [], "name": "x"}', '{"rows": [3]}']
)
def test_results_that_are_none(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(InputError, match="x.json: not the results of a benchmark"):
        main(["--table", str(path)])


CELL = {"scene": "a", "budget": "5 views", "method": "old", "seed": 0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"result": None}, "result: None is"),
        ({"cell": CELL, "result": {"miou": "0.9"}}, "miou: '0.9' is no number"),
        ({"cell": {"scene": "a"}}, "cell lacks budget, method, seed"),
        ({"cell": CELL, "result": {"miou": 0.9}}, "per_class"),
        ({"hardware": {"cores": 2}}, "hardware lacks cpu, gpu"),
        ({"memory": None}, "memory: None is"),
        ({"settings": [1]}, r"settings: \[1\] is"),
        ({"seconds": "x"}, "seconds: 'x' is"),
        ({"date": 3}, "date: 3 is"),
        ({"mine": 3}, "unknown key 'mine'"),
    ],
)
def test_rows_that_are_none(results, tmp_path, change, message):
    path = tmp_path / "results" / "counts.json"
    contents = json.loads(path.read_text())
    contents["rows"][1].update(change)
    path.write_text(json.dumps(contents))
    with pytest.raises(InputError, match=f"counts.json: not the results of a benchmark .rows.1.: .*{message}"):
        main(["--table", str(path)])


@pytest.mark.parametrize("arguments", [[], ["a.yaml", "--table", "b.json"]])
def test_exactly_one_thing_is_asked_for(arguments):
    with pytest.raises(InputError, match="give one of"):
        main(arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--data", "town="], "--data town=: expected"), (["--data", ""], "--data : expected"), (["--only"], "--only: ")],
)
def test_empty_values_are_not_taken_for_something_else(write_plan, arguments, message):
    path = write_plan("  - {name: five, kind: counting, up_to: 5}\n")
    with pytest.raises(InputError, match=message):
        main([str(path), *arguments])
