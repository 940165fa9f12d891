"""The results of a benchmark: one JSON file, from which every table and plot is made."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nerfseg_ns.benchmark.row_kinds import MeasuredRow, TableText, row_kind
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import write_whole_text


@dataclass(frozen=True)
class BenchmarkResults:
    """Measured rows of one benchmark.

    Args:
        name: of the benchmark.
        title: heads table and plot.
        baseline: name of the row that others are compared with.
        rows: in the order of the tables.
    """

    name: str
    title: str
    baseline: str | None
    rows: tuple[MeasuredRow, ...]

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
        rows = tuple(MeasuredRow(**row) for row in document["rows"])
        return BenchmarkResults(document["name"], document["title"], document["baseline"], rows)
    except FileNotFoundError:
        raise InputError(f"{path}: no such results; `nerfseg benchmark CONFIG` writes them") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not the results of a benchmark ({error!r})") from None


def write_results(results: BenchmarkResults, path: Path) -> None:
    """Write a results file, replacing it at once."""
    write_whole_text(path, json.dumps(asdict(results), indent=1, allow_nan=False) + "\n")


def json_values(settings: Any) -> dict[str, Any]:
    """A settings dataclass as JSON gives it back: tuples are lists, paths text."""
    values = json.loads(json.dumps(asdict(settings), default=str))
    assert isinstance(values, dict)
    return values


def markdown(results: BenchmarkResults) -> str:
    """The tables of a benchmark, one per kind of row, each with its note and what it was measured on."""
    baseline = results.baseline_row()
    parts = []
    for kind, rows in results.by_kind().items():
        text = row_kind(kind, f"results of {results.name}").table(rows, baseline)
        parts.append(f"{_markdown_table(text)}\n\n{text.note} {_provenance(rows)}\n")
    return "\n".join(parts)


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


def _machine(hardware: Mapping[str, Any]) -> str:
    cores = f"{hardware['cores']} cores of {hardware['cpu']}"
    return f"{hardware['gpu']}, {cores}" if hardware["gpu"] else f"{cores}, no GPU"


def _software(versions: Mapping[str, str | None]) -> str:
    names = {"torch": "torch", "nerfstudio": "nerfstudio", "nerfseg_ns": "nerfseg_ns", "tinycudann": "tiny-cuda-nn"}
    return ", ".join(f"{said} {versions[name]}" for name, said in names.items() if versions.get(name))
