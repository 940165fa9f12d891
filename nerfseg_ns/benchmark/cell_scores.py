"""Means, spreads and differences of the cells of a matrix."""

import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from nerfseg_ns.benchmark.margins import Margin
from nerfseg_ns.benchmark.row_kinds import MeasuredRow

Run = tuple[str, int | None]
"""Scene and seed; None for a method without random numbers."""


@dataclass(frozen=True)
class Spread:
    """A mean over scenes (of the means over the seeds of each), and how far single runs are from each other.

    Args:
        mean: of the scenes.
        deviation: standard deviation over the runs; None for a single one.
        runs: how many.
        scenes: how many of them differ in their scene.
    """

    mean: float
    deviation: float | None
    runs: int
    scenes: int


@dataclass(frozen=True)
class MeasuredMargin:
    """A margin as it was measured, on the scenes that both sides have; of the other side one method is enough.

    Args:
        margin: what was asked for.
        over: the method it is taken against; of several, those that are the best of any scene, among those measured.
        lacking: methods that are not measured on all of these scenes -> on how many they are.
        own: mIoU of the method, over the runs of the difference.
        other: mIoU of what it is compared with, likewise.
        difference: spread of own less other, over pairs of runs.
        way: share of the way from the other to the ``half_way_to`` method, on the scenes that all three have; None
            where that was not asked for or is not measured.
        above: own less the mIoU of the ``above`` method; None likewise.
        bar_scenes: how many scenes ``way`` is taken on, and ``above``; 0: none.
    """

    margin: Margin
    over: tuple[str, ...]
    lacking: dict[str, int]
    own: float
    other: float
    difference: Spread
    way: float | None
    above: float | None
    bar_scenes: tuple[int, int] = (0, 0)

    @property
    def reached(self) -> bool | None:
        """Whether the aim is reached; None without an aim, or where it depends on what is not measured.

        A method that is not measured on a scene might be the better one there.
        """
        margin = self.margin
        if margin.share is not None:
            passed: bool | None = self.own >= margin.share * self.other
        elif margin.points is not None:
            passed = 100 * self.difference.mean >= margin.points or (self.way is not None and self.way >= 0.5)
        else:
            return None
        if margin.above is not None and passed:
            passed = None if self.above is None else self.above > 0
        return None if passed and self.lacking else passed


