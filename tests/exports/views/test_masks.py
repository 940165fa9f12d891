"""Masks of views whose labels are known, in all forms, read back by other programs."""

import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.exports.export_view import path_cameras
from nerfseg_ns.exports.label_forms import voc_colours
from nerfseg_ns.exports.masks import MasksOptions, export_masks
from nerfseg_ns.labels.cvat_labelmap import read_labelmap


@pytest.fixture
def options(tmp_path):
    def make(**choices):
        return MasksOptions(load_config=tmp_path / "config.yml", output_dir=tmp_path / "out", **choices)

    return make


@pytest.fixture
def camera_path(world, tmp_path):
    """Writes a path of the world's cameras, as the viewer does; keys of the file can be replaced."""

    def write(**changes):
        cameras = [
            {"camera_to_world": [*pose.reshape(-1).tolist(), 0, 0, 0, 1], "fov": 43.6028189727, "aspect": 4 / 3}
            for pose in world.cameras(3, 0.4).camera_to_worlds
        ]
        document = {"camera_type": "perspective", "render_height": 48, "render_width": 64, "camera_path": cameras}
        path = tmp_path / "path.json"
        path.write_text(json.dumps({**document, **changes}))
        return path

    return write


def ids(path):
    return np.asarray(Image.open(path))


def test_index_pngs_hold_the_true_ids_with_the_class_colours(world, box_run, options, tmp_path):
    run = box_run()
    house = world.write_box_object(tmp_path)
    export_masks(options(objects=(house,)))
    for view in range(8):
        truth = world.labels_of(run.dataset.cameras[view : view + 1])
        path = tmp_path / "out" / "classes" / f"{view:03d}.png"
        np.testing.assert_array_equal(ids(path), truth)
        assert Image.open(path).mode == "P"
        np.testing.assert_array_equal(np.asarray(Image.open(path).convert("RGB")), world.COLOURS[truth])
        objects = ids(tmp_path / "out" / "objects" / f"{view:03d}.png")
        # the field's samples blur the outline by a pixel
        assert ((objects == 1) == (truth == world.BUILDING)).mean() > 0.97 and set(np.unique(objects)) == {0, 1}
    assert ClassTable.from_json(tmp_path / "out" / "classes.json") == world.TABLE
    records = json.loads((tmp_path / "out" / "objects.json").read_text())["objects"]
    assert records == [{"id": 1, "name": "house", "rgb": [128, 0, 0]}]
    assert not (tmp_path / "out" / "images").exists()


def test_uncertain_pixels_and_other_sizes(world, box_run, options, tmp_path):
    run = box_run()
    export_masks(options(minimum_confidence=0.7, size="images"))  # the files are twice as wide
    found = ids(tmp_path / "out" / "classes" / "000.png")
    camera = run.dataset.cameras[0:1]
    camera.rescale_output_resolution(2.0)
    truth = world.labels_of(camera)
    np.testing.assert_array_equal(found, np.where(truth == world.GROUND, 255, truth))  # known by 0.6
    export_masks(options(downscale=2.0, overwrite=True))
    assert ids(tmp_path / "out" / "classes" / "000.png").shape == (24, 32)


def test_all_splits_have_folders_of_their_own(box_run, options, tmp_path, capsys):
    box_run()
    export_masks(options(split="all"))
    found = sorted(
        str(p.relative_to(tmp_path / "out" / "classes")) for p in (tmp_path / "out" / "classes").rglob("*.png")
    )
    assert found == [f"test/{n:03d}.png" for n in range(4)] + [f"train/{n:03d}.png" for n in range(8)]
    assert "the validation views are left out" in capsys.readouterr().err


def test_a_camera_path_gives_new_views_with_their_images(world, box_run, options, camera_path, tmp_path):
    box_run()
    export_masks(options(camera_path=camera_path(), format=("coco",)))
    truth = world.labels_of(world.cameras(3, 0.4)[1:2])
    assert (ids(tmp_path / "out" / "classes" / "00001.png") == truth).mean() > 0.999
    image = np.asarray(Image.open(tmp_path / "out" / "images" / "00001.png"))
    assert (image == world.COLOURS[truth]).all(axis=-1).mean() > 0.999
    images = json.loads((tmp_path / "out" / "coco.json").read_text())["images"]
    assert [entry["file_name"] for entry in images] == ["00000.png", "00001.png", "00002.png"]


