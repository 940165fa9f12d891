"""Runs the rows of a benchmark one after the other, keeping what is finished."""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import MISSING, fields, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from nerfseg_ns.benchmark.child_process import run_child
from nerfseg_ns.benchmark.plan import BenchmarkPlan, PlannedRow
from nerfseg_ns.benchmark.process_lock import alone
from nerfseg_ns.benchmark.results import BenchmarkResults, json_values, read_results, row_files, write_results
from nerfseg_ns.benchmark.row_kinds import MeasuredRow, file_stem, row_kind
from nerfseg_ns.benchmark.time_left import said_time, seconds_left
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean
from nerfseg_ns.core.whole_file import replacing

ROW_COMMAND = (sys.executable, "-m", "nerfseg_ns.benchmark.row")

_LISTED = 10
"""So many kept rows are named one by one."""


class RowFailed(Exception):
    """A row's process ended without a result; its own message is on stderr already."""


def measure_in_own_process(row: PlannedRow, runs: Path, command: Sequence[str] = ROW_COMMAND) -> MeasuredRow:
    """Measure one row in a fresh Python process.

    Args:
        row: what to measure.
        runs: see :class:`nerfseg_ns.benchmark.row_kinds.RowPlace`.
        command: the process, without its two arguments.

    Raises:
        RowFailed: the process ended without a result.
    """
    with tempfile.TemporaryDirectory(prefix="nerfseg-benchmark-") as folder:
        specification, result = Path(folder) / "specification.json", Path(folder) / "result.json"
        data = None if row.data is None else str(row.data.resolve())
        settings = json_values(row.settings)
        values = {"name": row.name, "kind": row.kind, "data": data, "runs": str(runs.resolve()), "settings": settings}
        specification.write_text(json.dumps(values), encoding="utf-8")
        start = time.perf_counter()
        code = run_child([*command, str(specification), str(result)])
        if code != 0:
            raise RowFailed(f"exit code {code}")
        measured = MeasuredRow(**json.loads(result.read_text(encoding="utf-8")))
        return replace(measured, cell=row.cell, seconds=round(time.perf_counter() - start, 1))


def run_plan(
    plan: BenchmarkPlan,
    output_dir: Path,
    only: Collection[str] = (),
    overwrite: bool = False,
    measure: Callable[[PlannedRow, Path], MeasuredRow] = measure_in_own_process,
    say: Callable[[str], None] = print,
) -> BenchmarkResults:
    """Measure the rows that have no result yet, and write the results after each and the plots at the end.

    Args:
        plan: what to measure.
        output_dir: where ``NAME.json`` lies or will lie.
        only: names of the rows to measure, or patterns of names (``*`` and ``?``); empty: all of them. Rows that they
            build on are measured as well where those have no result.
        overwrite: measure rows again that have a result.
        measure: how one row is measured; its second argument is OUTPUT_DIR/NAME-runs, where rows that train keep their
            runs.
        say: receives progress, line by line.

    Raises:
        InputError: a name or pattern in ``only`` that fits no row; a row that its kind's check refuses, a scene that is
            not there, or a row that is kept but was measured with other settings or data (nothing is measured then);
            rows that failed (the others are measured and written).

    Several processes can run parts of one plan: a row that one of them is measuring is waited for, and kept.
    """
    path, runs = output_dir / f"{plan.name}.json", output_dir / f"{plan.name}-runs"
    finished = _finished(path)
    found = dict(finished)
    asked = _chosen(plan, only)
    needed = _with_needed(plan, asked)
    _refuse_other_scenes([row for row in plan.rows if row.name in needed], finished, path)
    for row in plan.rows:
        if row.name in needed and row.name in finished and not (overwrite and row.name in asked):
            _refuse_other_settings(row, finished[row.name], path)
    wanted = {name for name in asked if overwrite or name not in finished}
    _add_needed(plan, wanted, finished)
    rows = [row for row in plan.rows if row.name in wanted]
    for row in rows:
        try:
            if row.scene is not None and row.scene.recipe is None:
                row.scene.provide()
            row_kind(row.kind, plan.name).check(row.settings, row.data)
        except InputError as error:
            raise InputError(f"row {row.name!r}: {error}") from None
    kept = [name for name in asked if name not in wanted]
    for name in kept if len(kept) <= _LISTED else [f"{len(kept)} rows"]:
        say(f"{name}: has a result in {path}; kept (--overwrite measures it again)")

    failed: list[str] = []
    for number, row in enumerate(rows):
        lacking = [name for name in row_kind(row.kind, plan.name).needed_rows(row.settings) if name in failed]
        if lacking:
            say(f"{row.name}: left out, since it builds on {lacking[0]}, which failed")
            failed.append(row.name)
            continue
        with alone(runs / file_stem(row.name), partial(say, f"{row.name}: another process measures it; waiting")):
            finished = _finished(path)
            if finished.get(row.name) not in (None, found.get(row.name)) and not _differing(row, finished[row.name]):
                say(f"{row.name}: measured by another process; kept")
                continue
            say(f"{row.name}: measuring{_progress(rows, number, finished)}")
            try:
                if row.scene is not None:
                    row.scene.provide()
                measured = measure(row, runs)
            except (RowFailed, InputError) as error:
                say(f"{row.name}: failed ({error})")
                failed.append(row.name)
                continue
            finished = {**_finished(path), row.name: measured}
            changed = [row.name]
            for name in _built_on(plan, row.name):
                if finished.pop(name, None) is not None:
                    say(f"{name}: its result is dropped; it was measured on the former run of {row.name}")
                    changed.insert(0, name)  # taken away before the row that they no longer fit is there
            write_results(_results(plan, finished), path, changed)

    results = _results(plan, _finished(path))
    if results.rows:  # titles and margins may have changed where no row has, and the file above the rows may be gone
        written = read_results(path) if path.exists() else None
        head = (results.title, results.baseline, results.comparison)
        if written is None or (written.title, written.baseline, written.comparison) != head:
            write_results(results, path, [])
        results = read_results(path)
    _write_plots(results, plan, output_dir)
    if failed:
        others = f"the other rows are in {path}" if path.exists() else "no row has a result"
        raise InputError(f"{', '.join(failed)}: not measured, see above; {others}")
    return results


