"""A benchmark as its YAML file describes it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from nerfseg_ns.benchmark.benchmark_scenes import BenchmarkScene
from nerfseg_ns.benchmark.matrix import Comparison, Matrix
from nerfseg_ns.benchmark.row_kinds import row_kind
from nerfseg_ns.benchmark.typed_values import settings_from
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean

_TOP_KEYS = ("name", "title", "data", "baseline", "defaults", "rows", "matrix")
_MERGED = "overrides"  # a mapping under this key in a row adds to the one in defaults instead of replacing it


@dataclass(frozen=True)
class PlannedRow:
    """One row to measure.

    Args:
        name: unique within the benchmark.
        kind: key of :data:`nerfseg_ns.benchmark.row_kinds.ROW_KINDS`.
        data: the scene folder; None for kinds that need none.
        settings: the kind's settings dataclass.
        scene: of a matrix, what :attr:`data` comes from.
        cell: of a matrix, see :class:`~nerfseg_ns.benchmark.row_kinds.MeasuredRow`.
    """

    name: str
    kind: str
    data: Path | None
    settings: Any
    scene: BenchmarkScene | None = None
    cell: dict[str, Any] | None = None


@dataclass(frozen=True)
class BenchmarkPlan:
    """A benchmark: its rows, and the row that others are compared with.

    Args:
        name: names the result files.
        title: heads table and plot.
        baseline: name of the row that others are compared with.
        rows: at least one.
        comparison: of a matrix, how its cells are shown.
    """

    name: str
    title: str
    baseline: str | None
    rows: tuple[PlannedRow, ...]
    comparison: Comparison | None = None


def read_plan(
    path: Path, data: Path | None = None, scenes: Mapping[str, Path] | None = None, made: Path = Path("scenes")
) -> BenchmarkPlan:
    """Read a benchmark's YAML file and check every row of it.

    Keys: ``name``, ``title``, ``rows`` (each with ``name``, ``kind`` and the kind's settings); optionally ``data`` (a
    scene folder, relative to the file), ``baseline`` (a row's name) and ``defaults`` (for every row; ``overrides`` of
    a row are added to those of the defaults). A row that builds on another one stands after it. ``matrix`` stands for
    further rows, see :class:`~nerfseg_ns.benchmark.matrix.Matrix`. ``base`` names another file beside this one, whose
    keys hold where this one does not have its own.

    Args:
        path: the YAML file.
        data: a scene folder that takes the place of every ``data`` in the file; relative to the working directory.
        scenes: scene of the matrix -> folder that takes the place of what the file says.
        made: folder in which the cities of a matrix are made.

    Raises:
        InputError: whatever is wrong with the file, or a scene folder that is not there.
    """
    document = _read_mapping(path)
    for key in document:
        if key not in _TOP_KEYS:
            raise InputError(f"{path}: unknown key {key!r}; {did_you_mean(str(key), _TOP_KEYS)}")
    name = document.get("name")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise InputError(f"{path}: name: {name!r}; expected letters, digits, - and _, since it names the result files")
    defaults = document.get("defaults", {})
    entries = document.get("rows", [] if "matrix" in document else None)
    if not isinstance(defaults, Mapping) or not isinstance(entries, list) or not (entries or "matrix" in document):
        raise InputError(f"{path}: expected a list under rows: and, if at all, a mapping under defaults:")
    rows = tuple(_row(entry, defaults, document.get("data"), path, data) for entry in entries)
    comparison = None
    if "matrix" in document:
        if data is not None:
            raise InputError(f"--data {data}: {path} has several scenes; say which one: --data NAME={data}")
        matrix = Matrix(document["matrix"], defaults, scenes or {}, made, path)
        rows += tuple(
            _row(entry.values, defaults, None, path, None, entry.scene, entry.cell) for entry in matrix.entries()
        )
        comparison = matrix.comparison
    elif scenes:
        raise InputError(f"--data {next(iter(scenes))}=...: {path} has no matrix of scenes; give the folder alone")
    known = {"kind", "data"}.union(*(_keys(type(row.settings)) for row in rows))
    for key in defaults:
        if key not in known:
            raise InputError(f"{path}: defaults: unknown key {key!r}; {did_you_mean(str(key), known)}")
    names = [row.name for row in rows]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise InputError(f"{path}: more than one row is named {', '.join(doubled)}")
    for index, row in enumerate(rows):
        for needed in row_kind(row.kind, row.name).needed_rows(row.settings):
            if needed not in names[:index]:
                near = did_you_mean(needed, names[:index])
                raise InputError(
                    f"{path}: row {row.name!r}: builds on row {needed!r}, but no row before it is that; {near}"
                )
    baseline = document.get("baseline")
    if baseline is not None and baseline not in names:
        raise InputError(f"{path}: baseline: no row {baseline!r}; {did_you_mean(str(baseline), names)}")
    return BenchmarkPlan(name, str(document.get("title", name)), baseline, rows, comparison)


def _read_mapping(path: Path, above: tuple[Path, ...] = ()) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file; expected a benchmark's YAML file, such as configs/speed.yaml"
        ) from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not a YAML file: {' '.join(str(error).split())}") from None
    if not isinstance(document, Mapping):
        raise InputError(f"{path}: expected a mapping with name:, title: and rows:")
    if "base" not in document:
        return document
    base = path.parent / str(document["base"])
    above = (*above, path.resolve())
    if base.resolve() in above:
        raise InputError(f"{path}: base: {document['base']}: a file cannot build on itself")
    return _added_up(_read_mapping(base, above), {key: value for key, value in document.items() if key != "base"})


def _added_up(base: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    """Mappings in mappings are added up; anything else of ``own`` takes the place of what the base has."""
    merged = dict(base)
    for key, value in own.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _added_up(merged[key], value) if both else value
    return merged


def _row(
    entry: Any,
    defaults: Mapping[str, Any],
    plan_data: str | None,
    path: Path,
    data: Path | None,
    scene: BenchmarkScene | None = None,
    cell: dict[str, Any] | None = None,
) -> PlannedRow:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
        raise InputError(f"{path}: every row is a mapping with a name:, not {entry!r}")
    name = entry["name"]
    where = f"{path}: row {name!r}"
    values = {"data": plan_data, **defaults, **entry}
    if isinstance(defaults.get(_MERGED), Mapping) and isinstance(entry.get(_MERGED), Mapping):
        values[_MERGED] = {**defaults[_MERGED], **entry[_MERGED]}
    values.pop("name")
    kind_name, row_data = values.pop("kind", None), values.pop("data")
    if not isinstance(kind_name, str):
        raise InputError(f"{where}: kind is missing; expected the name of a row kind, such as training-speed")
    kind = row_kind(kind_name, where)
    # Defaults are shared by rows of several kinds: what a kind does not know is dropped, but not what the row says.
    known = _keys(kind.settings)
    values = {key: value for key, value in values.items() if key in known or key in entry}
    settings: Any = settings_from(kind.settings, values, where)
    folder = None
    if kind.needs_data and scene is not None:
        folder = scene.folder
    elif kind.needs_data:
        if data is None and not isinstance(row_data, str):
            raise InputError(f"{where}: data is missing; name a scene folder in the file, or add --data SCENE")
        folder = data if data is not None else path.parent / str(row_data)
        if not folder.exists():
            raise InputError(
                f"{where}: {folder}: no such scene folder; add --data SCENE, or make one with `nerfseg scene {folder}`"
            )
    return PlannedRow(name, kind_name, folder, settings, scene, cell)


def _keys(settings: type) -> set[str]:
    return {field.name for field in fields(settings)}
