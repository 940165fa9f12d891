"""The row kind label-transfer: votes by hand, a scene whose depth is known, and scenes without depth."""

import numpy as np
import pytest

from nerfseg_ns.benchmark.label_transfer import LabelTransfer
from nerfseg_ns.benchmark.label_transfer_run import measure_label_transfer
from nerfseg_ns.benchmark.labelled_points import LabelledPoints, SurfaceView
from nerfseg_ns.benchmark.row_kinds import RowPlace
from nerfseg_ns.core.array_file import write_arrays
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.scene.command import SceneCommand, make_scene

IGNORE = 255


def view(points, colours, labels, met=True):
    flat = np.array(colours, dtype=float), np.array(labels, dtype=np.uint8)
    return SurfaceView(np.array(points, dtype=float), np.broadcast_to(met, len(labels)), *flat)


def test_votes_by_hand():
    x = [(0, 0, 0), (0.1, 0, 0), (0.2, 0, 0), (5, 0, 0), (0.01, 0, 0)]
    grey = [(0.5,) * 3] * 5
    known = view(x, grey, [2, 1, 1, 0, IGNORE])
    asked = view([(0.0, 0, 0), (4.0, 0, 0)], grey[:2], [0, 0])
    assert LabelledPoints([known], 3, 1, 0.0).classes_of(asked).tolist() == [2, 0]
    assert LabelledPoints([known], 3, 3, 0.0).classes_of(asked).tolist() == [1, 1]
    assert len(LabelledPoints([known], 3, 9, 0.0)) == 4  # the unlabelled point has no vote


def test_colour_decides_between_points_of_equal_distance():
    known = view([(-0.1, 0, 0), (0.11, 0, 0)], [(0, 0, 0), (1, 1, 1)], [0, 1])
    white = view([(0, 0, 0)], [(1, 1, 1)], [0])
    assert LabelledPoints([known], 2, 1, 0.0).classes_of(white).tolist() == [0]
    assert LabelledPoints([known], 2, 1, 0.5).classes_of(white).tolist() == [1]


def test_the_sky_is_compared_with_the_sky():
    grey = [(0.5,) * 3] * 3
    known = view([(0, 0, 0), (4, 0, 0), (0, 0, 5)], grey, [0, 1, 2], [True, True, False])
    points = LabelledPoints([known], 3, 2, 0.0)
    assert len(points) == 3
    asked = view([(5, 0, 0), (5, 0, 0), (0, 0, 4.9)], grey, [0] * 3, [False, True, True])
    assert points.classes_of(asked).tolist() == [2, 0, 0]
    assert LabelledPoints([known], 3, 1, 0.0).classes_of(asked).tolist() == [2, 1, 0]
    ground = LabelledPoints([view([(0, 0, 0), (4, 0, 0)], grey[:2], [0, 1])], 3, 1, 0.0)
    assert ground.classes_of(view([(5, 0, 0)], grey[:1], [0], False)).tolist() == [1]  # no label shows the sky


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    folder = tmp_path_factory.mktemp("city") / "scene"
    make_scene(SceneCommand(folder, views=4, size=32, seed=3, depth=True))
    return folder


def test_true_depth_puts_every_view_onto_one_surface(city, tmp_path):
    place = RowPlace("row", city, tmp_path)
    result = measure_label_transfer(LabelTransfer(neighbours=1), place)
    assert (result["labelled_views"], result["points"], result["image_size"]) == (4, 4 * 32 * 32, [32, 32])
    assert next(each for each in result["per_class"] if each["name"] == "Sky")["iou"] == 1.0
    # 4 views of 32 pixels see most of a test view; without the depth (all on a sphere) they say little
    flat = tmp_path / "flat"
    for split in ("train", "test", "validation"):
        for part in ("color", "rgb", "pose", "intrinsics"):
            (flat / split).mkdir(parents=True, exist_ok=True)
            (flat / split / part).symlink_to(city / split / part)
        for path in (city / split / "depth").glob("*.npz"):
            write_arrays(flat / split / "depth" / path.name, depth=np.full((32, 32), np.inf, np.float32))
    (flat / "classes.json").symlink_to(city / "classes.json")
    other = measure_label_transfer(LabelTransfer(neighbours=1), RowPlace("row", flat, tmp_path))
    assert result["overall_accuracy"] > 0.7 > other["overall_accuracy"] + 0.15


def test_training_views_carry_their_own_labels_over_exactly(city, tmp_path):
    same = tmp_path / "same"
    same.mkdir()
    for split in ("train", "test"):
        (same / split).symlink_to(city / "train")
    (same / "classes.json").symlink_to(city / "classes.json")
    place = RowPlace("row", same, tmp_path)
    assert measure_label_transfer(LabelTransfer(neighbours=1), place)["miou"] == 1.0
    # depth and label of a reduced pixel are those of one and the same pixel of the files
    assert measure_label_transfer(LabelTransfer(neighbours=1, downscale_factor=2), place)["miou"] == 1.0


def test_scene_without_depth(tiny_scene, tmp_path):
    with pytest.raises(InputError, match="depth.000.npz: no such file.*nerfseg scene OUT --depth"):
        measure_label_transfer(LabelTransfer(), RowPlace("row", tiny_scene, tmp_path))


@pytest.mark.parametrize("values", [{"neighbours": 0}, {"colour_weight": -1.0}])
def test_numbers_out_of_range(values):
    with pytest.raises(InputError, match=next(iter(values))):
        LabelTransfer(**values)


@pytest.mark.slow
def test_on_the_geometry_of_a_run(train_tiny_run, tiny_scene, tmp_path):
    place = RowPlace("row", tiny_scene, tmp_path / "runs")
    made = place.run_folder("ours") / "a" / "b" / "c"
    made.parent.mkdir(parents=True)
    made.symlink_to(train_tiny_run().parent.resolve())
    (place.run_folder("ours") / "training.json").touch()
    result = measure_label_transfer(LabelTransfer(geometry_of="ours", labelled_views=2), place)
    assert result["points"] == 2 * 24 * 24 and 0.0 < result["overall_accuracy"] <= 1.0
    with pytest.raises(InputError, match="trained on images of another size"):
        measure_label_transfer(LabelTransfer(geometry_of="ours", downscale_factor=2), place)
