import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from nerfstudio.plugins.registry_dataparser import DataParserSpecification
from PIL import Image

from nerfseg_ns.core.georeference import Georeference
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.data.carla_mvs_dataparser import CarlaMVSDataParserConfig, carla_mvs_data

CITY = Path(os.environ.get("NERFSEG_TEST_SCENE", "no-such-scene"))  # a Carla-MVS scene of 512x512 views to try


def parse(scene, split="train", **options):
    return CarlaMVSDataParserConfig(data=scene, **options).setup().get_dataparser_outputs(split)


def labelled(outputs):
    return outputs.metadata["semantics"].labelled_view_indices


def write_numbers(path, matrix):
    path.write_text(" ".join(repr(float(value)) for value in np.asarray(matrix).ravel()))


def move_world(scene, transform):
    """Apply a world transform [4, 4] to all poses of a scene."""
    for path in scene.glob("*/pose/*.txt"):
        write_numbers(path, transform @ np.loadtxt(path).reshape(4, 4))


# --- cameras


def test_cameras_are_rescaled_and_look_at_the_origin(tiny_scene):
    outputs = parse(tiny_scene, downscale_factor=2)
    cameras = outputs.cameras
    assert cameras.shape == (6,)
    assert cameras.width.unique().tolist() == [12] and cameras.height.unique().tolist() == [12]
    assert cameras.fx.unique().tolist() == [12.0] and cameras.cx.unique().tolist() == [5.75]
    positions = cameras.camera_to_worlds[:, :, 3]
    assert positions.norm(dim=-1).max() == pytest.approx(1.0, abs=1e-5)
    # All six cameras look at one point, their focus, which becomes the origin; OpenGL cameras look along -z.
    assert torch.allclose(
        cameras.camera_to_worlds[:, :, 2], positions / positions.norm(dim=-1, keepdim=True), atol=1e-4
    )
    assert (cameras.camera_to_worlds[:, 2, 1] > 0).all()  # y of the camera is up, and z of the world is up
    assert torch.allclose(torch.linalg.det(cameras.camera_to_worlds[:, :, :3]), torch.ones(6), atol=1e-5)


def test_sizes_that_do_not_divide_keep_the_true_ratio(tiny_scene):
    cameras = parse(tiny_scene, downscale_factor=5).cameras
    assert cameras.width[0].item() == 4  # floor(24 / 5)
    assert cameras.fx[0].item() == pytest.approx(24 * 4 / 24)
    assert cameras.cx[0].item() == pytest.approx(2.0 - 1 / 12)  # 24 pixels to 4: every sixth is picked


def test_views_may_differ_in_size(tiny_scene):
    for name, mode in (("color", "RGB"), ("rgb", "L")):
        Image.new(mode, (30, 20)).save(tiny_scene / f"train/{name}/002.png")
    cameras = parse(tiny_scene).cameras
    assert (cameras.width[2].item(), cameras.height[2].item()) == (30, 20)
    assert (cameras.width[1].item(), cameras.height[1].item()) == (24, 24)


def test_one_transform_for_all_splits_and_the_way_back(tiny_scene):
    world = np.eye(4)
    world[:3, 3] = (10.0, -20.0, 30.0)
    move_world(tiny_scene, world)
    outputs = {split: parse(tiny_scene, split, orientation_method="up") for split in ("train", "val", "test")}
    for split, folder in (("train", "train"), ("val", "validation"), ("test", "test")):
        result = outputs[split]
        assert torch.equal(result.dataparser_transform, outputs["train"].dataparser_transform)
        assert result.dataparser_scale == outputs["train"].dataparser_scale
        original = result.transform_poses_to_original_space(result.cameras.camera_to_worlds)
        expected = np.loadtxt(tiny_scene / folder / "pose/000.txt").reshape(4, 4)[:3]
        assert np.allclose(original[0].numpy(), expected, atol=1e-4)


