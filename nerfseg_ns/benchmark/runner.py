"""Runs the rows of a benchmark one after the other, keeping what is finished."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from nerfseg_ns.benchmark.plan import BenchmarkPlan, PlannedRow
from nerfseg_ns.benchmark.results import BenchmarkResults, json_values, read_results, write_results
from nerfseg_ns.benchmark.row_kinds import MeasuredRow, row_kind
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean
from nerfseg_ns.core.whole_file import replacing

ROW_COMMAND = (sys.executable, "-m", "nerfseg_ns.benchmark.row")


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
        code = subprocess.run([*command, str(specification), str(result)], check=False).returncode
        if code != 0:
            raise RowFailed(f"exit code {code}")
        return MeasuredRow(**json.loads(result.read_text(encoding="utf-8")))


def run_plan(
    plan: BenchmarkPlan,
    output_dir: Path,
    only: Collection[str] = (),
    overwrite: bool = False,
    measure: Callable[[PlannedRow, Path], MeasuredRow] = measure_in_own_process,
    say: Callable[[str], None] = print,
) -> BenchmarkResults:
    """Measure the rows that have no result yet, and write ``NAME.json`` after each and the plots at the end.

    Args:
        plan: what to measure.
        output_dir: where ``NAME.json`` lies or will lie.
        only: names of the rows to measure; empty: all of them.
        overwrite: measure rows again that have a result.
        measure: how one row is measured; its second argument is OUTPUT_DIR/NAME-runs, where rows that train keep their
            runs.
        say: receives progress, line by line.

    Raises:
        InputError: an unknown name in ``only``; a row that its kind's check refuses, or a finished row that was
            measured with other settings or data, without ``overwrite``, or a row that builds on one without a result
            (nothing is measured then); rows that failed (the others are measured and written).
    """
    names = [row.name for row in plan.rows]
    for name in only:
        if name not in names:
            raise InputError(f"--only {name}: {plan.name} has no such row; {did_you_mean(name, names)}")
    path = output_dir / f"{plan.name}.json"
    finished = {row.name: row for row in read_results(path).rows} if path.exists() else {}
    chosen = [row for row in plan.rows if not only or row.name in only]
    if not overwrite:
        for row in chosen:
            if row.name in finished:
                _refuse_other_settings(row, finished[row.name], path)

    for row in chosen:
        if row.name not in finished or overwrite:
            _require_needed_row(row, {*finished, *(other.name for other in chosen)})
            try:
                row_kind(row.kind, plan.name).check(row.settings, row.data)
            except InputError as error:
                raise InputError(f"row {row.name!r}: {error}") from None

    failed: list[str] = []
    for row in chosen:
        if row.name in finished and not overwrite:
            say(f"{row.name}: has a result in {path}; kept (--overwrite measures it again)")
            continue
        say(f"{row.name}: measuring")
        try:
            finished[row.name] = measure(row, output_dir / f"{plan.name}-runs")
        except RowFailed as error:
            say(f"{row.name}: failed ({error})")
            failed.append(row.name)
            continue
        for name in _built_on(plan, row.name):
            if finished.pop(name, None) is not None:
                say(f"{name}: its result is dropped; it was measured on the former run of {row.name}")
        write_results(_results(plan, finished), path)

    results = _results(plan, finished)
    for kind_name, rows in results.by_kind().items():
        plot = row_kind(kind_name, plan.name).plot
        if plot is not None:
            with replacing(output_dir / f"{plan.name}-{kind_name}.png") as temporary:
                plot(rows, plan.title).save(temporary)
    if failed:
        raise InputError(f"{', '.join(failed)}: not measured, see above; the other rows are in {path}")
    return results


def _results(plan: BenchmarkPlan, finished: dict[str, MeasuredRow]) -> BenchmarkResults:
    """Rows in the order of the plan; after them measured rows that the plan no longer has, since they cost time."""
    order = [row.name for row in plan.rows if row.name in finished]
    order += [name for name in finished if name not in order]
    return BenchmarkResults(plan.name, plan.title, plan.baseline, tuple(finished[name] for name in order))


def _built_on(plan: BenchmarkPlan, name: str) -> list[str]:
    """The rows that build on the run of a row."""
    return [row.name for row in plan.rows if row_kind(row.kind, row.name).needs_row(row.settings) == name]


def _require_needed_row(row: PlannedRow, there: Collection[str]) -> None:
    needed = row_kind(row.kind, row.name).needs_row(row.settings)
    if needed is not None and needed not in there:
        raise InputError(
            f"row {row.name!r} builds on row {needed!r}, which has no result; add it: --only {needed!r} ..."
        )


def _refuse_other_settings(row: PlannedRow, result: MeasuredRow, path: Path) -> None:
    wanted = {"kind": row.kind, "data": row.data.resolve().name if row.data else None, **json_values(row.settings)}
    measured = {"kind": result.kind, "data": result.data, **result.settings}
    differing = sorted(key for key in {*wanted, *measured} if wanted.get(key) != measured.get(key))
    if differing:
        raise InputError(
            f"{path}: row {row.name!r} was measured with other settings ({', '.join(differing)}); add "
            f"--overwrite --only {row.name!r} to measure it again"
        )
