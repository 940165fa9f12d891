"""PSNR against training time, a line per row."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

_COLOURS = ("#1f5fa8", "#c2571a", "#2f7d4f", "#8a3f8f", "#6b6f76", "#a8872a")


def speed_plot(curves: Mapping[str, Sequence[tuple[float, float]]], title: str) -> Image.Image:
    """A line per row, named at its end.

    Args:
        curves: name -> (seconds of training, PSNR in dB), rising in seconds.
        title: one line above the plot.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 4.6), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    ends = []
    for index, (name, curve) in enumerate(curves.items()):
        seconds, values = zip(*curve, strict=True)
        colour = _COLOURS[index % len(_COLOURS)]
        axes.plot(seconds, values, color=colour, marker="o", markersize=4.5, linewidth=2)
        ends.append((values[-1], seconds[-1], name, colour))
    low, high = axes.get_ylim()
    place = -np.inf
    for value, second, name, colour in sorted(ends):  # from below, so that names of close ends stand apart
        place = max(value, place + 0.06 * (high - low))
        text = f"{name}, {value:.1f} dB"
        axes.annotate(text, (second, place), (8, 0), textcoords="offset points", color=colour, va="center")
    axes.set_xlim(left=0)
    axes.set_xlabel("seconds of training, compilation included")
    axes.set_ylabel("PSNR over test views, dB")
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(axis="y", color="#e3e6ea")
    axes.spines[["top", "right"]].set_visible(False)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
