"""The results of a benchmark: JSON files, from which every table and plot is made.

``NAME.json`` holds all rows; of a benchmark with a matrix it says how cells are compared, and every row is a file in
``NAME/``, so that several processes can measure parts of it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nerfseg_ns.benchmark.comparison_tables import comparison_parts
from nerfseg_ns.benchmark.margins import Margin
from nerfseg_ns.benchmark.matrix import Comparison
from nerfseg_ns.benchmark.row_kinds import MeasuredRow, TableText, file_stem, row_kind
from nerfseg_ns.benchmark.typed_values import settings_from
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean
from nerfseg_ns.core.whole_file import write_whole_text


@dataclass(frozen=True)
class BenchmarkResults:
    """Measured rows of one benchmark.

    Args:
        name: of the benchmark.
        title: heads table and plot.
        baseline: name of the row that others are compared with.
        rows: in the order of the tables.
        comparison: of a matrix, how its cells are shown.
    """

    name: str
    title: str
    baseline: str | None
    rows: tuple[MeasuredRow, ...]
    comparison: Comparison | None = None

    def by_kind(self) -> dict[str, list[MeasuredRow]]:
        """Rows grouped by kind, kinds in the order in which they first appear."""
        groups: dict[str, list[MeasuredRow]] = {}
        for row in self.rows:
            groups.setdefault(row.kind, []).append(row)
        return groups

    def baseline_row(self) -> MeasuredRow | None:
        """The row that others are compared with, once it is measured."""
        return next((row for row in self.rows if row.name == self.baseline), None)


def read_results(path: Path) -> BenchmarkResults:
    """Read a results file.

    Raises:
        InputError: the file is missing or is not one.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(document, Mapping):
            raise InputError("expected a mapping")
        comparison = _comparison(document.get("comparison"))
        rows = [_row(row, f"rows[{index}]") for index, row in enumerate(document["rows"])]
        name, title, baseline = document["name"], document["title"], document["baseline"]
    except FileNotFoundError:
        raise InputError(f"{path}: no such results; `nerfseg benchmark CONFIG` writes them") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not the results of a benchmark ({_said(error)})") from None
    if comparison is not None:
        rows += row_files(path)
        rows.sort(key=lambda row: _place(row, comparison))
    return BenchmarkResults(name, title, baseline, tuple(rows), comparison)


def write_results(results: BenchmarkResults, path: Path, changed: Sequence[str] | None = None) -> None:
    """Write results, replacing each file at once.

    Args:
        results: what is written.
        path: NAME.json.
        changed: of a matrix, the rows whose files are written, or taken away where the results no longer have them;
            None: all that the results have. Files of other rows stay, as another process may have written them.
    """
    head: dict[str, Any] = {"name": results.name, "title": results.title, "baseline": results.baseline}
    if results.comparison is None:
        write_whole_text(path, _json({**head, "rows": [asdict(row) for row in results.rows]}))
        return
    there = {row.name: row for row in results.rows}
    for name in there if changed is None else changed:
        file = _cells(path) / f"{file_stem(name)}.json"
        if name in there:
            write_whole_text(file, _json(asdict(there[name])))
        else:
            file.unlink(missing_ok=True)
    write_whole_text(path, _json({**head, "comparison": asdict(results.comparison), "rows": []}))


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _cells(path: Path) -> Path:
    return path.with_suffix("")


