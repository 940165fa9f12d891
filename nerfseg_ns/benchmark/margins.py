"""Differences between methods that a benchmark states, with the figure that was aimed at."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from nerfseg_ns.benchmark.typed_values import settings_from
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean


@dataclass(frozen=True)
class Margin:
    """One method against others.

    Args:
        of: the method.
        budget: its budget.
        over: the methods it is compared with; of several, the best of each scene.
        over_budget: their budget; None: the same.
        points: mIoU points that were aimed at.
        share: share of the other mIoU that was aimed at, instead of points.
        half_way_to: a method, of the same budget: half of what lies between the others and it reaches the aim as well.
        above: a method, of the same budget, that has to be passed besides.
    """

    of: str
    budget: str
    over: tuple[str, ...]
    over_budget: str | None = None
    points: float | None = None
    share: float | None = None
    half_way_to: str | None = None
    above: str | None = None

    def __post_init__(self) -> None:
        if self.points is None and self.half_way_to is not None:
            raise InputError("half_way_to: expected points as well, which it is the other way to reach")
        if self.points is None and self.share is None and self.above is not None:
            raise InputError("above: expected points or share as well")
        if not self.over:
            raise InputError("over: expected at least one method")
        if self.points is not None and self.share is not None:
            raise InputError("points and share exclude each other; give one, or none for a difference without an aim")


def read_margins(entries: Any, budgets: Collection[str], methods: Collection[str], where: str) -> tuple[Margin, ...]:
    """The margins of a matrix.

    Raises:
        InputError: an entry that is none, or names a budget or method that is not there.
    """
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{where}: expected a list of mappings with of:, over: and budget:")
    margins = tuple(settings_from(Margin, entry, where) for entry in entries)
    for margin in margins:
        for name in (margin.of, *margin.over, margin.half_way_to, margin.above):
            if name is not None and name not in methods:
                raise InputError(f"{where}: no method {name!r}; {did_you_mean(name, methods)}")
        for name in (margin.budget, margin.over_budget):
            if name is not None and name not in budgets:
                raise InputError(f"{where}: no budget {name!r}; {did_you_mean(name, budgets)}")
    return margins