def test_map_coordinates_keep_their_precision(make_tiny_scene):
    near, far = make_tiny_scene("near"), make_tiny_scene("far")
    world = np.eye(4)
    world[:3, 3] = (500_000.0, 5_600_000.0, 200.0)
    move_world(far, world)
    poses = [parse(scene).cameras.camera_to_worlds for scene in (near, far)]
    assert torch.allclose(poses[0], poses[1], atol=1e-5)


def test_nearly_parallel_axes_are_centred_on_the_cameras(tiny_scene):
    for index, path in enumerate(sorted((tiny_scene / "train/pose").iterdir())):
        tilt = np.deg2rad((-1.0, 0.5, 1.0)[index % 3])  # nearly straight down: the axes nearly meet, far below ground
        pose = np.diag([1.0, -1.0, -1.0, 1.0])
        pose[:3, 0], pose[:3, 2] = (np.cos(tilt), 0, np.sin(tilt)), (np.sin(tilt), 0, -np.cos(tilt))
        pose[:3, 3] = (-index % 3, index // 3, 50.0 + index)
        write_numbers(path, pose)
    positions = parse(tiny_scene).cameras.camera_to_worlds[:, :, 3]
    assert torch.allclose(positions.mean(dim=0), torch.zeros(3), atol=1e-5)
    assert positions.norm(dim=-1).max() == pytest.approx(1.0, abs=1e-5)


def test_scale_options(tiny_scene):
    kept = parse(tiny_scene, auto_scale_poses=False, center_method="none")
    assert kept.dataparser_scale == 1.0
    assert kept.cameras.camera_to_worlds[0, :, 3].tolist() == pytest.approx([4.0, 0.0, 3.0])
    assert parse(tiny_scene, scale_factor=2.0).dataparser_scale == pytest.approx(2.0 / 5.0)
    assert parse(tiny_scene, scene_scale=3.0).scene_box.aabb.tolist() == [[-3.0] * 3, [3.0] * 3]


def test_a_known_ground_is_the_centre_of_a_nadir_flight():
    poses = torch.eye(4, dtype=torch.float64).repeat(4, 1, 1)  # OpenGL cameras of identity look straight down
    poses[:, :3, 3] = torch.tensor([[0.0, 0, 80], [30, 0, 80], [30, 40, 80], [0, 40, 80]])
    ground = torch.tensor([15.0, 20.0, 0.0])
    transform, scale = CarlaMVSDataParserConfig().world_transform(poses, ground)
    assert transform[:, 3].tolist() == [-15.0, -20.0, 0.0]
    assert scale == pytest.approx(1 / np.sqrt(15**2 + 20**2 + 80**2))


# --- where it lies


def test_the_place_of_a_scene(tiny_scene):
    assert "georeference" not in parse(tiny_scene).metadata
    (tiny_scene / "georeference.json").write_text('{"latitude": 52.47, "longitude": 13.4, "altitude": 88}')
    for split in ("train", "test"):
        assert parse(tiny_scene, split).metadata["georeference"] == Georeference(52.47, 13.4, 88.0)
    (tiny_scene / "georeference.json").write_text('{"latitude": 52.47}')
    with pytest.raises(InputError, match=r"georeference\.json: not a place on the Earth"):
        parse(tiny_scene)


# --- splits and labels


def test_validation_falls_back_to_test(tiny_scene):
    assert len(parse(tiny_scene, "val").image_filenames) == 1
    shutil.rmtree(tiny_scene / "validation")
    assert parse(tiny_scene, "val").image_filenames == parse(tiny_scene, "test").image_filenames


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (0, 1, 2, 3, 4, 5)),
        ({"labelled_views": 3}, (1, 3, 5)),
        ({"labelled_view_names": ("004", "001.png")}, (1, 4)),
    ],
)
def test_labelled_views(tiny_scene, options, expected):
    outputs = parse(tiny_scene, **options)
    assert labelled(outputs) == expected
    semantics = outputs.metadata["semantics"]
    assert semantics.label_filenames[expected[0]] == tiny_scene / f"train/rgb/{expected[0]:03d}.png"
    assert semantics.class_table.names == ("Building", "Road", "Vegetation", "Terrain")
    assert labelled(parse(tiny_scene, "test", **options)) == (0, 1)  # evaluation keeps every label


