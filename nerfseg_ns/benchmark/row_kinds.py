"""The kinds of benchmark rows.

A kind is one module with one :class:`RowKind`, and one line in :data:`ROW_KINDS`. Kinds are imported only when a row
names them; what a kind needs beyond the standard library is imported inside its ``measure`` or ``plot``.
"""

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean

if TYPE_CHECKING:
    from PIL.Image import Image

ROW_KINDS: dict[str, str] = {
    "clicks": "nerfseg_ns.benchmark.clicks:clicks",
    "gaussian-smoothing": "nerfseg_ns.benchmark.gaussian_smoothing:gaussian_smoothing",
    "image-network": "nerfseg_ns.benchmark.image_network:image_network",
    "label-transfer": "nerfseg_ns.benchmark.label_transfer:label_transfer",
    "map": "nerfseg_ns.benchmark.map_accuracy:map_accuracy",
    "scribbles": "nerfseg_ns.benchmark.scribbles:scribbles",
    "segmentation": "nerfseg_ns.benchmark.segmentation:segmentation",
    "selection": "nerfseg_ns.benchmark.selection:selection",
    "training-speed": "nerfseg_ns.benchmark.training_speed:training_speed",
}
"""name in the YAML file -> ``module:attribute`` of the :class:`RowKind`."""


TRAINED = "training.json"
"""File in the folder of a row that trains; it is written when the training has come to its end."""


@dataclass(frozen=True)
class MeasuredRow:
    """One row of the results, as the JSON file holds it.

    Args:
        name: unique within the benchmark.
        kind: key of :data:`ROW_KINDS`.
        data: name of the scene folder, without where it lay.
        settings: what was measured, JSON values.
        result: figures of the kind, JSON values.
        memory: see :func:`nerfseg_ns.benchmark.machine.peak_memory`.
        hardware: see :func:`nerfseg_ns.benchmark.machine.hardware`.
        versions: see :func:`nerfseg_ns.benchmark.machine.versions`.
        date: when the row ended, ISO 8601, UTC.
        cell: of a matrix, the ``scene``, ``budget``, ``method`` and ``seed`` (None: the kind has none) of this row.
        seconds: wall time of the row's process.
    """

    name: str
    kind: str
    data: str | None
    settings: dict[str, Any]
    result: dict[str, Any]
    memory: dict[str, float | None]
    hardware: dict[str, Any]
    versions: dict[str, str | None]
    date: str
    cell: dict[str, Any] | None = None
    seconds: float | None = None


def file_stem(row: str) -> str:
    """A row's name as the name of a file or folder; different names have different ones."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", row).strip("-")
    return row if plain == row else f"{plain}-{zlib.crc32(row.encode()):08x}"


@dataclass(frozen=True)
class RowPlace:
    """Which row is measured, and where.

    Args:
        name: of the row.
        data: the scene folder; None for kinds that need none.
        runs: the folder in which the rows of a benchmark leave what other rows build on.
    """

    name: str
    data: Path | None
    runs: Path

    def run_folder(self, name: str) -> Path:
        """The folder of a row in :attr:`runs`; different names have different folders."""
        return self.runs / file_stem(name)

    def finished_run(self, name: str) -> Path:
        """The config.yml of the training run that an earlier row left.

        Raises:
            InputError: there is none, or its training was interrupted.
        """
        configs = sorted(self.run_folder(name).glob("*/*/*/config.yml"))
        if not configs or not (self.run_folder(name) / TRAINED).is_file():
            raise InputError(
                f"{self.run_folder(name)}: no finished run of row {name!r}; measure it again: --overwrite --only "
                f"{name!r}"
            )
        return configs[0]


@dataclass(frozen=True)
class TableText:
    """Cells of a table, the header first, and a sentence or two below it."""

    cells: Sequence[Sequence[str]]
    note: str


@dataclass(frozen=True)
class RowKind:
    """How rows of a kind are measured and shown.

    Args:
        settings: frozen dataclass of the keys that a row of this kind has in the YAML file. It raises InputError for
            values out of range.
        measure: (settings, place) -> figures as JSON values. Runs in a process of its own.
        check: (settings, scene folder or None); finds what is wrong with a row before any row is measured, and raises
            InputError. Runs in the process of the command.
        table: (rows, the baseline row among them or None) -> table.
        plot: (rows, title) -> picture; None: no plot.
        needs_data: whether a row needs a scene folder.
        references: the settings that name an earlier row whose run this one builds on, None where it builds on none.
    """

    settings: type
    measure: Callable[[Any, RowPlace], dict[str, Any]]
    table: Callable[[Sequence[MeasuredRow], MeasuredRow | None], TableText]
    check: Callable[[Any, Path | None], None] = lambda settings, data: None
    plot: "Callable[[Sequence[MeasuredRow], str], Image] | None" = None
    needs_data: bool = True
    references: tuple[str, ...] = ()

    def needed_rows(self, settings: Any) -> tuple[str, ...]:
        """The names of the earlier rows that a row builds on."""
        return tuple(name for name in (getattr(settings, key) for key in self.references) if name is not None)


def row_kind(name: str, where: str, registry: Mapping[str, str] = ROW_KINDS) -> RowKind:
    """The kind of that name.

    Raises:
        InputError: there is none.
    """
    if name not in registry:
        raise InputError(f"{where}: no row kind {name!r}; {did_you_mean(name, registry)}")
    module, attribute = registry[name].split(":")
    kind = getattr(import_module(module), attribute)
    assert isinstance(kind, RowKind)
    return kind
