"""A data set of views whose labels are known, and where its cameras stand."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.spatial.transform import Rotation

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.exports import view_folder
from nerfseg_ns.exports.agreeing_views import SLACK
from nerfseg_ns.exports.dataset import DatasetOptions, export_dataset, held_cameras
from nerfseg_ns.exports.observed_ground import CoarseView
from nerfseg_ns.exports.view_sampling import KEPT_OFF, sample_views

NONE = np.zeros((0, 3, 4))


@pytest.fixture
def options(tmp_path):
    def make(**choices):
        choices = {"views": 12, **choices}
        return DatasetOptions(load_config=tmp_path / "config.yml", output_dir=tmp_path / "out", **choices)

    return make


def row(count, spacing=1.0, degrees=10.0):
    """Cameras along x, each turned further about z."""
    turns = Rotation.from_rotvec(np.arange(count)[:, None] * np.array([0, 0, degrees]), degrees=True).as_matrix()
    places = np.stack([np.arange(count) * spacing, np.zeros(count), np.zeros(count)], axis=1)
    return np.concatenate([turns, places[..., None]], axis=2)


def test_without_jitter_a_view_lies_between_and_looks_between():
    views = sample_views(row(6), 30, np.zeros(6, bool), NONE, 0, 0.0, 0.0)
    assert [view.base for view in views] == [n % 6 for n in range(30)]
    for view in views:
        assert view.other != view.base and abs(view.other - view.base) == 1 and 0.15 <= view.share <= 0.85
        expected = (1 - view.share) * view.base + view.share * view.other
        np.testing.assert_allclose(view.pose[:, 3], [expected, 0, 0], atol=1e-12)
        turn = Rotation.from_matrix(view.pose[:, :3]).as_euler("zxy", degrees=True)
        np.testing.assert_allclose(turn, [10 * expected, 0, 0], atol=1e-9)


def test_a_camera_far_from_all_others_still_has_a_neighbour_and_only_the_near_ones_count():
    poses = row(4, degrees=0.0)
    poses[3, 0, 3] = 50.0
    views = sample_views(poses, 80, np.zeros(4, bool), NONE, 0)
    pairs = {(view.base, view.other) for view in views}
    assert pairs == {(0, 1), (1, 0), (1, 2), (2, 1), (3, 0), (3, 1), (3, 2)}  # 48 to 50 are alike


def test_jitter_seed_and_fewer_views_than_cameras():
    first, again, other = (sample_views(row(8), 200, np.zeros(8, bool), NONE, seed, 0.2, 3.0) for seed in (4, 4, 5))
    np.testing.assert_array_equal([v.pose for v in first], [v.pose for v in again])
    assert not np.allclose([v.pose for v in first], [v.pose for v in other])
    aside = np.array([v.pose[1:, 3] / abs(v.base - v.other) for v in first])  # off the line, along y and z
    assert 0.17 < aside.std() < 0.23
    tilt = np.degrees([np.arccos(v.pose[2, 2]) for v in first])  # of two axes, 3 degrees each
    assert 3.0 * np.sqrt(2) * 0.85 < np.sqrt((tilt**2).mean()) < 3.0 * np.sqrt(2) * 1.15
    spread = sample_views(row(100), 4, np.zeros(100, bool), NONE, 0)
    assert [view.base for view in spread] == [0, 25, 50, 75]


def test_validation_views_lie_between_validation_cameras():
    held = held_cameras(10, 0.3)
    assert held.tolist() == [False] * 7 + [True] * 3
    for view in sample_views(row(10), 50, held, NONE, 0):
        assert held[view.base] == held[view.other]
    assert held_cameras(5, 0.0).sum() == 0 and held_cameras(64, 0.1).sum() == 7 and held_cameras(1, 0.5).sum() == 0
    (alone,) = sample_views(row(1), 1, np.zeros(1, bool), NONE, 0)
    assert alone.other == 0 and np.linalg.norm(alone.pose[:, 3]) < 1.0


def test_no_view_repeats_one_that_is_kept_off():
    poses = row(5)
    views = sample_views(poses, 300, np.zeros(5, bool), NONE, 1, 0.0, 0.0)
    kept_off = np.stack([view.pose for view in views[:40]])
    for view in sample_views(poses, 300, np.zeros(5, bool), kept_off, 1, 0.3, 5.0):
        away = np.linalg.norm(kept_off[:, :, 3] - view.pose[:, 3], axis=1)
        turned = Rotation.from_matrix(kept_off[:, :, :3].transpose(0, 2, 1) @ view.pose[:, :3]).magnitude()
        assert not ((away < KEPT_OFF[0]) & (np.degrees(turned) < KEPT_OFF[1])).any()
    everywhere = np.stack([np.concatenate([np.eye(3), [[x], [0], [0]]], axis=1) for x in np.arange(0, 4, 0.02)])
    with pytest.raises(InputError, match="no new view was found near training camera 0 that is not the view of a test"):
        sample_views(row(5, degrees=0.0), 1, np.zeros(5, bool), everywhere, 0, 0.0, 0.0)


def test_images_masks_and_splits(world, box_run, options, tmp_path):
    run = box_run()
    document = export_dataset(
        options(with_captured=True, val_share=0.25, minimum_confidence=0.7, most_ignored=1.0, format=("coco", "cvat"))
    )
    out = tmp_path / "out"
    lists = {split: (out / f"{split}.txt").read_text().split() for split in ("train", "val")}
    names = [entry["name"] for entry in document["views"]]
    assert sorted(lists["train"] + lists["val"]) == sorted(names) and len(names) == 12 + 8
    assert {"captured/006", "captured/007", "new_00006"} <= set(lists["val"]) and "captured/005" in lists["train"]
    for entry in document["views"]:
        camera = run.dataset.cameras[0:1]
        camera.camera_to_worlds = torch.tensor(entry["camera_to_world"])[None]
        truth = world.labels_of(camera)
        mask = Image.open(out / "masks" / f"{entry['name']}.png")
        assert mask.mode == "P" and mask.size == (64, 48)
        expected = np.where(truth == world.GROUND, 255, truth)  # known by 0.6
        # float32 poses; at the edges of the world and of the box no second view may show the same
        assert (np.asarray(mask) == expected).mean() > 0.97
        assert np.isin(np.asarray(mask)[np.asarray(mask) != expected], (255, *np.unique(expected))).all()
        image = np.asarray(Image.open(out / "images" / f"{entry['name']}.png"))
        assert (image == world.COLOURS[truth]).all(axis=-1).mean() > (0.9 if "image" in entry else 0.999)
        assert entry["ignored"] == pytest.approx((np.asarray(mask) == 255).mean(), abs=1e-3)
    assert ClassTable.from_json(out / "classes.json") == world.TABLE
    for split, chosen in lists.items():
        images = json.loads((out / f"coco_{split}.json").read_text())["images"]
        assert [entry["file_name"] for entry in images] == [f"{name}.png" for name in chosen]
    assert (out / "cvat.zip").is_file()
    text = (out / "README.txt").read_text()
    assert "THE LABELS ARE PREDICTIONS" in text and "captured images with predicted labels: 8" in text
    assert "  0 Building" in text and "seed 0" in text


def test_the_reader_in_the_documentation_reads_it(world, box_run, options, tmp_path):
    """docs/exports.md shows a torch Dataset: a network of one convolution is trained on it for one step."""
    box_run()
    export_dataset(options(with_captured=True, minimum_confidence=0.7, most_ignored=1.0))
    page = (Path(__file__).parents[3] / "docs" / "exports.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    names: dict = {}
    exec(compile(example, "docs/exports.md", "exec"), names)
    views = names["Views"](tmp_path / "out", "train")
    assert len(views) == len((tmp_path / "out" / "train.txt").read_text().split())
    images, masks = next(iter(torch.utils.data.DataLoader(views, batch_size=len(views))))
    assert images.shape == (len(views), 3, 48, 64) and 0.0 <= images.min() < images.max() <= 1.0
    assert set(masks.unique().tolist()) <= {*range(len(world.TABLE)), 255} and (masks == 255).any()
    network = torch.nn.Conv2d(3, len(world.TABLE), 1)
    loss = names["loss"](network(images), masks)
    loss.backward()
    assert loss.isfinite() and network.weight.grad.abs().max() > 0


def test_captured_images_are_those_of_the_data_and_test_views_take_no_part(world, box_run, options, tmp_path):
    run = box_run()
    for path in run.dataset.image_filenames:
        Image.new("RGB", (128, 96), (1, 2, 3)).save(path)
    for path in run.pipeline.datamanager.eval_dataset.image_filenames:
        path.unlink()  # nobody may ask for them
    document = export_dataset(options(views=30, with_captured=True, position_jitter=0.0, angle_jitter=0.0))
    assert (np.asarray(Image.open(tmp_path / "out" / "images" / "captured" / "000.png")) == (1, 2, 3)).all()
    assert (np.asarray(Image.open(tmp_path / "out" / "images" / "new_00000.png")) != (1, 2, 3)).any()
    test = world.cameras(4, 0.25).camera_to_worlds.numpy()
    for entry in document["views"][:30]:
        away = np.linalg.norm(test[:, :, 3] - np.array(entry["camera_to_world"])[:, 3], axis=1)
        assert away.min() > 0.01


def test_equal_seeds_give_equal_files_and_an_interruption_changes_nothing(box_run, options, tmp_path, capsys):
    model = box_run().pipeline.model
    choices = {"seed": 3, "format": ("coco", "cvat")}
    export_dataset(options(**choices))
    first = {p.relative_to(tmp_path / "out"): p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    model.rendered, model.after = 0, 5
    with pytest.raises(KeyboardInterrupt):
        export_dataset(options(**choices, overwrite=True))
    assert "5 of 12 views are finished" in capsys.readouterr().err and not (tmp_path / "out" / "views.json").exists()
    with pytest.raises(InputError, match="was begun with seed 3, now 4"):
        export_dataset(options(seed=4, resume=True))
    model.after = None
    export_dataset(options(**choices, resume=True))
    again = {p.relative_to(tmp_path / "out"): p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert model.rendered == 12 and again == first
    export_dataset(options(seed=4, overwrite=True))
    assert (tmp_path / "out" / "images" / "new_00000.png").read_bytes() != first[
        next(p for p in first if p.name == "new_00000.png")
    ]


def test_fog_that_no_training_view_shows_is_ignored(world, box_run, options, tmp_path):
    """Around the camera of one new view there is a wall of fog; the training views look past it."""
    model = box_run().pipeline.model
    render = model.get_outputs_for_camera

    def foggy(camera):
        outputs = render(camera)
        if model.rendered == 3:  # the third new view
            outputs["depth"] = torch.full_like(outputs["depth"], 0.1)
            outputs["accumulation"] = torch.ones_like(outputs["depth"])
            outputs["semantics"] = torch.tensor([0.98, 0.01, 0.01]).expand(48, 64, 3)
        return outputs

    model.get_outputs_for_camera = foggy
    document = export_dataset(options(minimum_confidence=0.0, format=("coco", "cvat")))
    splits = [entry["split"] for entry in document["views"]]
    assert splits[2] is None and None not in splits[:2] + splits[3:]
    assert document["views"][2]["ignored"] > 0.99 and max(entry["ignored"] for entry in document["views"][:2]) < 0.05
    listed = (tmp_path / "out" / "train.txt").read_text().split() + (tmp_path / "out" / "val.txt").read_text().split()
    assert len(listed) == 11 and "new_00002" not in listed
    model.rendered = 0
    document = export_dataset(options(minimum_confidence=0.0, minimum_views=0, overwrite=True))
    assert document["views"][2]["ignored"] == 0.0 and document["views"][2]["split"] == "train"


def test_a_view_shows_what_is_neither_behind_nor_in_front_of_its_surface():
    camera = Pinhole(torch.eye(4)[:3], 10.0, 10.0, 5.0, 5.0, (10, 10))  # looks along -z
    distance = torch.full((10, 10), 4.0)
    distance[:, 7:] = torch.inf  # sky on the right
    points = torch.tensor(
        [[0.0, 0, -4.0], [0.0, 0, -4.7], [0.0, 0, -3.4], [0.0, 0, -6.0], [0.0, 0, -2.0], [0.0, 0, 4.0], [9.0, 0, -4.0]]
    )
    view = CoarseView(camera, distance)

    def shown(points):
        return view.sightings(points, lenience=0.0, widths=SLACK)[0].tolist()

    assert shown(points) == [True, True, True, False, False, False, False]
    beside = torch.tensor([[1.0, 0, -4.0], [3.0, 0, -30.0]])  # in the sky beside the edge, and far away there
    assert shown(beside) == [True, False]


def test_bad_input(world, box_run, options, monkeypatch, tmp_path):
    box_run()
    with pytest.raises(InputError, match="--views 0: expected 1 or more, or --with-captured"):
        export_dataset(options(views=0))
    with pytest.raises(InputError, match="--val-share 1: expected 0 or more, below 1"):
        export_dataset(options(val_share=1.0))
    with pytest.raises(InputError, match="--angle-jitter -1"):
        export_dataset(options(angle_jitter=-1.0))
    monkeypatch.setattr(view_folder.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    with pytest.raises(InputError, match="12 views take up to .* GiB, and the disk has 0.0 GiB left"):
        export_dataset(options())
    monkeypatch.undo()
    box_run(classes=False)
    with pytest.raises(
        InputError, match=r"the run knows no classes: .*\(masks of objects alone: nerfseg export masks\)"
    ):
        export_dataset(options())
    assert not (tmp_path / "out").exists()