def test_coco_is_what_pycocotools_reads(world, box_run, options, tmp_path):
    coco_tools = pytest.importorskip("pycocotools.coco")
    box_run()
    house = world.write_box_object(tmp_path)
    export_masks(options(format=("coco",), objects=(house,), minimum_confidence=0.5))
    coco = coco_tools.COCO(tmp_path / "out" / "coco.json")
    assert [coco.cats[key]["name"] for key in sorted(coco.cats)] == ["Building", "Side walk", "Sky"]
    for image in coco.imgs.values():
        stem = image["file_name"].removesuffix(".png")
        painted = np.full((48, 64), 255)
        for annotation in coco.imgToAnns[image["id"]]:
            mask = coco.annToMask(annotation).astype(bool)
            assert annotation["area"] == mask.sum()
            rows, columns = mask.any(axis=1).nonzero()[0], mask.any(axis=0).nonzero()[0]
            assert annotation["bbox"] == [columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]
            painted[mask] = annotation["category_id"] - 1
            if annotation["iscrowd"] == 0:
                assert annotation["attributes"] == {"object_id": 1, "name": "house"}
        np.testing.assert_array_equal(painted, ids(tmp_path / "out" / "classes" / f"{stem}.png"))
        shown = np.zeros((48, 64), bool)
        for annotation in coco.imgToAnns[image["id"]]:
            shown |= coco.annToMask(annotation).astype(bool) & (annotation["iscrowd"] == 0)
        np.testing.assert_array_equal(shown, ids(tmp_path / "out" / "objects" / f"{stem}.png") == 1)


def test_the_cvat_archive_has_the_colours_of_its_labelmap(world, box_run, options, tmp_path):
    box_run()
    house = world.write_box_object(tmp_path)
    export_masks(options(format=("cvat",), objects=(house,), minimum_confidence=0.7))
    archive = tmp_path / "unpacked"
    zipfile.ZipFile(tmp_path / "out" / "cvat.zip").extractall(archive)
    entries = {entry.name: entry.rgb for entry in read_labelmap(archive / "labelmap.txt")}
    assert entries["background"] == (0, 0, 0) and entries["Building"] == (70, 70, 70)
    names = (archive / "ImageSets" / "Segmentation" / "default.txt").read_text().split()
    assert names == [f"{n:03d}" for n in range(8)]
    classes = ids(tmp_path / "out" / "classes" / "003.png")
    painted = np.zeros((256, 3), np.uint8)
    painted[:3] = world.COLOURS
    np.testing.assert_array_equal(ids(archive / "SegmentationClass" / "003.png"), painted[classes])
    # every instance is of one class, and the house is one beside what is Building outside of it
    instances = ids(archive / "SegmentationObject" / "003.png").reshape(-1, 3)
    assert {tuple(colour) for colour in instances} <= {tuple(colour) for colour in voc_colours()[:6]}
    for colour in {tuple(colour) for colour in instances} - {(0, 0, 0)}:
        assert len(np.unique(classes.reshape(-1)[(instances == colour).all(axis=1)])) == 1


@pytest.mark.parametrize("form", ["png", "cvat", "coco"])
def test_labels_import_reads_the_same_ids(world, box_run, options, tmp_path, write_tiny_scene, form):
    from nerfseg_ns.labels.command import main as labels_main

    box_run()
    export_masks(options(format=(form,), minimum_confidence=0.7, size="images"))
    scene = write_tiny_scene(tmp_path / "scene")
    for path in (*(scene / "train").glob("color/*"), *(scene / "train").glob("rgb/*")):
        path.unlink()
    for view in range(8):  # as many views as the world has, of its size; what they show does not matter
        Image.new("RGB", (128, 96)).save(scene / "train" / "color" / f"{view:03d}.png")
        for name in ("pose", "intrinsics"):
            (scene / "train" / name / f"{view:03d}.txt").write_text((scene / "train" / name / "000.txt").read_text())
    exported = {"png": "classes", "cvat": "cvat.zip", "coco": "coco.json"}[form]
    world.TABLE.to_json(scene / "classes.json")
    labels_main(["import", str(tmp_path / "out" / exported), "--data", str(scene)])
    found = {path.stem: path for path in (scene / "train" / "rgb").iterdir()}
    assert sorted(found) == [f"{n:03d}" for n in range(8)]
    for stem, path in found.items():
        np.testing.assert_array_equal(ids(path), ids(tmp_path / "out" / "classes" / f"{stem}.png"))


