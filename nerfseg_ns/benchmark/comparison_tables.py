"""The tables of a matrix: mIoU by label budget, the margins, the classes and the costs."""

import statistics
from collections.abc import Sequence

from nerfseg_ns.benchmark.cell_scores import CellScores, MeasuredMargin, Spread
from nerfseg_ns.benchmark.margins import Margin
from nerfseg_ns.benchmark.matrix import Comparison
from nerfseg_ns.benchmark.row_kinds import MeasuredRow, TableText


def comparison_parts(rows: Sequence[MeasuredRow], comparison: Comparison) -> dict[str, TableText]:
    """The tables by name: ``budgets``, ``margins``, ``classes`` and ``costs``; those that would be empty are left out.

    Args:
        rows: measured rows of the matrix, in any order; cells that it no longer has do not count.
        comparison: how they are shown.
    """
    rows = comparison.shown(rows)
    scores = CellScores(rows)
    parts = {
        "budgets": _budgets(scores, comparison, rows),
        "margins": _margins(scores, comparison),
        "classes": _classes(scores, comparison),
        "costs": _costs(scores, comparison, rows),
    }
    return {name: text for name, text in parts.items() if name == "budgets" or len(text.cells) > 1}


def _budgets(scores: CellScores, comparison: Comparison, rows: Sequence[MeasuredRow]) -> TableText:
    spreads = {
        (method, budget): scores.spread(method, budget)
        for method in comparison.methods
        for budget in comparison.budgets
    }
    methods = [name for name in comparison.methods if any(spreads[name, budget] for budget in comparison.budgets)]
    counts = {(spread.scenes, spread.runs) for spread in spreads.values() if spread is not None}
    cells = [["mIoU", *comparison.budgets]]
    for method in methods:
        cells.append([method, *(_spread(spreads[method, budget], len(counts) > 1) for budget in comparison.budgets)])
    if len(counts) > 1:
        counted = "In parentheses: runs and, where they are several, scenes."
    else:
        counted = "; ".join(f"Every figure is of {_count(runs, scenes)}." for scenes, runs in counts)
    remarks: dict[str, list[str]] = {}
    for row in rows:
        for remark in row.result.get("remarks", []) if row.cell is not None else []:
            said_of = remarks.setdefault(remark, [])
            if row.cell is not None and row.cell["method"] not in said_of:
                said_of.append(row.cell["method"])
    said = [f"{', '.join(said_of)}: {remark}." for remark, said_of in remarks.items()]
    note = (
        f"Over all labelled pixels of the test views{_sizes(rows)}; mean over the scenes, ± the standard deviation "
        f"over single runs (seeds and scenes). {counted}"
    )
    return TableText(cells, " ".join([note, *said]))


def _margins(scores: CellScores, comparison: Comparison) -> TableText:
    cells = [["margin in mIoU points", "measured", "aim", "reached", "on"]]
    for margin in comparison.margins:
        measured = scores.margin(margin)
        if measured is not None:
            cells.append(_margin(margin, measured))
    note = (
        "Differences of runs of one scene and seed, on the scenes that both sides have; of several methods on one side "
        "the best that is measured on a scene counts there."
    )
    return TableText(cells, note)


def _margin(margin: Margin, measured: MeasuredMargin) -> list[str]:
    over = margin.over_budget or margin.budget
    name = f"{margin.of}, {margin.budget}, against {' or '.join(measured.over)}, {over}"
    difference = measured.difference
    figure = f"{100 * difference.mean:+.1f}"
    if difference.deviation is not None:
        figure += f" ± {100 * difference.deviation:.1f}"
    aims = []
    if margin.share is not None:
        figure += f" ({measured.own / measured.other:.0%})" if measured.other > 0 else ""
        aims.append(f"{margin.share:.0%}")
    if margin.points is not None:
        aims.append(f"{margin.points:+g}")
    if margin.half_way_to is not None:
        where = _on_fewer(measured.bar_scenes[0], difference.scenes)
        way = "not measured" if measured.way is None else f"{measured.way:.0%} of the way{where}"
        aims.append(f"or half the way to {margin.half_way_to} ({way})")
    if margin.above is not None:
        where = _on_fewer(measured.bar_scenes[1], difference.scenes)
        above = "not measured" if measured.above is None else f"{100 * measured.above:+.1f}{where}"
        aims.append(f"and above {margin.above} ({above})")
    reached = {True: "yes", False: "no", None: "–"}[measured.reached]
    runs = [_count(difference.runs, difference.scenes)]
    runs += [f"{method} on {count or 'none'} of them" for method, count in measured.lacking.items()]
    return [name, figure, ", ".join(aims) or "–", reached, "; ".join(runs)]


