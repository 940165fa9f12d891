"""``nerfseg labels import`` into each kind of scene, and what its dataparser then reads."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.poses import swap_camera_axes
from nerfseg_ns.data.carla_mvs_dataparser import CarlaMVSDataParserConfig
from nerfseg_ns.data.semantic_dataset import SemanticDataset
from nerfseg_ns.data.semantic_nerfstudio_dataparser import SemanticNerfstudioDataParserConfig
from nerfseg_ns.labels.command import main

ROAD = {"label": "Road", "points": [[0, 0], [12, 0], [12, 24], [0, 24]], "shape_type": "polygon"}
CAR = {"label": "Car", "points": [[2, 4], [6, 10]], "shape_type": "rectangle"}
NAMES = ("Car", "Road")


def run(*words):
    main(["import", *map(str, words)])


def expected_ids():
    """Of ROAD and CAR, with the ids of NAMES."""
    ids = np.full((24, 24), 255, dtype=np.uint8)
    ids[:, :12] = 1
    ids[4:10, 2:6] = 0
    return ids


def files_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def unlabelled_scene(make_tiny_scene):
    scene = make_tiny_scene(labels=())
    for path in [scene / "classes.json", *scene.glob("test/rgb/*"), *scene.glob("validation/rgb/*")]:
        path.unlink()
    return scene


@pytest.fixture
def capture(unlabelled_scene):
    """The training views as transforms.json, without labels."""
    frames = []
    for index in range(6):
        pose = torch.from_numpy(np.loadtxt(unlabelled_scene / f"train/pose/{index:03d}.txt").reshape(4, 4))
        frames.append(
            {"file_path": f"train/color/{index:03d}.png", "transform_matrix": swap_camera_axes(pose).tolist()}
        )
    meta = {"fl_x": 24.0, "fl_y": 24.0, "cx": 12.0, "cy": 12.0, "w": 24, "h": 24, "frames": frames, "other": [1]}
    (unlabelled_scene / "transforms.json").write_text(json.dumps(meta))
    return unlabelled_scene / "transforms.json"


def carla_dataset(scene, split="train", **options):
    return SemanticDataset(CarlaMVSDataParserConfig(data=scene, **options).setup().get_dataparser_outputs(split))


def check_labels(dataset, labelled, names=NAMES, ids=None):
    """Exactly the labelled views have labels, and these ids."""
    views = dataset.semantic_views
    assert views.class_table.names == names
    assert dataset.labelled_view_indices == tuple(labelled)
    for index in labelled:
        assert (dataset.get_semantics(index)[..., 0].numpy() == (expected_ids() if ids is None else ids)).all()


# --- the three kinds of scenes


def test_carla_mvs(unlabelled_scene, labelme, capsys):
    labelme("001", ROAD, CAR)
    run(labelme("004", ROAD, CAR), "--data", unlabelled_scene)
    dataset = carla_dataset(unlabelled_scene)
    check_labels(dataset, [1, 4])
    with Image.open(unlabelled_scene / "train/rgb/001.png") as image:
        assert image.mode == "P"
        assert image.convert("RGB").getpixel((0, 0)) == dataset.semantic_views.class_table.classes[1].rgb
    printed = capsys.readouterr()
    assert "2 label images (labelme)" in printed.out and "4 of 6 views without new labels" in printed.out
    assert "Car 4.17%, Road 45.83%, no class 50.00%" in printed.out  # 24 and 264 of 576 pixels
    assert f"ns-train nerfseg --data {unlabelled_scene} carla-mvs-data" in printed.out


def test_another_split_keeps_the_table_of_the_first(unlabelled_scene, labelme):
    run(labelme("001", ROAD, CAR), "--data", unlabelled_scene)
    run(labelme("001", ROAD), "--data", unlabelled_scene, "--split", "test")
    road_only = np.where(expected_ids() == 255, 255, 1)
    check_labels(carla_dataset(unlabelled_scene, "test"), [1], ids=road_only)


def test_carla_mvs_without_a_place_for_labels(make_tiny_scene, labelme, tmp_path):
    scene, folder = make_tiny_scene(stage=1), labelme("002", ROAD, CAR)
    with pytest.raises(InputError, match="stage-1 form .*--output-dir FOLDER"):
        run(folder, "--data", scene)
    run(folder, "--data", scene, "--output-dir", tmp_path / "labels")
    check_labels(carla_dataset(scene, label_data=tmp_path / "labels"), [2])
    (folder / "002.json").unlink()
    run(labelme("003", ROAD, CAR), "--data", scene, "--output-dir", tmp_path / "labels")
    check_labels(carla_dataset(scene, label_data=tmp_path / "labels"), [2, 3])


def test_transforms(capture, labelme):
    before = capture.read_bytes()
    run(labelme("001", ROAD, CAR), "--data", capture)
    assert capture.read_bytes() == before
    written = capture.with_name("transforms-labels.json")
    meta, original = json.loads(written.read_text()), json.loads(before)
    assert meta["frames"][1].pop("semantic_path") == "labels/001.png"
    assert [record["name"] for record in meta.pop("semantic_classes")] == list(NAMES)
    assert meta == original
    outputs = SemanticNerfstudioDataParserConfig(data=written, eval_mode="all").setup().get_dataparser_outputs("train")
    check_labels(SemanticDataset(outputs), [1])
    with pytest.raises(InputError, match="transforms-labels.json exists already; add --overwrite"):
        run(labelme("001", ROAD, CAR), "--data", capture)


def test_transforms_in_place(capture, labelme):
    folder = labelme("001", ROAD, CAR)
    run(folder, "--data", capture.parent, "--dataparser", "semantic-nerfstudio-data", "--in-place")
    (folder / "001.json").unlink()
    run(labelme("002", ROAD, CAR), "--data", capture, "--in-place")
    outputs = SemanticNerfstudioDataParserConfig(data=capture, eval_mode="all").setup().get_dataparser_outputs("train")
    check_labels(SemanticDataset(outputs), [1, 2])
    with pytest.raises(InputError, match=r"labels/002.png exists already; add --overwrite"):
        run(folder, "--data", capture, "--in-place")
    assert not capture.with_name("transforms-labels.json").exists()


def test_frames_of_two_cameras_with_one_name(capture, tmp_path):
    meta = json.loads(capture.read_text())
    for index, side in enumerate(("left", "right")):
        (capture.parent / side).mkdir()
        image = (capture.parent / f"train/color/00{index}.png").read_bytes()
        (capture.parent / side / "000.png").write_bytes(image)
        meta["frames"][index]["file_path"] = f"{side}/000.png"
    capture.write_text(json.dumps(meta))
    labels = tmp_path / "labels"
    ClassTable.from_names(NAMES, "carla-0.9.10").to_json(tmp_path / "classes.json")
    (labels / "right").mkdir(parents=True)
    Image.fromarray(expected_ids()).save(labels / "right" / "000.png")
    (labels / "readme.txt").write_text("not a label")  # a folder with one folder in it would stand for that one
    run(labels, "--data", capture, "--classes", tmp_path / "classes.json")
    written = capture.with_name("transforms-labels.json")
    outputs = SemanticNerfstudioDataParserConfig(data=written, eval_mode="all").setup().get_dataparser_outputs("train")
    assert [view.name for view in outputs.metadata["semantics"].label_filenames if view] == ["right-000.png"]
    assert json.loads(written.read_text())["frames"][1]["semantic_path"] == "labels/right-000.png"


# --- formats


def index_export(folder):
    Image.fromarray(expected_ids()).save(folder / "001.png")
    ClassTable.from_names(NAMES, "carla-0.9.10").to_json(folder / "classes.json")


def colour_export(folder):
    colours = np.array([(9, 8, 7), (1, 2, 3), (0, 0, 0)], dtype=np.uint8)
    Image.fromarray(colours[np.minimum(expected_ids(), 2)]).save(folder / "001.png")
    (folder / "labelmap.txt").write_text("background:0,0,0::\nCar:9,8,7::\nRoad:1,2,3::\n")


def cvat_export(folder):
    (folder / "SegmentationClass").mkdir()
    colour_export(folder)
    (folder / "001.png").rename(folder / "SegmentationClass/001.png")


def coco_export(folder):
    record = {
        "images": [{"id": 4, "file_name": "images/001.jpg", "width": 24, "height": 24}],
        "categories": [{"id": 1, "name": "Car"}, {"id": 2, "name": "Road"}],
        "annotations": [
            {"id": 1, "image_id": 4, "category_id": 1, "segmentation": [[2, 4, 6, 4, 6, 10, 2, 10]]},
            {"id": 2, "image_id": 4, "category_id": 2, "segmentation": {"size": [24, 24], "counts": [0, 288, 288]}},
        ],
    }
    (folder / "annotations").mkdir()
    (folder / "annotations/instances_default.json").write_text(json.dumps(record))


@pytest.mark.parametrize("export", [index_export, colour_export, cvat_export, coco_export])
def test_every_format_gives_the_same_labels(unlabelled_scene, tmp_path, export):
    folder = tmp_path / "export"
    folder.mkdir()
    export(folder)
    run(folder, "--data", unlabelled_scene)
    check_labels(carla_dataset(unlabelled_scene), [1])


# --- classes


def test_background_and_ignored_classes(unlabelled_scene, labelme):
    folder = labelme("001", ROAD, CAR)
    run(folder, "--data", unlabelled_scene, "--background", "Terrain", "--ignore-classes", "Car")
    ids = np.select([expected_ids() == 0, expected_ids() == 1], [255, 0], 1)
    check_labels(carla_dataset(unlabelled_scene), [1], ("Road", "Terrain"), ids)


def test_an_image_without_shapes_stays_unlabelled_whatever_the_background(unlabelled_scene, labelme, capsys):
    labelme("002")
    run(labelme("001", ROAD, CAR), "--data", unlabelled_scene, "--background", "Terrain")
    assert carla_dataset(unlabelled_scene).labelled_view_indices == (1,)
    assert "images without a labelled pixel, which stay unlabelled (1): 002.png" in capsys.readouterr().err


def test_a_fixed_table(unlabelled_scene, labelme, tmp_path):
    table = tmp_path / "fixed.json"
    ClassTable.from_names(["Building", "Road", "Vehicles"], "carla-0.9.10").to_json(table)
    folder = labelme("001", ROAD, CAR)
    with pytest.raises(InputError, match=r"001.json, shape 2 \(Car\): .*fixed.json has no class 'Car'"):
        run(folder, "--data", unlabelled_scene, "--classes", table)
    run(folder, "--data", unlabelled_scene, "--classes", table, "--rename", "Car=Vehicles")
    ids = np.where(expected_ids() == 0, 2, expected_ids())
    check_labels(carla_dataset(unlabelled_scene), [1], ("Building", "Road", "Vehicles"), ids)


def test_labels_that_stay_keep_their_meaning(unlabelled_scene, labelme, tmp_path):
    folder = labelme("001", ROAD, CAR)
    run(folder, "--data", unlabelled_scene)
    (folder / "001.json").unlink()
    folder = labelme("002", ROAD, CAR)
    before = files_of(unlabelled_scene)
    table = tmp_path / "fixed.json"
    ClassTable.from_names(["Road", "Car"], "carla-0.9.10").to_json(table)
    with pytest.raises(InputError, match="classes.json exists already; add --overwrite"):
        run(folder, "--data", unlabelled_scene, "--classes", table)
    with pytest.raises(InputError, match=r"1 label images stay that have the ids of the old class table \(Car, Road\)"):
        run(folder, "--data", unlabelled_scene, "--classes", table, "--overwrite")
    assert files_of(unlabelled_scene) == before
    ClassTable.from_names(["Car", "Road", "Sky"], "carla-0.9.10").to_json(table)
    run(folder, "--data", unlabelled_scene, "--classes", table, "--overwrite")
    check_labels(carla_dataset(unlabelled_scene), [1, 2], ("Car", "Road", "Sky"))


def test_a_made_city_keeps_what_else_its_table_says(tiny_scene, labelme):
    table = tiny_scene / "classes.json"
    table.write_text(json.dumps(json.loads(table.read_text()) | {"objects": [1, 2]}))
    with pytest.raises(InputError, match=r"train/rgb/001.png exists already; add --overwrite"):
        run(labelme("001", ROAD), "--data", tiny_scene)
    run(labelme("001", ROAD), "--data", tiny_scene, "--overwrite")
    assert json.loads(table.read_text())["objects"] == [1, 2]
    assert carla_dataset(tiny_scene).get_semantics(1)[..., 0].unique().tolist() == [1, 255]


def test_an_old_label_of_another_suffix_goes(unlabelled_scene, labelme):
    run(labelme("001", ROAD, CAR), "--data", unlabelled_scene)
    label = unlabelled_scene / "train/rgb/001.png"
    label.rename(label.with_suffix(".bmp"))
    run(labelme("001", ROAD, CAR), "--data", unlabelled_scene, "--overwrite")
    check_labels(carla_dataset(unlabelled_scene), [1])


# --- bad input leaves the scene as it is


@pytest.mark.parametrize(
    ("shapes", "more", "message"),
    [
        ([ROAD], {"imagePath": "0O1.png"}, "1 of 2 labelled images are not in .* did you mean 001"),
        ([ROAD], {"imagePath": "000.png"}, "both are view 'train/000'"),
        ([ROAD], {"imageWidth": 48, "imageHeight": 36}, r"001.json: .* are for 48x36 pixels, but .*001.png is 24x24"),
        ([{**CAR, "points": [[30, 0], [40, 9]]}], {}, "lies outside the image 001.png of 24x24"),
        ([{**CAR, "label": "x", "shape_type": "blob"}], {}, "shape type 'blob' cannot be drawn"),
    ],
)
def test_bad_labels_change_nothing(unlabelled_scene, labelme, shapes, more, message):
    labelme("000", ROAD)
    folder = labelme("001", *shapes, **more)
    before = files_of(unlabelled_scene)
    with pytest.raises(InputError, match=message):
        run(folder, "--data", unlabelled_scene)
    assert files_of(unlabelled_scene) == before


def test_a_size_that_is_turned(capture, labelme):
    image = capture.parent / "train/color/001.png"
    Image.new("RGB", (24, 20)).save(image)
    folder = labelme("001", ROAD, imageWidth=20, imageHeight=24)
    with pytest.raises(InputError, match="20x24 pixels, but .* is 24x20; .* EXIF"):
        run(folder, "--data", capture)


def test_label_images_of_another_size(unlabelled_scene, tmp_path):
    (tmp_path / "labels").mkdir()
    index_export(tmp_path / "labels")
    Image.fromarray(expected_ids()[:12]).save(tmp_path / "labels/001.png")
    with pytest.raises(
        InputError, match=r"labels/001.png: the labels of 001.png are for 24x12 pixels, but .* is 24x24"
    ):
        run(tmp_path / "labels", "--data", unlabelled_scene)


def test_unknown_images_can_be_skipped(unlabelled_scene, labelme, capsys):
    labelme("other", ROAD)
    run(labelme("001", ROAD, CAR), "--data", unlabelled_scene, "--skip-unknown-images")
    assert "labelled images that are not in" in capsys.readouterr().err
    check_labels(carla_dataset(unlabelled_scene), [1])


def test_nothing_to_import(unlabelled_scene, labelme):
    with pytest.raises(InputError, match="no pixel of its views has a label"):
        run(labelme("001"), "--data", unlabelled_scene)
    labelme("001").joinpath("001.json").unlink()
    with pytest.raises(InputError, match="none of its 6 views has labels"):
        run(labelme("zzz", ROAD), "--data", unlabelled_scene, "--skip-unknown-images")


def test_scenes_that_are_none(tmp_path, labelme, capture):
    folder = labelme("001", ROAD)
    with pytest.raises(InputError, match="no such scene"):
        run(folder, "--data", tmp_path / "nothing")
    with pytest.raises(InputError, match="no scene. carla-mvs-data: "):
        run(folder, "--data", folder)
    with pytest.raises(
        InputError, match="can be carla-mvs-data and semantic-nerfstudio-data; choose one by --dataparser"
    ):
        run(folder, "--data", capture.parent)
    with pytest.raises(InputError, match="--dataparser carla: labels cannot be written for it; known: carla-mvs-data"):
        run(folder, "--data", capture.parent, "--dataparser", "carla")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--line-width", "0"], "--line-width 0.0"),
        (["--background", "Road", "--ignore-classes", "Road"], "both name Road"),
        (["--rename", "Road"], "expected OLD=NEW"),
    ],
)
def test_options_that_mean_nothing(unlabelled_scene, labelme, words, message):
    with pytest.raises(InputError, match=message):
        run(labelme("001", ROAD), "--data", unlabelled_scene, *words)


def test_index_images_have_no_background(unlabelled_scene, tmp_path):
    (tmp_path / "labels").mkdir()
    index_export(tmp_path / "labels")
    with pytest.raises(InputError, match="index images have no unlabelled pixels"):
        run(tmp_path / "labels", "--data", unlabelled_scene, "--background", "Road")


def test_masks_that_nothing_names_have_the_classes_of_the_scene(unlabelled_scene, labelme):
    run(labelme("001", ROAD, CAR), "--data", unlabelled_scene)
    masks = unlabelled_scene.parent / "masks"
    masks.mkdir()
    Image.fromarray(expected_ids()).save(masks / "002.png")
    run(masks, "--data", unlabelled_scene)
    check_labels(carla_dataset(unlabelled_scene), [1, 2])
