"""The runner: a process per row, resuming, failures, and what is written."""

import json
import os
from functools import partial

import pytest

from nerfseg_ns.benchmark import row as row_process
from nerfseg_ns.benchmark.plan import read_plan
from nerfseg_ns.benchmark.results import json_values, read_results
from nerfseg_ns.benchmark.row_kinds import MeasuredRow, RowPlace
from nerfseg_ns.benchmark.runner import RowFailed, measure_in_own_process, run_plan
from nerfseg_ns.core.input_error import InputError

ROWS = "  - {name: five, kind: counting, up_to: 5}\n  - {name: two, kind: counting, up_to: 2}\n"


@pytest.fixture
def measure_here(counting_process, tmp_path):
    """Measures a row as its process would, in this process: a process imports torch for seconds."""

    def measure(row, runs):
        specification, result = tmp_path / "specification.json", tmp_path / "result.json"
        values = {"name": row.name, "kind": row.kind, "data": str(row.data), "runs": str(runs)}
        values["settings"] = json_values(row.settings)
        specification.write_text(json.dumps(values))
        if row_process.main([str(specification), str(result)]) != 0:
            raise RowFailed("exit code 1")
        return MeasuredRow(**json.loads(result.read_text()))

    return measure


@pytest.fixture
def run(measure_here, tmp_path):
    """Runs a plan and returns its results, or the error it ended with, and what it said."""

    def run_one(path, measure=measure_here, **options):
        said = []
        try:
            results = run_plan(read_plan(path), tmp_path / "out", measure=measure, say=said.append, **options)
        except InputError as error:
            return error, said
        return results, said

    return run_one


def counted(tmp_path):
    return {row.name: row.result["counted"] for row in read_results(tmp_path / "out" / "counts.json").rows}


def test_every_row_has_its_own_process_and_its_provenance(run, write_plan, tmp_path, counting_process):
    results, _ = run(write_plan(ROWS), measure=partial(measure_in_own_process, command=counting_process))
    assert [row.name for row in results.rows] == ["five", "two"]
    pids = {row.result["pid"] for row in results.rows}
    assert len(pids) == 2 and os.getpid() not in pids
    row = json.loads((tmp_path / "out" / "counts.json").read_text())["rows"][0]
    assert row["data"] == "town" and row["result"]["files"] == 1
    assert row["settings"] == {"up_to": 5, "tags": [], "after": None}
    assert row["versions"]["torch"] and row["hardware"]["cpu"] and row["memory"]["resident_gib"] > 0.01
    assert str(tmp_path) not in json.dumps(row)  # results are published: no paths of the machine


def test_finished_rows_are_kept_until_overwritten(run, write_plan, tmp_path):
    run(write_plan(ROWS), only=("five",))
    assert counted(tmp_path) == {"five": 5}
    first = read_results(tmp_path / "out" / "counts.json").rows[0]

    results, said = run(write_plan(ROWS))
    assert results.rows[0] == first and "five: has a result" in said[0] and said[1] == "two: measuring"

    calls = []
    results, _ = run(
        write_plan(ROWS), overwrite=True, only=("five",), measure=lambda row, runs: calls.append(row.name) or first
    )
    assert calls == ["five"] and len(results.rows) == 2


def test_result_of_other_settings_is_not_passed_off_as_this_one(run, write_plan, tmp_path):
    run(write_plan(ROWS))
    changed = write_plan(ROWS.replace("up_to: 5", "up_to: 6"))
    error, said = run(changed)
    assert "'five' was measured with other settings (up_to)" in str(error) and said == []
    run(changed, overwrite=True, only=("five",))
    assert counted(tmp_path) == {"five": 6, "two": 2}


def test_failed_row_is_named_and_the_others_are_kept(run, write_plan, tmp_path, capsys):
    error, _ = run(write_plan("  - {name: bad, kind: counting, up_to: 13}\n" + ROWS))
    assert isinstance(error, InputError) and str(error).startswith("bad: not measured")
    assert "error: 13: will not count that far" in capsys.readouterr().err
    assert counted(tmp_path) == {"five": 5, "two": 2}


def test_process_that_fails_has_no_result(counting_process, write_plan, capfd, tmp_path):
    (row,) = read_plan(write_plan("  - {name: bad, kind: counting, up_to: 13}\n", head="")).rows
    with pytest.raises(RowFailed, match="exit code 1"):
        measure_in_own_process(row, tmp_path, counting_process)
    assert capfd.readouterr().err == "error: 13: will not count that far\n"


def test_ctrl_c_keeps_finished_rows(run, write_plan, tmp_path, measure_here):
    def stop_at_two(row, runs):
        if row.name == "two":
            raise KeyboardInterrupt
        return measure_here(row, runs)

    with pytest.raises(KeyboardInterrupt):
        run(write_plan(ROWS), measure=stop_at_two)
    assert counted(tmp_path) == {"five": 5}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["counts-runs", "counts.json"]


def test_row_that_cannot_be_measured_is_found_before_any_is(run, write_plan, tmp_path):
    error, said = run(write_plan(ROWS + "  - {name: late, kind: counting, up_to: 99}\n"))
    assert "row 'late': 99: cannot be counted" in str(error) and said == []
    assert not (tmp_path / "out").exists()


def test_unknown_only_is_named(run, write_plan):
    error, _ = run(write_plan(ROWS), only=("fife",))
    assert "no such row; did you mean five" in str(error)


def test_measured_row_that_left_the_plan_is_not_thrown_away(run, write_plan, tmp_path):
    run(write_plan(ROWS))
    run(write_plan("  - {name: two, kind: counting, up_to: 2}\n  - {name: new, kind: counting, up_to: 1}\n"))
    assert list(counted(tmp_path)) == ["two", "new", "five"]


CHAIN = "  - {name: five, kind: counting, up_to: 5}\n  - {name: two, kind: counting, up_to: 2, after: five}\n"


def test_rows_build_on_the_runs_of_earlier_rows(run, write_plan, tmp_path):
    run(write_plan(CHAIN), only=("five",))
    run(write_plan(CHAIN))  # another call: the run of the finished row is still there
    assert counted(tmp_path) == {"five": 5, "two": 7}


def test_a_row_measured_again_takes_the_results_built_on_it_away(run, write_plan, tmp_path):
    run(write_plan(CHAIN))
    results, said = run(write_plan(CHAIN), only=("five",), overwrite=True)
    assert [row.name for row in results.rows] == ["five"] and "two: its result is dropped" in said[-1]
    run(write_plan(CHAIN))
    assert counted(tmp_path) == {"five": 5, "two": 7}


def test_row_without_the_row_it_builds_on_is_refused(run, write_plan, tmp_path):
    error, said = run(write_plan(CHAIN), only=("two",))
    assert "row 'two' builds on row 'five', which has no result" in str(error) and said == []


def test_folders_of_runs_are_inside_and_differ(tmp_path):
    place = RowPlace("a", None, tmp_path)
    names = ["both", "R on, seed 0", "R-on seed 0", "R on seed 0", "..", "/", "a/b", "ä", "."]
    folders = [place.run_folder(name) for name in names]
    assert folders[0] == tmp_path / "both"
    assert len(set(folders)) == len(names)
    assert all(folder.resolve().parent == tmp_path.resolve() for folder in folders)