def test_the_colours_of_instances_are_those_of_pascal_voc():
    assert voc_colours()[[0, 1, 2, 3, 8, 255]].tolist() == [
        [0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [64, 0, 0], [224, 224, 192],
    ]  # fmt: skip


def test_an_interrupted_export_goes_on(world, box_run, options, tmp_path, capsys):
    model = box_run().pipeline.model
    model.after = 3
    with pytest.raises(KeyboardInterrupt):
        export_masks(options())
    assert "3 of 8 views are finished" in capsys.readouterr().err
    assert not [path for path in (tmp_path / "out").rglob(".*")]
    first = (tmp_path / "out" / "classes" / "000.png").stat().st_mtime_ns
    with pytest.raises(InputError, match="not empty; add --resume to keep the views that are finished"):
        export_masks(options())
    with pytest.raises(InputError, match="was begun with downscale 1.0, now 2.0; give the same options"):
        export_masks(options(resume=True, downscale=2.0))
    model.after = None
    export_masks(options(resume=True, format=("cvat",)))
    assert model.rendered == 8
    assert (tmp_path / "out" / "classes" / "000.png").stat().st_mtime_ns == first
    assert (tmp_path / "out" / "cvat.zip").is_file()
    export_masks(options(overwrite=True, split="test"))
    assert len(list((tmp_path / "out" / "classes").iterdir())) == 4 and not (tmp_path / "out" / "cvat.zip").exists()
    (tmp_path / "out" / "export.json").write_text("{")
    with pytest.raises(InputError, match="export.json: not there or not whole, so there is nothing to resume"):
        export_masks(options(resume=True))


def test_runs_without_classes_have_masks_of_objects(world, box_run, options, tmp_path):
    box_run(classes=False)
    with pytest.raises(InputError, match=r"knows no classes: .*--objects NAME.npz"):
        export_masks(options())
    export_masks(options(objects=(world.write_box_object(tmp_path),), format=("coco",)))
    document = json.loads((tmp_path / "out" / "coco.json").read_text())
    assert document["categories"] == [{"id": 1, "name": "object"}] and len(document["annotations"]) == 8
    assert not (tmp_path / "out" / "classes").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"camera_path": []}, "it has no cameras"),
        ({"camera_path": [{"camera_to_world": [1, 2], "fov": 50}]}, "camera 0: camera_to_world holds 2 numbers"),
        ({"camera_path": [{"camera_to_world": [0] * 16, "fov": 50}]}, "is no rotation and translation"),
        ({"camera_path": [{"camera_to_world": np.eye(4).ravel().tolist(), "fov": 0}]}, "fov 0; expected degrees"),
        ({"camera_path": [{"fov": 50}]}, r"no camera path \(KeyError\('camera_to_world'\)\)"),
        ({"camera_path": 7}, "no camera path"),
        ({"render_height": 0}, "pictures of 64x0 pixels"),
        ({"camera_type": "equirectangular"}, "its cameras are equirectangular"),
    ],
)
def test_what_is_no_camera_path(camera_path, changes, message):
    with pytest.raises(InputError, match=message):
        path_cameras(camera_path(**changes), 1.0)


def test_bad_input(world, box_run, options, tmp_path, camera_path):
    box_run()
    with pytest.raises(InputError, match="--camera-path .*missing.json: no such file"):
        export_masks(options(camera_path=tmp_path / "missing.json"))
    with pytest.raises(InputError, match="--downscale 100: it leaves no pixels of 64x48"):
        path_cameras(camera_path(), 100.0)
    (tmp_path / "path.json").write_text("[1")
    with pytest.raises(InputError, match="cannot be read .*expected a camera path as the viewer"):
        export_masks(options(camera_path=tmp_path / "path.json"))
    with pytest.raises(InputError, match="--downscale 0: expected a factor above 0"):
        export_masks(options(downscale=0.0))
    with pytest.raises(InputError, match="--minimum-confidence 1.5"):
        export_masks(options(minimum_confidence=1.5))
    with pytest.raises(InputError, match="--format: expected png, cvat or coco"):
        export_masks(options(format=()))
    with pytest.raises(InputError, match="--resume and --overwrite"):
        export_masks(options(resume=True, overwrite=True))
    with pytest.raises(InputError, match="camera scale 0.005: it leaves no pixels"):
        export_masks(options(downscale=200.0))
    assert not (tmp_path / "out").exists()
