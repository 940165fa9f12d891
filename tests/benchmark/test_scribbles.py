"""The row kind scribbles: strokes inside their classes, and labels that other rows read back."""

import numpy as np
import pytest
from PIL import Image

from nerfseg_ns.benchmark.label_budget import LabelBudget
from nerfseg_ns.benchmark.row_kinds import RowPlace
from nerfseg_ns.benchmark.scribble_strokes import scribbled
from nerfseg_ns.benchmark.scribbles import Scribbles
from nerfseg_ns.benchmark.scribbles_run import write_scribbles
from nerfseg_ns.core.input_error import InputError

IGNORE = 255


def halves():
    labels = np.zeros((60, 80), dtype=np.uint8)
    labels[:, 40:] = 1
    labels[:10, :10] = 2
    labels[50:] = IGNORE
    return labels


def test_strokes_stay_in_their_class_and_spend_their_pixels():
    labels = halves()
    drawn, strokes = scribbled(labels, 60, 12, np.random.default_rng(0))
    at = drawn != IGNORE
    assert int(at.sum()) == 60 and (drawn[at] == labels[at]).all()
    assert set(np.unique(drawn[at])) == {0, 1, 2} and 5 <= strokes <= 30
    assert (scribbled(labels, 60, 12, np.random.default_rng(0))[0] == drawn).all()
    assert (scribbled(labels, 60, 12, np.random.default_rng(1))[0] != drawn).any()


def test_few_pixels_still_reach_every_class():
    drawn, strokes = scribbled(halves(), 3, 12, np.random.default_rng(0))
    assert sorted(drawn[drawn != IGNORE].tolist()) == [0, 1, 2] and strokes == 3


def test_a_stroke_is_one_line_of_pixels():
    drawn, strokes = scribbled(np.zeros((50, 50), np.uint8), 8, 8, np.random.default_rng(4))
    rows, columns = np.nonzero(drawn == 0)
    assert strokes == 1 and len(rows) == 8
    far = np.abs(rows[:, None] - rows) + np.abs(columns[:, None] - columns)
    np.fill_diagonal(far, 99)
    assert (far.min(axis=1) <= 2).all()  # each pixel has a neighbour, across a corner at most


def test_nothing_to_draw_and_more_than_there_is():
    empty = np.full((8, 8), IGNORE, np.uint8)
    assert scribbled(empty, 5, 4, np.random.default_rng(0))[1] == 0
    drawn, _ = scribbled(np.zeros((6, 6), np.uint8), 1000, 4, np.random.default_rng(0))
    assert (drawn == 0).sum() > 18


@pytest.mark.parametrize("factor", [None, 2])
def test_other_rows_read_the_strokes_back(tiny_scene, tmp_path, factor):
    place = RowPlace("strokes", tiny_scene, tmp_path / "runs")
    result = write_scribbles(Scribbles(labelled_views=2, share=0.05, length=0.3, downscale_factor=factor), place)
    side = 24 // (factor or 1)
    wanted = 2 * round(0.05 * side * side)
    assert (result["labelled_views"], result["pixels"]) == (2, wanted)
    assert result["share"] == pytest.approx(wanted / (2 * side * side))

    reader = LabelBudget(labels_of="strokes", downscale_factor=factor)
    dataset = reader.dataset(place, "train")
    full = LabelBudget(downscale_factor=factor).dataset(place, "train")
    assert dataset.labelled_view_indices == (1, 4) and len(dataset) == 6
    labelled = 0
    for index in dataset.labelled_view_indices:
        strokes, truth = dataset.get_semantics(index), full.get_semantics(index)
        assert (strokes == truth)[strokes != IGNORE].all()
        labelled += int((strokes != IGNORE).sum())
    assert labelled == wanted
    test = reader.dataset(place, "test")
    assert all((test.get_semantics(i) != IGNORE).all() for i in range(2))  # scored on whole label images


def test_labels_that_are_not_there(tiny_scene, tmp_path):
    place = RowPlace("row", tiny_scene, tmp_path / "runs")
    with pytest.raises(InputError, match="row 'strokes' left no label images; measure it again: --overwrite --only"):
        LabelBudget(labels_of="strokes").dataset(place, "train")


def test_images_that_are_no_multiple(tiny_scene, tmp_path):
    with pytest.raises(InputError, match="24x24 pixels; expected a multiple of downscale_factor 5"):
        write_scribbles(Scribbles(labelled_views=1, downscale_factor=5), RowPlace("s", tiny_scene, tmp_path))


def test_numbers_out_of_range():
    for values in ({"share": 0.0}, {"length": 2.0}, {"seed": -1}):
        with pytest.raises(InputError, match=next(iter(values))):
            Scribbles(**values)


def test_label_images_are_index_images(tiny_scene, tmp_path):
    place = RowPlace("strokes", tiny_scene, tmp_path / "runs")
    write_scribbles(Scribbles(labelled_views=1, share=0.05), place)
    (path,) = (place.run_folder("strokes") / "labels" / "labels").glob("*.png")
    with Image.open(path) as image:
        assert image.mode == "P" and (np.asarray(image) == IGNORE).mean() == pytest.approx(1 - 29 / 576, abs=0.002)
