"""How long the rest of a benchmark will take, from what its rows took so far."""

import statistics
from collections.abc import Iterable, Sequence

from nerfseg_ns.benchmark.plan import PlannedRow
from nerfseg_ns.benchmark.row_kinds import MeasuredRow


def seconds_left(remaining: Sequence[PlannedRow], measured: Iterable[MeasuredRow]) -> float | None:
    """Estimated seconds for the remaining rows; None when nothing is measured yet.

    A row takes as long as the median of those of its method in the matrix, else of its kind, else of all.
    """
    taken: dict[object, list[float]] = {}
    for row in measured:
        if row.seconds is not None:
            for key in _keys(row):
                taken.setdefault(key, []).append(row.seconds)
    if not taken:
        return None
    return sum(statistics.median(next(taken[key] for key in _keys(row) if key in taken)) for row in remaining)


def _keys(row: PlannedRow | MeasuredRow) -> list[object]:
    method = [] if row.cell is None else [("method", row.cell["method"])]
    return [*method, ("kind", row.kind), "any"]


def said_time(seconds: float) -> str:
    """Seconds in words.

    Example:
        >>> said_time(5400)
        '1 h 30 min'
    """
    if seconds < 30:
        return "less than a minute"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