def row_files(path: Path) -> list[MeasuredRow]:
    """The rows of a matrix. Other processes may be at work there: what they still write, and take away, is no row.

    Args:
        path: NAME.json, which itself may be missing.

    Raises:
        InputError: a file that is not the result of a row.
    """
    rows = []
    for file in sorted(_cells(path).glob("*.json")):
        if file.name.startswith("."):  # not whole yet, or never, as its process was killed
            continue
        try:
            rows.append(_row(json.loads(file.read_text(encoding="utf-8")), "row"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise InputError(f"{file}: not the result of a row ({_said(error)}); take the file away") from None
    return rows


def _row(document: Any, where: str) -> MeasuredRow:
    """A row with all that the tables need."""
    if not isinstance(document, Mapping):
        raise InputError(f"{where}: expected a mapping")
    row = settings_from(MeasuredRow, document, where)
    cell_keys = () if row.cell is None else ("scene", "budget", "method", "seed")
    for name, values, keys in (
        ("hardware", row.hardware, ("cpu", "cores", "gpu")),
        ("cell", row.cell or {}, cell_keys),
    ):
        if lacking := [key for key in keys if key not in values]:
            raise InputError(f"{where}: {name} lacks {', '.join(lacking)}")
    miou = row.result.get("miou")
    if row.cell is not None and miou is not None:
        if not isinstance(miou, (int, float)):
            raise InputError(f"{where}: result: miou: {miou!r} is no number")
        if not isinstance(row.result.get("per_class"), list):
            raise InputError(f"{where}: result: expected a list under per_class beside miou")
    return row


def _said(error: BaseException) -> str:
    return str(error) if isinstance(error, InputError) else repr(error)


def _comparison(document: dict[str, Any] | None) -> Comparison | None:
    if document is None:
        return None
    margins = tuple(Margin(**{**margin, "over": tuple(margin["over"])}) for margin in document["margins"])
    several = {key: tuple(document.get(key, ())) for key in ("budgets", "methods", "scenes", "seeds", "shared")}
    return Comparison(class_budget=document["class_budget"], margins=margins, **several)


def _place(row: MeasuredRow, comparison: Comparison) -> tuple[int, int, int, str, int]:
    """Shared rows first, then by budget, method, scene and seed; cells that the matrix no longer has come last."""
    if row.cell is None:
        return -1, 0, 0, row.name, 0
    at = [
        names.index(row.cell[key]) if row.cell[key] in names else len(names)
        for key, names in (("budget", comparison.budgets), ("method", comparison.methods))
    ]
    left = at[0] == len(comparison.budgets) or at[1] == len(comparison.methods)
    return int(left), at[0], at[1], row.cell["scene"], row.cell["seed"] or 0


def json_values(settings: Any) -> dict[str, Any]:
    """A settings dataclass as JSON gives it back: tuples are lists, paths text."""
    values = json.loads(json.dumps(asdict(settings), default=str))
    assert isinstance(values, dict)
    return values


def markdown(results: BenchmarkResults, part: str | None = None) -> str:
    """The tables of a benchmark, one per kind of row, each with its note and what it was measured on.

    Of a matrix: the tables of :func:`~nerfseg_ns.benchmark.comparison_tables.comparison_parts`.

    Args:
        results: at least one row.
        part: of a matrix, only this table; None: all of them.

    Raises:
        InputError: a part that the results do not have.
    """
    if results.comparison is not None:
        parts = comparison_parts(results.rows, results.comparison)
        if part is not None and part not in parts:
            raise InputError(f"{results.name}: no table {part!r}; {did_you_mean(part, parts)}")
        chosen = list(parts.values()) if part is None else [parts[part]]
        texts = [f"{_markdown_table(text)}\n\n{text.note}\n" for text in chosen]
        if part is None or part == next(iter(parts)):
            texts.append(f"{_measured_on(results.comparison.shown(results.rows))}\n")
        return "\n".join(texts)
    if part is not None:
        raise InputError(f"{results.name}: no table {part!r}; only a benchmark with a matrix has named tables")
    baseline = results.baseline_row()
    texts = []
    for kind, rows in results.by_kind().items():
        text = row_kind(kind, f"results of {results.name}").table(rows, baseline)
        texts.append(f"{_markdown_table(text)}\n\n{text.note} {_provenance(rows)}\n")
    return "\n".join(texts)


def _markdown_table(text: TableText) -> str:
    header, *body = text.cells
    lines = [list(header), ["---"] + ["---:"] * (len(header) - 1), *body]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _provenance(rows: Sequence[MeasuredRow]) -> str:
    """Which machine, versions and day; each said once where the rows agree."""
    said: dict[str, list[str]] = {}
    for row in rows:
        said.setdefault(f"{_machine(row.hardware)}; {_software(row.versions)}; {row.date[:10]}", []).append(row.name)
    if len(said) == 1:
        return f"Measured on {next(iter(said))}."
    return " ".join(f"{', '.join(names)}: measured on {where}." for where, names in said.items())


def _measured_on(rows: Sequence[MeasuredRow]) -> str:
    """The same of many rows: how many were measured where, and between which days."""
    if not rows:
        return "Nothing is measured yet."
    counts: dict[str, int] = {}
    for row in rows:
        where = f"{_machine(row.hardware)}; {_software(row.versions)}"
        counts[where] = counts.get(where, 0) + 1
    days = sorted({row.date[:10] for row in rows})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    said = [where if len(counts) == 1 else f"{where} ({count} rows)" for where, count in counts.items()]
    return f"Measured on {'; on '.join(said)}; {when}."


def _machine(hardware: Mapping[str, Any]) -> str:
    used = "" if hardware.get("threads") in (None, hardware["cores"]) else f"{hardware['threads']} of "
    cores = f"{used}{hardware['cores']} cores of {hardware['cpu']}"
    return f"{hardware['gpu']}, {cores}" if hardware["gpu"] else f"{cores}, no GPU"


def _software(versions: Mapping[str, str | None]) -> str:
    names = {"torch": "torch", "nerfstudio": "nerfstudio", "nerfseg_ns": "nerfseg_ns", "tinycudann": "tiny-cuda-nn"}
    return ", ".join(f"{said} {versions[name]}" for name, said in names.items() if versions.get(name))
