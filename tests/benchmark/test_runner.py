"""The runner: a process per row, resuming, failures, and what is written."""

import json
import os
from dataclasses import replace
from functools import partial
from threading import Event, Thread

import pytest

from nerfseg_ns.benchmark import row as row_process
from nerfseg_ns.benchmark.plan import read_plan
from nerfseg_ns.benchmark.process_lock import alone
from nerfseg_ns.benchmark.results import json_values, read_results
from nerfseg_ns.benchmark.row_kinds import MeasuredRow, RowPlace
from nerfseg_ns.benchmark.runner import RowFailed, measure_in_own_process, run_plan
from nerfseg_ns.benchmark.time_left import said_time
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


def test_a_setting_that_a_kind_has_gained_since_changes_nothing(run, write_plan, tmp_path):
    run(write_plan(ROWS))
    file = tmp_path / "out" / "counts.json"
    document = json.loads(file.read_text())
    for row in document["rows"]:
        del row["settings"]["tags"]
    file.write_text(json.dumps(document))
    assert "five: has a result" in run(write_plan(ROWS))[1][0]
    error, _ = run(write_plan(ROWS.replace("up_to: 5", "up_to: 5, tags: [a]")))
    assert "'five' was measured with other settings (tags)" in str(error)


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


def test_a_row_brings_the_unmeasured_rows_that_it_builds_on(run, write_plan, tmp_path):
    plan = CHAIN + "  - {name: ten, kind: counting, up_to: 10, after: two}\n"
    results, said = run(write_plan(plan), only=("ten",))
    assert counted(tmp_path) == {"five": 5, "two": 7, "ten": 10 + 2}
    assert said[0] == "five: measuring (1 of 3)"
    run(write_plan(plan), only=("ten",), overwrite=True)  # the rows below it are kept
    assert counted(tmp_path)["ten"] == 12


def test_a_row_is_not_built_on_one_of_other_settings(run, write_plan, tmp_path):
    run(write_plan(CHAIN), only=("five",))
    changed = write_plan(CHAIN.replace("up_to: 5", "up_to: 6"))
    for options in ({}, {"overwrite": True}):
        error, said = run(changed, only=("two",), **options)
        assert "'five' was measured with other settings (up_to)" in str(error) and said == []
    run(changed, only=("five", "two"), overwrite=True)
    assert counted(tmp_path) == {"five": 6, "two": 8}


def test_what_another_process_measures_meanwhile_is_kept(run, write_plan, tmp_path, measure_here):
    path, measured = write_plan(ROWS), []

    def measure(row, runs):
        measured.append(row.name)
        if row.name == "five":
            run(path, only=("two",))  # as another process would
        return measure_here(row, runs)

    _, said = run(path, measure=measure)
    assert measured == ["five"] and "two: measured by another process; kept" in said
    assert counted(tmp_path) == {"five": 5, "two": 2}


def test_results_built_on_a_row_are_dropped_whoever_measured_them(run, write_plan, tmp_path, measure_here):
    path = write_plan(CHAIN)
    run(path, only=("five",))

    def measure(row, runs):
        run(path, only=("two",))  # another process, which has read the former run
        return measure_here(row, runs)

    _, said = run(path, only=("five",), overwrite=True, measure=measure)
    assert counted(tmp_path) == {"five": 5} and "two: its result is dropped" in said[-1]


def test_one_process_at_a_time_has_the_lock(tmp_path):
    path, waiting, done = tmp_path / "folder" / "row", Event(), Event()

    def other():
        with alone(path, waiting.set):
            done.set()

    thread = Thread(target=other)
    with alone(path):
        thread.start()
        assert waiting.wait(10) and not done.wait(0.05)
    thread.join(10)
    assert done.is_set()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file: cannot be written"), alone(tmp_path / "file" / "row"):
        pass


def test_a_changed_title_needs_no_measurement(run, write_plan, tmp_path):
    run(write_plan(ROWS))
    path = write_plan(ROWS)
    path.write_text(path.read_text().replace("title: Counts", "title: Numbers"))
    results, said = run(path)
    assert results.title == "Numbers" and all("kept" in line for line in said)


def test_patterns_choose_rows(run, write_plan, tmp_path):
    run(write_plan(ROWS), only=("f*", "t?o"))
    assert counted(tmp_path) == {"five": 5, "two": 2}
    error, _ = run(write_plan(ROWS), only=("x*",))
    assert "--only x*: counts has no such row" in str(error)


def test_rows_on_a_failed_row_are_left_out(run, write_plan, tmp_path):
    plan = CHAIN.replace("up_to: 5", "up_to: 13") + "  - {name: one, kind: counting, up_to: 1}\n"
    error, said = run(write_plan(plan))
    assert str(error).startswith("five, two: not measured") and counted(tmp_path) == {"one": 1}
    assert "two: left out, since it builds on five, which failed" in said


MATRIX = """\
name: counts
matrix:
  seeds: [0, 1]
  scenes: {town: {folder: scenes/town}, gone: {folder: scenes/gone}}
  shared: {ground: {kind: counting, up_to: 3}}
  budgets: {few: {}}
  methods: {plain: {kind: sowing, up_to: 1, after: ground}}
"""