def test_labelled_views_are_spread_over_those_with_a_label(make_tiny_scene):
    scene = make_tiny_scene(labels=("000", "001", "002", "005"))
    assert labelled(parse(scene, labelled_views=2)) == (1, 5)


def test_labels_of_a_second_folder(make_tiny_scene):
    images, labels = make_tiny_scene("images", stage=1), make_tiny_scene("labels", labels=("001", "003"))
    outputs = parse(images, label_data=labels)
    assert labelled(outputs) == (1, 3)
    assert outputs.image_filenames[1] == images / "train/rgb/001.png"
    assert outputs.metadata["semantics"].label_filenames[1] == labels / "train/rgb/001.png"
    assert outputs.metadata["semantics"].class_table.names[0] == "Building"
    assert labelled(parse(images, "test", label_data=labels)) == (0, 1)


def test_a_second_folder_may_hold_the_labelled_views_alone(make_tiny_scene):
    images, labels = make_tiny_scene("images", stage=1), make_tiny_scene("labels")
    for path in labels.glob("train/*/*"):
        if path.stem not in ("002", "005"):
            path.unlink()
    assert labelled(parse(images, label_data=labels)) == (2, 5)


def test_a_scene_without_labels_needs_no_table(make_tiny_scene):
    semantics = parse(make_tiny_scene(stage=1)).metadata["semantics"]
    assert len(semantics.class_table) == 0 and semantics.label_filenames == (None,) * 6


def test_class_names_and_tables_from_options(tiny_scene, tmp_path):
    names = ("Road", "Wall", "Water", "Pergola")
    table = parse(tiny_scene, class_names=names).metadata["semantics"].class_table
    assert table.names == names and table.classes[2].rgb == (45, 60, 150)
    (tiny_scene / "classes.json").rename(tmp_path / "other.json")
    assert len(parse(tiny_scene, classes=tmp_path / "other.json").metadata["semantics"].class_table) == 4


def test_label_format_follows_the_options(tiny_scene):
    options = {"palette": "carla-0.9.14", "label_kind": "colour", "channel_order": "bgr"}
    label_format = parse(tiny_scene, **options).metadata["semantics"].label_format
    assert (label_format.palette, label_format.kind, label_format.channel_order) == ("carla-0.9.14", "colour", "bgr")


# --- bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labelled_views": 7}, "7 labelled views were asked for, but only 6"),
        ({"labelled_views": 0}, "at least 1 is needed"),
        ({"labelled_view_names": ("0007",)}, "no training view '0007'"),
        ({"labelled_views": 2, "labelled_view_names": ("001",)}, "exclude each other"),
        ({"class_names": ("a",), "classes": Path("b.json")}, "exclude each other"),
        ({"classes": Path("absent.json")}, "absent.json: no such class table"),
        ({"downscale_factor": 0}, "--downscale-factor 0"),
        ({"downscale_factor": 25}, "24x24 pixels cannot be reduced 25 times"),
        ({"label_data": Path("absent")}, "--label-data"),
    ],
)
def test_options_that_do_not_fit(tiny_scene, options, message):
    with pytest.raises(InputError, match=message):
        parse(tiny_scene, **options)


def test_asking_for_labels_of_a_stage_1_folder(make_tiny_scene):
    scene = make_tiny_scene(stage=1)
    with pytest.raises(InputError, match=r"no view has a label; the folder is in the stage-1 form.*--label-data"):
        parse(scene, labelled_views=2)
    with pytest.raises(InputError, match=r"--label-data is in the stage-1 form"):
        parse(scene, label_data=make_tiny_scene("other", stage=1))


def test_asking_for_labels_where_there_are_none(make_tiny_scene):
    with pytest.raises(InputError, match=r"no view has a label; labels are expected in rgb/"):
        parse(make_tiny_scene(labels=()), labelled_view_names=("001",))