def _finished(path: Path) -> dict[str, MeasuredRow]:
    rows = read_results(path).rows if path.exists() else row_files(path)
    return {row.name: row for row in rows}


def _chosen(plan: BenchmarkPlan, only: Collection[str]) -> list[str]:
    names = [row.name for row in plan.rows]
    for pattern in only:
        if pattern not in names and not any(fnmatchcase(name, pattern) for name in names):
            raise InputError(f"--only {pattern}: {plan.name} has no such row; {did_you_mean(pattern, names)}")
    return [name for name in names if not only or any(name == wanted or fnmatchcase(name, wanted) for wanted in only)]


def _add_needed(plan: BenchmarkPlan, wanted: set[str], finished: Collection[str]) -> None:
    """Add the unmeasured rows that the wanted ones build on, in place; a row stands after those it builds on."""
    for row in reversed(plan.rows):
        if row.name in wanted:
            wanted.update(set(row_kind(row.kind, row.name).needed_rows(row.settings)) - set(finished))


def _with_needed(plan: BenchmarkPlan, names: Collection[str]) -> set[str]:
    """Rows, and all that they build on."""
    found = set(names)
    for row in reversed(plan.rows):
        if row.name in found:
            found.update(row_kind(row.kind, row.name).needed_rows(row.settings))
    return found


def _progress(rows: Sequence[PlannedRow], number: int, finished: dict[str, MeasuredRow]) -> str:
    if len(rows) == 1:
        return ""
    left = seconds_left(rows[number:], finished.values())
    return f" ({number + 1} of {len(rows)}{'' if left is None else f', about {said_time(left)} left'})"


def _write_plots(results: BenchmarkResults, plan: BenchmarkPlan, output_dir: Path) -> None:
    if results.comparison is not None:
        rows = results.comparison.shown(results.rows)
        if any(row.cell is not None and row.result.get("miou") is not None for row in rows):
            from nerfseg_ns.benchmark.comparison_plot import comparison_plot

            with replacing(output_dir / f"{plan.name}.png") as temporary:
                comparison_plot(rows, results.comparison, plan.title).save(temporary)
        return
    for kind_name, rows in results.by_kind().items():
        plot = row_kind(kind_name, plan.name).plot
        if plot is not None:
            with replacing(output_dir / f"{plan.name}-{kind_name}.png") as temporary:
                plot(rows, plan.title).save(temporary)


def _results(plan: BenchmarkPlan, finished: dict[str, MeasuredRow]) -> BenchmarkResults:
    """Rows in the order of the plan; after them measured rows that the plan no longer has, since they cost time."""
    order = [row.name for row in plan.rows if row.name in finished]
    order += [name for name in finished if name not in order]
    rows = tuple(finished[name] for name in order)
    return BenchmarkResults(plan.name, plan.title, plan.baseline, rows, plan.comparison)


def _built_on(plan: BenchmarkPlan, name: str) -> list[str]:
    """The rows that build on the run of a row, and those that build on them."""
    found = [name]
    for row in plan.rows:
        if set(row_kind(row.kind, row.name).needed_rows(row.settings)).intersection(found):
            found.append(row.name)
    return found[1:]


def _refuse_other_scenes(rows: Sequence[PlannedRow], finished: dict[str, MeasuredRow], path: Path) -> None:
    """Figures of one scene's name are averaged, so they have to be of one folder."""
    measured: dict[str, set[str | None]] = {}
    for result in finished.values():
        measured.setdefault(result.name.partition(" / ")[0], set()).add(result.data)
    for row in rows:
        if row.scene is None or row.data is None:
            continue
        others = measured.get(row.scene.name, set()) - {row.data.resolve().name}
        if others:
            raise InputError(
                f"--data {row.scene.name}={row.data}: the results of this scene in {path} are of the folder "
                f"{' and '.join(map(str, others))}; measure another one into a folder of its own: --output-dir NEW"
            )


def _refuse_other_settings(row: PlannedRow, result: MeasuredRow, path: Path) -> None:
    differing = _differing(row, result)
    if differing:
        raise InputError(
            f"{path}: row {row.name!r} was measured with other settings ({', '.join(differing)}); add "
            f"--overwrite --only {row.name!r} to measure it again"
        )


def _differing(row: PlannedRow, result: MeasuredRow) -> list[str]:
    """The settings in which a row and a result of it differ.

    A setting that its kind has gained since has its default in the result: it changes nothing that was before it.
    """
    defaults = {each.name: each.default for each in fields(row.settings) if each.default is not MISSING}
    gained = json.loads(json.dumps(defaults, default=str))
    wanted = {"kind": row.kind, "data": row.data.resolve().name if row.data else None, **json_values(row.settings)}
    measured = {**gained, "kind": result.kind, "data": result.data, **result.settings}
    return sorted(key for key in {*wanted, *measured} if wanted.get(key) != measured.get(key))