def test_a_matrix_is_written_a_file_per_row(run, tmp_path, scene_folder, measure_here):
    path = tmp_path / "counts.yaml"
    path.write_text(MATRIX)
    error, said = run(path)
    assert "row 'gone / ground': " in str(error) and "add --data gone=FOLDER" in str(error) and said == []

    def measured(row, runs):
        return replace(measure_here(row, runs), cell=row.cell, seconds=60.0 if row.cell else 600.0)

    results, said = run(path, only=("town / *",), measure=measured)
    assert [row.name for row in results.rows] == [
        "town / ground",
        "town / few / plain / seed 0",
        "town / few / plain / seed 1",
    ]
    assert [line.split(": ")[1] for line in said] == [
        "measuring (1 of 3)",
        "measuring (2 of 3, about 20 min left)",  # nothing of its kind is measured: as long as the first
        "measuring (3 of 3, about 1 min left)",
    ]
    out = tmp_path / "out"
    assert (
        len(list((out / "counts").glob("*.json"))) == 3 and json.loads((out / "counts.json").read_text())["rows"] == []
    )
    kept, said = run(path, only=("town / few*",))
    assert kept == results and all("kept" in line for line in said)

    results, said = run(path, only=("town / ground",), overwrite=True)
    assert [row.name for row in results.rows] == ["town / ground"]
    assert len(list((out / "counts").glob("*.json"))) == 1


def test_figures_of_another_folder_are_not_averaged_with_those_of_a_scene(run, tmp_path, scene_folder):
    path = tmp_path / "counts.yaml"
    path.write_text(MATRIX)
    run(path, only=("town / few / plain / seed 0",))
    (tmp_path / "village").mkdir()
    plan = read_plan(path, scenes={"town": tmp_path / "village"})
    for only in ("town / few / plain / seed 1", "town / ground"):
        with pytest.raises(InputError, match="are of the folder town; .*--output-dir NEW"):
            run_plan(plan, tmp_path / "out", only=(only,), say=lambda line: None)


def test_rows_are_found_without_the_file_above_them(run, tmp_path, scene_folder):
    path = tmp_path / "counts.yaml"
    path.write_text(MATRIX)
    kept, _ = run(path, only=("town / *",))
    (tmp_path / "out" / "counts.json").unlink()
    results, said = run(path, only=("town / *",))
    assert {row.name: row for row in results.rows} == {row.name: row for row in kept.rows}
    assert len(kept.rows) == 3 and all("kept" in line for line in said)
    assert len(read_results(tmp_path / "out" / "counts.json").rows) == 3  # which is there again


def test_a_scene_that_is_a_file(run, tmp_path, scene_folder):
    path = tmp_path / "counts.yaml"
    path.write_text(MATRIX)
    (tmp_path / "scenes" / "gone").touch()
    error, said = run(path, only=("gone / *",))
    assert "gone: no such scene folder" in str(error) and said == []


def test_a_commit_that_changes_meanwhile_is_no_longer_what_was_measured(run, write_plan, monkeypatch):
    commits = iter(["a1", "a1", "a1", "b2"])
    monkeypatch.setattr("nerfseg_ns.benchmark.row.versions", lambda: {"torch": "2", "commit": next(commits)})
    results, _ = run(write_plan(ROWS))
    assert [row.versions["commit"] for row in results.rows] == ["a1", "a1-modified"]


def test_a_city_is_made_when_its_first_row_needs_it(run, tmp_path, measure_here, monkeypatch):
    monkeypatch.setattr("nerfseg_ns.scene.command.make_scene", lambda command: made.append(command) or finish(command))
    made = []

    def finish(command):
        command.out.mkdir(parents=True)
        (command.out / "classes.json").touch()

    path = tmp_path / "counts.yaml"
    path.write_text(MATRIX.replace("gone: {folder: scenes/gone}", "city: {seed: 5, views: 6, size: 40}"))
    plan = read_plan(path, made=tmp_path / "made")
    monkeypatch.setattr("nerfseg_ns.benchmark.runner._write_plots", lambda *arguments: None)
    run_plan(plan, tmp_path / "out", only=("city*",), measure=measure_here, say=lambda line: None)
    (command,) = made
    assert (command.seed, command.views, command.size, command.depth) == (5, 6, 40, False)
    assert command.out == tmp_path / "made" / "city-seed5-6x40"


def test_seconds_in_words():
    assert [said_time(seconds) for seconds in (10, 90, 3599, 5400)] == [
        "less than a minute",
        "2 min",
        "1 h 0 min",
        "1 h 30 min",
    ]


def test_an_interrupted_training_is_no_finished_run(tmp_path):
    place = RowPlace("row", None, tmp_path)
    folder = place.run_folder("ground")
    config = folder / "train" / "nerfseg-lite" / "run" / "config.yml"
    config.parent.mkdir(parents=True)
    config.touch()  # nerfstudio writes it before the first step
    with pytest.raises(InputError, match="no finished run of row 'ground'; measure it again"):
        place.finished_run("ground")
    (folder / "training.json").touch()
    assert place.finished_run("ground") == config


def test_folders_of_runs_are_inside_and_differ(tmp_path):
    place = RowPlace("a", None, tmp_path)
    names = ["both", "R on, seed 0", "R-on seed 0", "R on seed 0", "..", "/", "a/b", "ä", "."]
    folders = [place.run_folder(name) for name in names]
    assert folders[0] == tmp_path / "both"
    assert len(set(folders)) == len(names)
    assert all(folder.resolve().parent == tmp_path.resolve() for folder in folders)
