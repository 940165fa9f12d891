"""Writes the label images of one row of kind ``scribbles``."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from nerfseg_ns.benchmark.label_budget import LABELS
from nerfseg_ns.benchmark.row_kinds import RowPlace
from nerfseg_ns.benchmark.scribble_strokes import scribbled
from nerfseg_ns.benchmark.scribbles import Scribbles
from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import open_image
from nerfseg_ns.data.label_folder import LabelFolder
from nerfseg_ns.labels.index_png import write_index_png
from nerfseg_ns.selection.view_names import view_names


def write_scribbles(settings: Scribbles, place: RowPlace) -> dict[str, Any]:
    """Write label images of the labelled views into the folder ``labels``.

    Strokes are drawn at the reduced size and every pixel of them is written as a square of ``downscale_factor`` pixels,
    so that reading the images at that size gives the strokes back.

    Returns:
        ``labelled_views``, ``strokes``, ``pixels`` (labelled, at the reduced size), ``share`` of the views' pixels,
        ``classes`` that have a stroke and ``classes_in_views``.

    Raises:
        InputError: a scene without labels, or whose images are no multiple of the downscale factor.
    """
    assert place.data is not None
    dataset = settings.dataset(place, "train")
    views = dataset.semantic_views
    if views is None or not dataset.labelled_view_indices:
        raise InputError(f"{place.data}: no training view has a label to draw strokes of")
    names = view_names(dataset.image_filenames)
    folder = LabelFolder(place.run_folder(place.name) / LABELS)
    if folder.path.exists():
        shutil.rmtree(folder.path)
    rng = np.random.default_rng(settings.seed)
    factor = settings.downscale_factor or 1
    strokes = pixels = total = 0
    drawn_classes: set[int] = set()
    classes: set[int] = set()
    for index in dataset.labelled_view_indices:
        labels = dataset.get_semantics(index)[..., 0].numpy()
        wanted = max(1, round(settings.share * labels.size))
        drawn, count = scribbled(labels, wanted, max(1, round(settings.length * min(labels.shape))), rng)
        strokes, total = strokes + count, total + labels.size
        pixels += int((drawn != IGNORE).sum())
        drawn_classes.update(np.unique(drawn).tolist())
        classes.update(np.unique(labels).tolist())
        whole = np.kron(drawn, np.ones((factor, factor), np.uint8))
        path = Path(dataset.image_filenames[index])
        with open_image(path) as image:
            if image.size != whole.shape[::-1]:
                size = "x".join(str(side) for side in image.size)
                raise InputError(f"{path}: {size} pixels; expected a multiple of downscale_factor {factor}")
        write_index_png(folder.label_file(names[index]), whole, views.class_table)
    folder.finish(views.class_table)
    return {
        "labelled_views": len(dataset.labelled_view_indices),
        "strokes": strokes,
        "pixels": pixels,
        "share": pixels / total,
        "classes": len(drawn_classes - {IGNORE}),
        "classes_in_views": len(classes - {IGNORE}),
    }