class CellScores:
    """mIoU of the cells.

    Args:
        rows: those without a cell, or without an mIoU, are left out.
    """

    def __init__(self, rows: Sequence[MeasuredRow]) -> None:
        self._runs: dict[tuple[str, str], dict[Run, MeasuredRow]] = {}
        for row in rows:
            if row.cell is not None and row.result.get("miou") is not None:
                key = row.cell["method"], row.cell["budget"]
                self._runs.setdefault(key, {})[row.cell["scene"], row.cell["seed"]] = row

    def rows(self, method: str, budget: str) -> list[MeasuredRow]:
        """The measured rows of a cell of the table, over all scenes and seeds."""
        return list(self._runs.get((method, budget), {}).values())

    def spread(self, method: str, budget: str) -> Spread | None:
        """Mean and spread of one cell of the table; None where nothing is measured."""
        return spread_of(self._miou(method, budget))

    def class_iou(self, method: str, budget: str, name: str) -> float | None:
        """The IoU of a class, on the scenes whose test views show it; None where none does."""
        runs = {
            run: entry["iou"]
            for run, row in self._runs.get((method, budget), {}).items()
            for entry in row.result["per_class"]
            if entry["name"] == name and entry["iou"] is not None
        }
        return _mean(runs) if runs else None

    def margin(self, margin: Margin) -> MeasuredMargin | None:
        """A margin; None where nothing of it is measured on one scene."""
        own = self._miou(margin.of, margin.budget)
        over_budget = margin.over_budget or margin.budget
        others = {method: self._miou(method, over_budget) for method in margin.over}
        best: dict[str, str] = {}
        left: dict[Run, float] = {}
        other: dict[Run, float] = {}
        for scene in sorted(_scenes(own)):
            here = _on(own, {scene})
            pairs = {name: _paired(here, _on(runs, {scene})) for name, runs in others.items() if scene in _scenes(runs)}
            if pairs:
                best[scene] = max(pairs, key=lambda name: _mean(pairs[name][1]) - _mean(pairs[name][0]))
                left |= pairs[best[scene]][0]
                other |= pairs[best[scene]][1]
        if not best:
            return None
        own = left
        on = {method: len(_scenes(others[method]) & best.keys()) for method in margin.over}
        difference = spread_of(_differences(own, other))
        assert difference is not None
        return MeasuredMargin(
            margin,
            tuple(method for method in margin.over if method in best.values()),
            {method: count for method, count in on.items() if count < len(best)},
            _mean(own),
            _mean(other),
            difference,
            self._way(own, other, margin),
            self._above(own, margin),
            (len(self._bar_scenes(own, margin.half_way_to, margin)), len(self._bar_scenes(own, margin.above, margin))),
        )

    def _miou(self, method: str, budget: str) -> dict[Run, float]:
        return {run: row.result["miou"] for run, row in self._runs.get((method, budget), {}).items()}

    def _way(self, own: dict[Run, float], other: dict[Run, float], margin: Margin) -> float | None:
        scenes = self._bar_scenes(own, margin.half_way_to, margin)
        if margin.half_way_to is None or not scenes:
            return None
        goal = self._miou(margin.half_way_to, margin.budget)
        start = _mean(_on(other, scenes))
        length = _mean(_on(goal, scenes)) - start
        return (_mean(_on(own, scenes)) - start) / length if length > 0 else None

    def _above(self, own: dict[Run, float], margin: Margin) -> float | None:
        scenes = self._bar_scenes(own, margin.above, margin)
        if margin.above is None or not scenes:
            return None
        return _mean(_on(own, scenes)) - _mean(_on(self._miou(margin.above, margin.budget), scenes))

    def _bar_scenes(self, own: dict[Run, float], method: str | None, margin: Margin) -> set[str]:
        return set() if method is None else _scenes(own) & _scenes(self._miou(method, margin.budget))


def spread_of(runs: dict[Run, float]) -> Spread | None:
    """Mean and spread of runs; None without any."""
    if not runs:
        return None
    values = list(runs.values())
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Spread(_mean(runs), deviation, len(values), len(_scenes(runs)))


def _scenes(runs: Collection[Run]) -> set[str]:
    return {scene for scene, _ in runs}


def _on(runs: dict[Run, float], scenes: Collection[str]) -> dict[Run, float]:
    return {run: value for run, value in runs.items() if run[0] in scenes}


def _mean(runs: dict[Run, float]) -> float:
    """The mean over scenes of the mean over seeds, so that a scene with more seeds does not count for more."""
    by_scene: dict[str, list[float]] = {}
    for (scene, _), value in runs.items():
        by_scene.setdefault(scene, []).append(value)
    return statistics.fmean(statistics.fmean(values) for values in by_scene.values())


def _paired(own: dict[Run, float], other: dict[Run, float]) -> tuple[dict[Run, float], dict[Run, float]]:
    """Both sides on each scene with the seeds that both have; with all of them where they share none."""
    left: dict[Run, float] = {}
    right: dict[Run, float] = {}
    for scene in _scenes(own):
        here, there = _on(own, {scene}), _on(other, {scene})
        shared = here.keys() & there.keys()
        left |= {run: value for run, value in here.items() if run in shared or not shared}
        right |= {run: value for run, value in there.items() if run in shared or not shared}
    return left, right


def _differences(own: dict[Run, float], other: dict[Run, float]) -> dict[Run, float]:
    """Of paired sides: runs of one scene and seed; where a scene has none of both sides, the means of that scene."""
    differences: dict[Run, float] = {}
    for scene in _scenes(own):
        here, there = _on(own, {scene}), _on(other, {scene})
        if here.keys() == there.keys():
            differences |= {run: here[run] - there[run] for run in here}
        else:
            differences[scene, None] = _mean(here) - _mean(there)
    return differences
