"""Confusion plot and contact sheet: what is on them, pixel by pixel where it matters."""

import numpy as np
import pytest
import torch

from nerfseg_ns.core.class_table import ClassTable, SemanticClass
from nerfseg_ns.evaluation.confusion_plot import confusion_plot
from nerfseg_ns.evaluation.contact_sheet import contact_sheet
from nerfseg_ns.evaluation.view_scores import ShownView, ViewScore

CLASSES = ClassTable((SemanticClass(0, "Building", (10, 200, 30)), SemanticClass(1, "Road", (250, 120, 10))))
WRONG = (214, 34, 48)


def shown(label=True, prediction=True):
    """Left half class 0, right half class 1; everything predicted as class 0; top rows unlabelled."""
    ids = torch.zeros(64, 64, dtype=torch.uint8)
    labels = ids.clone()
    labels[:, 32:] = 1
    labels[:8] = 255
    image = torch.full((64, 64, 3), 100, dtype=torch.uint8)
    score = ViewScore("a_rather_long_view_name_004", 24.5, 0.7, 0.5)
    return ShownView(score, image, image // 2, labels if label else None, ids if prediction else None)


def count(sheet, colour, tolerance=2):
    pixels = np.asarray(sheet).astype(int)
    return int((np.abs(pixels - np.array(colour)).max(axis=-1) <= tolerance).sum())


def test_sheet_shows_label_prediction_and_errors():
    sheet = contact_sheet([shown()], CLASSES, tile_width=64)
    labelled_half = 56 * 32
    assert count(sheet, WRONG) >= labelled_half  # the wrong half of the errors column, and its legend swatch
    assert count(sheet, WRONG) < labelled_half + 400
    # class 0: half of the label and the whole prediction; class 1: half of the label
    assert labelled_half + 64 * 64 <= count(sheet, (10, 200, 30)) < labelled_half + 64 * 64 + 400
    assert labelled_half <= count(sheet, (250, 120, 10)) < labelled_half + 400


def test_shrinking_mixes_no_class_colours():
    sheet = contact_sheet([shown()], CLASSES, tile_width=37)
    mixed = (np.array((10, 200, 30)) + np.array((250, 120, 10))) // 2
    assert count(sheet, mixed, tolerance=20) == 0


def test_sheet_has_a_row_per_view_and_a_column_per_picture():
    one, two = (contact_sheet([shown()] * n, CLASSES, tile_width=64) for n in (1, 2))
    assert two.width == one.width and 64 <= two.height - one.height <= 64 + 12
    stage1 = contact_sheet([shown(label=False, prediction=False)], None, tile_width=64)
    assert one.width - stage1.width >= 64
    assert count(stage1, WRONG) == 0


def test_small_pictures_are_not_blown_up():
    assert contact_sheet([shown()], CLASSES, tile_width=1000).width < 4 * 128 + 200


def test_view_without_label_leaves_its_places_blank():
    sheet = contact_sheet([shown(), shown(label=False)], CLASSES, tile_width=64)
    assert count(sheet, WRONG) < 56 * 32 + 400  # errors of the first view only


def test_sheet_without_views_is_refused():
    with pytest.raises(ValueError, match="at least one view"):
        contact_sheet([], CLASSES)


def dark_cells(picture):
    """Pixels in the darkest blue of the colour map: cells of about 100 %, and a little of the colour bar."""
    return count(picture, (8, 48, 107), tolerance=6)


def test_plot_is_normalised_by_row():
    rare_but_right = confusion_plot(np.array([[1_000_000, 0], [0, 3]]), ["Building", "Pole"], "title")
    rare_and_wrong = confusion_plot(np.array([[1_000_000, 0], [3, 0]]), ["Building", "Pole"], "title")
    both = dark_cells(rare_but_right)
    assert both > 4000
    assert dark_cells(rare_and_wrong) == pytest.approx(both, rel=0.1)  # two full cells, one of them off the diagonal
    spread = confusion_plot(np.array([[1_000_000, 0], [3, 3]]), ["Building", "Pole"], "title")
    assert dark_cells(spread) < 0.65 * both


def test_unused_classes_take_no_room():
    used = confusion_plot(np.diag([5, 5, 5, 5, 5, 5, 5, 5, 5, 5]), [f"class {k}" for k in range(10)], "title")
    counts = np.zeros((20, 20), dtype=int)
    counts[:10, :10] = np.diag([5] * 10)
    with_unused = confusion_plot(counts, [f"class {k}" for k in range(20)], "title")
    assert with_unused.size == used.size
    full = confusion_plot(np.diag([5] * 20), [f"class {k}" for k in range(20)], "title")
    assert full.width > used.width


def test_predicted_but_never_labelled_class_does_not_divide_by_zero():
    with np.errstate(all="raise"):
        picture = confusion_plot(np.array([[3, 1], [0, 0]]), ["Building", "Ghost"], "title")
    assert picture.mode == "RGB"