def test_labels_without_a_class_table(tiny_scene):
    (tiny_scene / "classes.json").unlink()
    with pytest.raises(InputError, match=r"no class table.*classes\.json.*--class-names"):
        parse(tiny_scene)


def test_label_of_another_size(tiny_scene):
    Image.new("L", (12, 24)).save(tiny_scene / "train/rgb/003.png")
    with pytest.raises(InputError, match=r"rgb/003\.png: the label image is 12x24 pixels.*color/003\.png is 24x24"):
        parse(tiny_scene)


def test_jpeg_label(tiny_scene):
    (tiny_scene / "train/rgb/003.png").unlink()
    Image.new("L", (24, 24)).save(tiny_scene / "train/rgb/003.jpg")
    with pytest.raises(InputError, match=r"003\.jpg: a label image must be a PNG"):
        parse(tiny_scene)


@pytest.mark.parametrize(("split", "message"), [("test", "no test views"), ("val", "no val views")])
def test_zero_evaluation_views(tiny_scene, split, message):
    shutil.rmtree(tiny_scene / "test")
    shutil.rmtree(tiny_scene / "validation")
    with pytest.raises(InputError, match=message):
        parse(tiny_scene, split)


def test_no_scene_and_another_layout(tmp_path):
    with pytest.raises(InputError, match="absent: no such scene folder"):
        parse(tmp_path / "absent")
    (tmp_path / "transforms.json").write_text("{}")
    with pytest.raises(InputError, match="no training views.*use semantic-nerfstudio-data"):
        parse(tmp_path)


@pytest.mark.parametrize(("text", "message"), [("1 2 3", "holds 3 numbers"), ("nan " * 16, "is nan")])
def test_bad_poses_of_any_split_are_named(tiny_scene, text, message):
    (tiny_scene / "test/pose/001.txt").write_text(text)
    parse(tiny_scene)
    with pytest.raises(InputError, match=rf"test/pose/001\.txt: .*{message}"):
        parse(tiny_scene, "test")


def test_a_label_folder_that_is_numbered_otherwise(make_tiny_scene):
    images, labels = make_tiny_scene("images", stage=1), make_tiny_scene("labels")
    shutil.copy(labels / "train/pose/004.txt", labels / "train/pose/001.txt")
    with pytest.raises(InputError, match=r"labels/train/pose/001\.txt and .*images/train/pose/001\.txt differ"):
        parse(images, label_data=labels)


def test_a_label_folder_with_a_view_too_many(make_tiny_scene):
    images, labels = make_tiny_scene("images", stage=1), make_tiny_scene("labels")
    for path in images.glob("train/*/005.*"):
        path.unlink()
    with pytest.raises(InputError, match=r"rgb/005\.png: the label has no image in .*images/train \(5 views\)"):
        parse(images, label_data=labels)


# --- what nerfstudio does with the configuration


def test_the_configuration_survives_pickle_and_yaml():
    config = CarlaMVSDataParserConfig(
        data=Path("scene"), labelled_view_names=("001", "002"), classes=Path("c.json"), palette="carla-0.9.9"
    )
    assert pickle.loads(pickle.dumps(config)) == config
    assert yaml.load(yaml.dump(config), Loader=yaml.UnsafeLoader) == config


def test_the_entry_point_is_a_specification():
    assert isinstance(carla_mvs_data, DataParserSpecification)
    assert isinstance(carla_mvs_data.config, CarlaMVSDataParserConfig)


@pytest.mark.skipif(not CITY.is_dir(), reason="the development scene city-a is not here")
def test_the_development_city():
    outputs = parse(CITY, labelled_views=5, downscale_factor=2)
    assert labelled(outputs) == (6, 19, 32, 44, 57)
    assert len(outputs.metadata["semantics"].class_table) == 13
    assert outputs.cameras.fx[0].item() == pytest.approx(537.6 / 2)
    assert len(parse(CITY, "test").image_filenames) == 16
