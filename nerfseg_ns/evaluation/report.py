"""The evaluation report: figures, how they were counted, and what they were measured on."""

import json
import math
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rich.table import Table

from nerfseg_ns.benchmark.machine import hardware, versions
from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.confusion import PROTOCOL, ConfusionMatrix
from nerfseg_ns.core.whole_file import write_whole_text
from nerfseg_ns.evaluation.view_scores import SplitScores

IMAGE_PROTOCOL = (
    "PSNR and SSIM (data range 1, 11x11 Gaussian window) per view over all its pixels, then the mean of views."
)
"""How the image figures are counted, in words."""

SEMANTIC_KEYS = ("miou", "overall_accuracy", "average_accuracy", "mean_f1", "per_class")
"""Keys that are null when there is nothing to score."""


def report(scores: SplitScores, class_table: ClassTable | None, run: dict[str, Any]) -> dict[str, Any]:
    """The report as it is written to JSON.

    Args:
        scores: of all views of the split.
        class_table: the scene's classes.
        run: what was evaluated: ``method``, ``split``, ``checkpoint``, ``step``.

    Returns:
        ``miou``, ``overall_accuracy``, ``average_accuracy``, ``mean_f1`` and ``per_class`` (all null when there is
        nothing to score, with the reason in ``no_semantics``), ``psnr`` in dB, ``ssim``, ``views``,
        ``labelled_views``, ``labelled_pixels``, ``seconds``, ``per_view``, ``protocol``, the entries of ``run``,
        ``hardware``, ``versions`` and ``date``.
    """
    reason = _why_no_semantics(scores, class_table)
    document: dict[str, Any] = dict.fromkeys(SEMANTIC_KEYS)
    pixels = 0
    if reason is None and scores.confusion is not None and class_table is not None:
        document.update(semantic_figures(scores.confusion, class_table))
        pixels = int(scores.confusion.counts.sum())
    return {
        **document,
        "no_semantics": reason,
        "psnr": scores.psnr,
        "ssim": scores.ssim,
        "views": len(scores.views),
        "labelled_views": scores.labelled_views,
        "labelled_pixels": pixels,
        "seconds": round(scores.seconds, 2),
        "protocol": f"{PROTOCOL} {IMAGE_PROTOCOL}" if reason is None else IMAGE_PROTOCOL,
        **run,
        "per_view": [vars(view) for view in scores.views],
        "hardware": hardware(),
        "versions": versions(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def write_report(document: dict[str, Any], path: Path) -> None:
    """Write the report as strict JSON (null where a figure is not defined)."""
    write_whole_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def report_table(document: dict[str, Any]) -> Table:
    """The report as a table for the terminal."""
    table = Table(
        title=f"{document['method']}, {document['split']} split, {document['views']} views", title_style="bold"
    )
    if document["per_class"] is None:
        table.add_column("figure")
        table.add_column("value", justify="right")
        table.add_row("semantics", document["no_semantics"])
    else:
        for name in ("class", "IoU", "accuracy", "F1", "pixels"):
            table.add_column(name, justify="left" if name == "class" else "right")
        for entry in document["per_class"]:
            figures = [_figure(entry[key]) for key in ("iou", "accuracy", "f1")]
            table.add_row(entry["name"], *figures, f"{entry['pixels']:,}", style=None if entry["pixels"] else "dim")
        table.add_section()
        means = [_figure(document[key]) for key in ("miou", "average_accuracy", "mean_f1")]
        table.add_row("mean of labelled classes", *means, f"{document['labelled_pixels']:,}", style="bold")
        table.add_row("overall accuracy", "", _figure(document["overall_accuracy"]), "", "", style="bold")
        table.add_section()
    table.add_row("PSNR", f"{document['psnr']:.2f} dB")
    table.add_row("SSIM", f"{document['ssim']:.3f}")
    return table


def _why_no_semantics(scores: SplitScores, class_table: ClassTable | None) -> str | None:
    if class_table is None:
        return "the data has no classes"
    if scores.confusion is None:
        return "the model renders no semantics: the checkpoint is from stage 1, or of a method without classes"
    if int(scores.confusion.counts.sum()) == 0:
        return "no pixel of the split is labelled"
    return None


def semantic_figures(confusion: ConfusionMatrix, class_table: ClassTable) -> dict[str, Any]:
    """``miou``, ``overall_accuracy``, ``average_accuracy``, ``mean_f1`` and ``per_class`` of a report.

    Raises:
        ValueError: no labelled pixel was counted.
    """
    scores = confusion.scores()
    return {
        "miou": scores.miou,
        "overall_accuracy": scores.overall_accuracy,
        "average_accuracy": scores.average_accuracy,
        "mean_f1": scores.mean_f1,
        "per_class": [
            {
                "id": entry.id,
                "name": entry.name,
                "iou": _or_null(float(scores.iou[entry.id])),
                "accuracy": _or_null(float(scores.accuracy[entry.id])),
                "f1": _or_null(float(scores.f1[entry.id])),
                "pixels": int(scores.pixels[entry.id]),
            }
            for entry in class_table.classes
        ],
    }


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else value


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
