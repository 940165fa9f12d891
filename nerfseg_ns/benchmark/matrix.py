"""Rows for every scene, label budget, method and seed, without writing each of them down."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from nerfseg_ns.benchmark.benchmark_scenes import BenchmarkScene, read_scenes
from nerfseg_ns.benchmark.margins import Margin, read_margins
from nerfseg_ns.benchmark.row_kinds import MeasuredRow, RowKind, row_kind
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean

_KEYS = ("seeds", "scenes", "shared", "budgets", "methods", "margins", "class_budget")
_LIMITS = ("scenes", "budgets")
"""Keys of a method that say where it is measured; it is measured everywhere without them."""


@dataclass(frozen=True)
class MatrixEntry:
    """One row that a matrix stands for.

    Args:
        values: as the row would stand under ``rows:``, with its name.
        scene: where it is measured.
        cell: ``scene``, ``budget``, ``method`` and ``seed``; None for a row that cells share.
    """

    values: dict[str, Any]
    scene: BenchmarkScene
    cell: dict[str, Any] | None


@dataclass(frozen=True)
class Comparison:
    """How the cells of a matrix are shown.

    Args:
        budgets: names, in order.
        methods: names, in order.
        class_budget: the budget whose classes are shown one by one.
        margins: differences that are stated.
        scenes: names; none: all that have results.
        seeds: likewise.
        shared: names of the rows that each scene has once.
    """

    budgets: tuple[str, ...]
    methods: tuple[str, ...]
    class_budget: str
    margins: tuple[Margin, ...] = ()
    scenes: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    shared: tuple[str, ...] = ()

    def shared_name(self, row: MeasuredRow) -> str | None:
        """The name that a shared row has in every scene; None of a cell, and of a row that the matrix does not have."""
        scene, _, name = row.name.partition(" / ")
        of_matrix = row.cell is None and name in self.shared and (not self.scenes or scene in self.scenes)
        return name if of_matrix else None

    def shown(self, rows: Iterable[MeasuredRow]) -> list[MeasuredRow]:
        """Those of the rows that count: shared ones, and cells that the matrix still has."""
        return [row for row in rows if row.cell is None or self._has(row.cell)]

    def _has(self, cell: Mapping[str, Any]) -> bool:
        return (
            cell["budget"] in self.budgets
            and cell["method"] in self.methods
            and (not self.scenes or cell["scene"] in self.scenes)
            and (not self.seeds or cell["seed"] is None or cell["seed"] in self.seeds)
        )


class Matrix:
    """The ``matrix:`` of a benchmark's YAML file.

    ``scenes``: see :func:`~nerfseg_ns.benchmark.benchmark_scenes.read_scenes`. ``shared``: rows that each scene has
    once and that cells build on. ``budgets`` and ``methods``: name -> keys of the rows; those of the method win,
    ``overrides`` of both are added up. ``class_budget``: the one whose classes are shown one by one. A method has one
    cell for every seed of ``seeds`` when its kind has a seed. Where a setting names another row, it names a shared row,
    or a method before it: that method's cell of the same scene, budget and seed.

    Args:
        document: what stands under ``matrix:``.
        defaults: the file's ``defaults``.
        given: scenes whose folder was given on the command line.
        made: folder in which cities are made.
        config: the YAML file.

    Raises:
        InputError: a mistake in it.
    """

    def __init__(
        self, document: Any, defaults: Mapping[str, Any], given: Mapping[str, Path], made: Path, config: Path
    ) -> None:
        self._where = f"{config}: matrix"
        if not isinstance(document, Mapping):
            raise InputError(f"{self._where}: expected a mapping with {', '.join(_KEYS)}")
        for key in document:
            if key not in _KEYS:
                raise InputError(f"{self._where}: unknown key {key!r}; {did_you_mean(str(key), _KEYS)}")
        self._defaults = defaults
        self._scenes = read_scenes(document.get("scenes"), given, made, config, f"{self._where}: scenes")
        self._check_names(self._scenes, "scenes")
        self._shared = self._named(document.get("shared", {}), "shared")
        self._budgets = self._named(document.get("budgets"), "budgets")
        self._methods = self._named(document.get("methods"), "methods")
        self._seeds = document.get("seeds", [0])
        if not isinstance(self._seeds, list) or not all(type(seed) is int for seed in self._seeds) or not self._seeds:
            raise InputError(f"{self._where}: seeds: {self._seeds!r}; expected a list of whole numbers")
        for name, values in [*self._shared.items(), *self._methods.items()]:
            self._check_limits(name, values)
        margins = read_margins(document.get("margins", []), self._budgets, self._methods, f"{self._where}: margins")
        class_budget = document.get("class_budget", next(iter(self._budgets)))
        if class_budget not in list(self._budgets):
            raise InputError(f"{self._where}: class_budget: no {class_budget!r}; known: {', '.join(self._budgets)}")
        self.comparison = Comparison(
            tuple(self._budgets),
            tuple(self._methods),
            class_budget,
            margins,
            tuple(self._scenes),
            tuple(self._seeds),
            tuple(self._shared),
        )

    def entries(self) -> Iterator[MatrixEntry]:
        """The rows, those of the first seed first, so that an interrupted benchmark has something of everything."""
        for number, seed in enumerate(self._seeds):
            for scene in self._scenes.values():
                if number == 0:
                    yield from self._shared_rows(scene)
                for budget, budget_values in self._budgets.items():
                    for method, values in self._methods.items():
                        if not self._measured(values, scene.name, budget):
                            continue
                        if number > 0 and not self._has_seed(method):
                            continue
                        own = {key: value for key, value in values.items() if key not in _LIMITS}
                        own_seed = seed if self._has_seed(method) else None
                        cell: dict[str, Any] = {
                            "scene": scene.name,
                            "budget": budget,
                            "method": method,
                            "seed": own_seed,
                        }
                        row = {**budget_values, **own, "name": self._cell_name(scene.name, budget, method, seed)}
                        if self._has_seed(method):
                            row["seed"] = seed
                        if isinstance(budget_values.get("overrides"), Mapping):
                            row["overrides"] = {**budget_values["overrides"], **self._overrides(own, method)}
                        self._resolve(row, scene.name, budget, method, seed)
                        yield MatrixEntry(row, scene, cell)

    def _shared_rows(self, scene: BenchmarkScene) -> Iterator[MatrixEntry]:
        for name, values in self._shared.items():
            if scene.name in values.get("scenes", [scene.name]):
                row = {key: value for key, value in values.items() if key != "scenes"}
                row["name"] = f"{scene.name} / {name}"
                self._resolve(row, scene.name, None, name, 0)
                yield MatrixEntry(row, scene, None)

    def _overrides(self, values: Mapping[str, Any], of: str) -> Mapping[str, Any]:
        overrides = values.get("overrides", {})
        if not isinstance(overrides, Mapping):
            raise InputError(f"{self._where}: {of}: overrides: {overrides!r}; expected a mapping")
        return overrides

    def _cell_name(self, scene: str, budget: str, method: str, seed: int) -> str:
        parts = [scene, budget, method, *([f"seed {seed}"] if self._has_seed(method) else [])]
        return " / ".join(parts)

    def _resolve(self, row: dict[str, Any], scene: str, budget: str | None, own: str, seed: int) -> None:
        """Turn the names of shared rows and methods into names of rows, in place."""
        for key in self._kind(row, own).references:
            wanted = row.get(key, self._defaults.get(key))
            if wanted is None:
                continue
            if not isinstance(wanted, str):
                raise InputError(f"{self._where}: {own}: {key}: {wanted!r}; expected the name of a row")
            if wanted in self._shared and wanted != own:
                row[key] = f"{scene} / {wanted}"
            elif wanted in self._methods and budget is not None and wanted != own:
                row[key] = self._cell_name(scene, budget, wanted, seed)
            else:
                near = did_you_mean(wanted, [*self._shared, *self._methods])
                raise InputError(f"{self._where}: {own}: {key}: {wanted!r} is no shared row and no method; {near}")

    def _kind(self, values: Mapping[str, Any], name: str) -> RowKind:
        return row_kind(str(values.get("kind", self._defaults.get("kind"))), f"{self._where}: {name}")

    def _has_seed(self, method: str) -> bool:
        values = self._methods[method]
        settings = self._kind(values, method).settings
        return "seed" not in values and any(field.name == "seed" for field in fields(settings))

    @staticmethod
    def _measured(values: Mapping[str, Any], scene: str, budget: str) -> bool:
        return scene in values.get("scenes", [scene]) and budget in values.get("budgets", [budget])

    def _check_limits(self, of: str, values: Mapping[str, Any]) -> None:
        for key, known in (("scenes", self._scenes), ("budgets", self._budgets)):
            names = values.get(key, [])
            if not isinstance(names, list):
                raise InputError(f"{self._where}: {of}: {key}: {names!r}; expected a list of names")
            for name in names:
                if name not in list(known):
                    raise InputError(f"{self._where}: {of}: {key}: no {name!r}; {did_you_mean(str(name), known)}")

    def _check_names(self, names: Iterable[Any], key: str) -> None:
        for name in names:
            if not isinstance(name, str) or "/" in name:
                raise InputError(f"{self._where}: {key}: {name!r}; expected a name without /")

    def _named(self, entries: Any, key: str) -> dict[str, dict[str, Any]]:
        valid = isinstance(entries, Mapping) and all(isinstance(entry, Mapping) for entry in entries.values())
        if not valid or (not entries and key != "shared"):
            raise InputError(f"{self._where}: {key}: expected a mapping of names, each with the keys of a row")
        self._check_names(entries, key)
        return {name: dict(entry) for name, entry in entries.items()}