def _classes(scores: CellScores, comparison: Comparison) -> TableText:
    budget = comparison.class_budget
    shown = {method: scores.rows(method, budget) for method in comparison.methods}
    shown = {method: rows for method, rows in shown.items() if rows}
    names = dict.fromkeys(entry["name"] for rows in shown.values() for row in rows for entry in row.result["per_class"])
    cells = [[f"IoU, {budget}", *shown]]
    for name in names:
        line = [name]
        for method in shown:
            iou = scores.class_iou(method, budget, name)
            line.append("–" if iou is None else f"{iou:.2f}")
        if any(cell != "–" for cell in line[1:]):
            cells.append(line)
    counts = ", ".join(
        f"{method}: {_count(len(rows), len({row.data for row in rows}))}" for method, rows in shown.items()
    )
    note = (
        "Mean over the scenes in whose test views the class occurs. Columns are not all of the same scenes, and "
        f"scenes differ: {counts}."
    )
    return TableText(cells, note)


def _costs(scores: CellScores, comparison: Comparison, rows: Sequence[MeasuredRow]) -> TableText:
    cells = [["", "runs", "time of a run, median", "peak memory"]]
    costs = {
        method: [row for budget in comparison.budgets for row in scores.rows(method, budget)]
        for method in comparison.methods
    }
    for row in rows:
        if (name := comparison.shared_name(row)) is not None:
            costs.setdefault(f"*{name}*", []).append(row)
    for name, runs in costs.items():
        times = [row.seconds for row in runs if row.seconds is not None]
        if not times:
            continue
        memory = [_peak(row) for row in runs]
        largest = max((value for value in memory if value is not None), default=None)
        size = "–" if largest is None else f"{largest:.1f} GiB"
        cells.append([name, str(len(runs)), f"{statistics.median(times):.0f} s", size])
    note = (
        "Wall time from the start of a run's process to its scores, without what it took from other runs: the "
        "geometry, the labels (in italics: shared by all rows of a scene that need them) and the rendered views; on "
        "what else the machine had to do and on how many threads it depends as much. Main memory."
    )
    return TableText(cells, note)


def _peak(row: MeasuredRow) -> float | None:
    """The largest resident memory of the training, whose process may be another than the row's."""
    training = row.result.get("training_memory") or {}
    return max((row.memory.get("resident_gib") or 0.0, training.get("resident_gib") or 0.0)) or None


def _spread(spread: Spread | None, with_count: bool) -> str:
    if spread is None:
        return "–"
    text = f"{spread.mean:.3f}"
    if spread.deviation is not None:
        text += f" ± {spread.deviation:.3f}"
    if with_count:
        text += f" ({spread.runs} of {spread.scenes})" if spread.scenes > 1 else f" ({spread.runs})"
    return text


def _count(runs: int, scenes: int) -> str:
    return f"{runs} run{'s' * (runs > 1)} of {scenes} scene{'s' * (scenes > 1)}"


def _on_fewer(scenes: int, of: int) -> str:
    return f", on {scenes} of the scenes" if scenes < of else ""


def _sizes(rows: Sequence[MeasuredRow]) -> str:
    sizes = {tuple(row.result["image_size"]) for row in rows if row.cell is not None and "image_size" in row.result}
    return f", {' or '.join(f'{width}x{height}' for width, height in sorted(sizes))}" if sizes else ""
