"""mIoU over the label budgets, a line per method."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from nerfseg_ns.benchmark.cell_scores import CellScores
from nerfseg_ns.benchmark.matrix import Comparison
from nerfseg_ns.benchmark.row_kinds import MeasuredRow

_COLOURS = (
    "#1f5fa8",
    "#c2571a",
    "#2f7d4f",
    "#8a3f8f",
    "#6b6f76",
    "#a8872a",
    "#b03a5b",
    "#2a8f9c",
    "#4b4fb8",
    "#7a5230",
    "#1c1e21",
)
_MARKERS = "osD^vPX*<>dh"  # one more than colours: with more methods than colours no two look the same


def comparison_plot(rows: Sequence[MeasuredRow], comparison: Comparison, title: str) -> Image.Image:
    """A line per method over the numbers of labelled views, and points for other budgets; bars are standard deviations.

    Args:
        rows: measured rows of the matrix, at least one of a cell; cells that it no longer has do not count.
        comparison: methods and budgets, in order.
        title: one line above the plot.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = comparison.shown(rows)
    scores = CellScores(rows)
    counted = {
        row.cell["budget"] for row in rows if row.cell is not None and row.settings.get("labelled_views") is not None
    }
    figure = Figure(figsize=(9.0, 5.0), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    budgets = [budget for budget in comparison.budgets if any(scores.rows(m, budget) for m in comparison.methods)]
    drawn = [method for method in comparison.methods if any(scores.rows(method, budget) for budget in budgets)]
    for index, method in enumerate(drawn):
        aside = 0.3 * ((index + 0.5) / len(drawn) - 0.5)  # so that bars of methods do not hide each other
        points = [
            (place + aside, spread, budget in counted)
            for place, budget in enumerate(budgets)
            if (spread := scores.spread(method, budget)) is not None
        ]
        style = {"color": _COLOURS[index % len(_COLOURS)], "marker": _MARKERS[index % len(_MARKERS)], "markersize": 6}
        line = [(x, spread.mean) for x, spread, is_count in points if is_count]
        if line:
            axes.plot(*zip(*line, strict=True), color=style["color"], linewidth=1.6)
        axes.errorbar(
            [x for x, *_ in points],
            [spread.mean for _, spread, _ in points],
            yerr=[spread.deviation or 0.0 for _, spread, _ in points],
            linestyle="none",
            elinewidth=1.2,
            label=method,
            **style,
        )
    axes.set_xticks(range(len(budgets)), budgets)
    axes.set_xlim(-0.5, len(budgets) - 0.5)
    axes.set_ylabel("mIoU over the test views")
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(axis="y", color="#e3e6ea")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
