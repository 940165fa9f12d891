"""A confusion matrix as a picture."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int
from PIL import Image

_WRITTEN_FROM = 0.5  # percent; smaller shares are left to the colour


def confusion_plot(counts: Int[np.ndarray, "classes classes"], names: Sequence[str], title: str) -> Image.Image:
    """Where the labelled pixels of each class went, in percent of the row.

    Classes that occur neither in the labels nor in the predictions are left out. A class that is predicted and never
    labelled has a column and an empty row.

    Args:
        counts: rows = label, columns = prediction, pixels.
        names: class names in the order of the ids.
        title: one line above the plot.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    used = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    counts = counts[np.ix_(used, used)]
    pixels = counts.sum(axis=1)
    percent = 100.0 * counts / np.maximum(pixels, 1)[:, None]
    size = len(used)

    side = max(4.0, 0.46 * size)
    figure = Figure(figsize=(side + 3.2, side + 1.8), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    for row, column in zip(*np.nonzero(percent >= _WRITTEN_FROM), strict=True):
        value = percent[row, column]
        axes.text(
            column,
            row,
            f"{value:.0f}",
            ha="center",
            va="center",
            fontsize=9,
            color="white" if value > 55 else "#1f2a37",
            fontweight="bold" if row == column else "normal",
        )
    for row in np.flatnonzero(pixels == 0):
        axes.text(0, row, "  never labelled", va="center", fontsize=9, color="#8a8f98", style="italic")
    share = 100.0 * pixels / max(int(pixels.sum()), 1)
    axes.set_xticks(range(size), [names[k] for k in used], rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(size), [names[k] + _in_brackets(s) for k, s in zip(used, share, strict=True)])
    axes.set_xlabel("predicted class")
    axes.set_ylabel("labelled class (share of the labelled pixels)")
    axes.set_xticks(np.arange(size + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(size + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#e3e6ea", linewidth=0.6)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=11)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02)
    bar.set_label("% of the labelled pixels of the class")
    bar.outline.set_visible(False)

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def _in_brackets(share: float) -> str:
    if share == 0:
        return ""
    return f"  ({share:.0f} %)" if share >= 9.95 else f"  ({share:.1f} %)" if share >= 0.05 else "  (< 0.1 %)"
