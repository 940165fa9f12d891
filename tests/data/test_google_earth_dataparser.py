import json
import pickle
import shutil
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from nerfseg_ns.core.geocentric import to_geocentric
from nerfseg_ns.core.georeference import Georeference
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.poses import swap_camera_axes
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.data.google_earth_dataparser import GoogleEarthDataParserConfig, google_earth_data
from nerfseg_ns.data.semantic_dataset import SemanticDataset
from nerfseg_ns.scene.trajectory import Camera

pytest.importorskip("pyproj")

CLASSES = [{"id": 0, "name": "Building", "rgb": [70, 70, 70]}, {"id": 1, "name": "Road", "rgb": [128, 64, 128]}]


def parse(data, split="train", **options):
    return GoogleEarthDataParserConfig(data=data, **options).setup().get_dataparser_outputs(split)


def numbers(outputs):
    return [int(path.stem[-3:]) for path in outputs.image_filenames]


def label(folder, *frames):
    (folder / "labels").mkdir(exist_ok=True)
    for frame in frames:
        ids = np.full((16, 20), frame % 2, dtype=np.uint8)
        Image.fromarray(ids).save(folder / f"labels/flight_{frame:03d}.png")
    (folder / "classes.json").write_text(json.dumps({"classes": CLASSES}))
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NERFSEG_CACHE", str(tmp_path / "cache"))


# --- which frames


@pytest.mark.parametrize(
    ("options", "train", "test"),
    [
        ({}, [0, 1, 2, 3, 5, 6, 7, 8, 9], [4]),
        ({"eval_interval": 3}, [0, 2, 3, 5, 6, 8, 9], [1, 4, 7]),
        ({"every_nth": 2, "eval_interval": 2}, [0, 4, 8], [2, 6]),
        ({"frame_range": (3, 6), "eval_interval": 3}, [3, 5, 6], [4]),
    ],
)
def test_no_test_view_is_a_training_view(write_export, options, train, test):
    folder = write_export()
    assert numbers(parse(folder, **options)) == train
    assert numbers(parse(folder, "test", **options)) == numbers(parse(folder, "val", **options)) == test


def test_a_repeated_training_view_is_no_test_view(write_export, orbit_cameras):
    cameras = orbit_cameras(5)
    folder = write_export([camera for camera in cameras for _ in range(3)])
    assert numbers(parse(folder, eval_interval=5)) == [0, 3, 9, 12]
    assert numbers(parse(folder, "test", eval_interval=5)) == [6]


# --- cameras


def test_each_frame_has_its_own_focal_length(write_export):
    cameras = parse(write_export(), eval_interval=10, downscale_factor=2).cameras
    assert cameras.width.unique().tolist() == [10] and cameras.height.unique().tolist() == [8]
    assert cameras.cx[0].item() == 4.75 and cameras.cy[0].item() == 3.75
    expected = [(20.0 + index) / 2 for index in (0, 1, 2, 3, 4, 6, 7, 8, 9)]
    assert cameras.fx[:, 0].tolist() == pytest.approx(expected, rel=1e-6)
    assert torch.equal(cameras.fx, cameras.fy)


@pytest.mark.parametrize(
    "options", [{}, {"orientation_method": "up"}, {"center_method": "none"}, {"scale_factor": 3.0}]
)
def test_the_way_back_to_the_earth(write_export, orbit_cameras, options):
    place = Georeference(52.47, 13.4, 90.0)
    folder = write_export(place=place)
    for split in ("train", "test"):
        outputs = parse(folder, split, **options)
        georeference = outputs.metadata["georeference"]
        frame = SceneFrame(outputs.dataparser_transform, outputs.dataparser_scale)
        found = frame.to_input(outputs.cameras.camera_to_worlds[:, :, 3]).numpy()
        true = np.array([orbit_cameras(10)[index].pose[:3, 3] for index in numbers(outputs)])
        error = to_geocentric(georeference.to_geodetic(found)) - to_geocentric(place.to_geodetic(true))
        assert np.abs(error).max() < 1e-3, "metres"
        if "orientation_method" not in options:  # east, north and up stay
            true_rotation = swap_camera_axes(
                torch.tensor(np.array([orbit_cameras(10)[i].pose[:3] for i in numbers(outputs)]))
            )
            found_rotation = outputs.cameras.camera_to_worlds[:, :, :3].double()
            torch.testing.assert_close(found_rotation, true_rotation[:, :, :3], atol=1e-5, rtol=0)


def test_the_scene_is_centred_where_the_cameras_look_and_scaled(write_export):
    outputs = parse(write_export(), eval_interval=10)
    positions = outputs.cameras.camera_to_worlds[:, :, 3]
    assert positions.norm(dim=-1).max().item() == pytest.approx(1.0, abs=1e-5)
    backwards = outputs.cameras.camera_to_worlds[:, :, 2]
    torch.testing.assert_close(backwards, positions / positions.norm(dim=-1, keepdim=True), atol=2e-3, rtol=0)
    assert outputs.scene_box.aabb.tolist() == [[-1.0] * 3, [1.0] * 3]


def test_all_subsets_of_a_flight_have_one_origin(write_export):
    folder = write_export()
    places = [
        parse(folder, split, every_nth=n, eval_interval=3).metadata["georeference"]
        for split in ("train", "test")
        for n in (1, 2)
    ]
    assert len(set(places)) == 1 and places[0].altitude == 0.0


def test_the_ground_is_the_origin_of_a_flight_that_looks_down(write_export):
    cameras = []
    for x, y in ((0, 0), (60, 0), (60, 60), (0, 60), (30, 90)):
        pose = np.diag([1.0, -1.0, -1.0, 1.0])
        pose[:3, 3] = x, y, 200.0
        cameras.append(Camera(pose, np.diag([20.0, 20.0, 1.0, 1.0]), 16))
    folder = write_export(cameras)
    on_the_ground = parse(folder, ground_altitude=90.0)
    heights = on_the_ground.cameras.camera_to_worlds[:, 2, 3] / on_the_ground.dataparser_scale
    assert heights.tolist() == pytest.approx([200.0] * 4, abs=0.01)
    assert on_the_ground.metadata["georeference"].altitude == 90.0
    among_the_cameras = parse(folder)
    assert among_the_cameras.cameras.camera_to_worlds[:, 2, 3].abs().max() < 1e-3


# --- labels and mask


def test_labels_beside_the_footage(write_export):
    folder = label(write_export(), 1, 4, 6)
    outputs = parse(folder)
    semantics = outputs.metadata["semantics"]
    assert [numbers(outputs)[index] for index in semantics.labelled_view_indices] == [1, 6]
    assert semantics.class_table.names == ("Building", "Road")
    assert parse(folder, "test").metadata["semantics"].labelled_view_indices == (0,)
    item = SemanticDataset(parse(folder, downscale_factor=2))[1]
    assert item["semantics"].shape == (8, 10, 1) and item["semantics"].unique().tolist() == [1]
    chosen = parse(folder, labelled_view_names=("flight_006",)).metadata["semantics"]
    assert chosen.labelled_view_indices == (5,)


def test_a_flight_without_labels_needs_no_table(write_export):
    semantics = parse(write_export()).metadata["semantics"]
    assert semantics.labelled_view_indices == () and len(semantics.class_table) == 0


def test_what_becomes_of_the_labels_is_said(write_export, monkeypatch):
    lines = []
    monkeypatch.setattr("nerfseg_ns.data.google_earth_dataparser.CONSOLE.log", lines.append)
    parse(label(write_export(), 0, 1, 4, 8), every_nth=2, eval_interval=3, ground_altitude=90.0)
    assert lines[0].startswith("5 of 10 frames; cameras 80 to 88 m above the ground; one unit of the scene is ")
    assert lines[1] == "4 labels: 2 of training views, 1 of test views, 1 of frames that are not used: flight_001"


@pytest.mark.parametrize(
    ("corner", "rows", "columns"),
    [
        ("bottom-right", slice(12, 16), slice(14, 20)),
        ("bottom-left", slice(12, 16), slice(0, 6)),
        ("top-right", slice(0, 4), slice(14, 20)),
        ("top-left", slice(0, 4), slice(0, 6)),
    ],
)
def test_the_attribution_is_masked(write_export, corner, rows, columns):
    folder = write_export()
    outputs = parse(folder, attribution_corner=corner, attribution_size=(0.3, 0.25))
    assert len(outputs.mask_filenames) == len(outputs.image_filenames)
    expected = torch.ones(16, 20, dtype=torch.bool)
    expected[rows, columns] = False
    assert torch.equal(SemanticDataset(outputs)[0]["mask"][..., 0], expected)
    assert parse(folder).mask_filenames is None


# --- bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every_nth": 0}, "--every-nth 0"),
        ({"eval_interval": 1}, "--eval-interval 1"),
        ({"downscale_factor": 0}, "--downscale-factor 0"),
        ({"downscale_factor": 30}, "cannot be reduced 30 times"),
        ({"frame_range": (4, 10)}, "--frame-range 4 10: .*has the frames 0 to 9"),
        ({"frame_range": (5, 4)}, "--frame-range 5 4"),
        ({"every_nth": 4, "eval_interval": 8}, "no test views; 3 different frames are used, and every 8th"),
        ({"ground_altitude": 180.0}, "--ground-altitude 180: the camera of frame 0 of .* is at 170.0 m"),
        ({"attribution_corner": "top-left", "attribution_size": (0.3, 1.0)}, "--attribution-size 0.3 1"),
        ({"labelled_views": 2}, "labelled views were asked for, but no view has a label; put label images .*labels"),
    ],
)
def test_options_that_do_not_fit(write_export, options, message):
    with pytest.raises(InputError, match=message):
        parse(write_export(), "test" if "eval_interval" in options else "train", **options)


def test_a_single_frame_cannot_be_trained_and_tested(write_export, orbit_cameras):
    folder = write_export(orbit_cameras(1) * 4)
    with pytest.raises(InputError, match="no test views; 1 different frames are used"):
        parse(folder, "test")


def test_positions_are_compared_unless_told_otherwise(write_export):
    folder = write_export()
    document = json.loads((folder / "flight.json").read_text())
    document["cameraFrames"][7]["position"]["x"] += 500.0
    (folder / "flight.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="frame 7: position and coordinate disagree"):
        parse(folder)
    assert len(parse(folder, ignore_position=True).image_filenames) == 9


def test_labels_that_do_not_fit(write_export):
    folder = label(write_export(), 1, 2)
    (folder / "labels/flight_002.png").rename(folder / "labels/other_002.png")
    with pytest.raises(InputError, match=r"1 of 2 label images have no image in .*footage: other_002\.png"):
        parse(folder)
    (folder / "labels/other_002.png").unlink()
    Image.new("L", (10, 10)).save(folder / "labels/flight_001.png")
    with pytest.raises(InputError, match=r"flight_001\.png: the label image is 10x10.*20x16"):
        parse(folder)
    (folder / "labels/flight_001.png").unlink()
    Image.new("L", (20, 16)).save(folder / "labels/flight_001.jpg")
    with pytest.raises(InputError, match="JPEG is lossy"):
        parse(folder)
    (folder / "labels/flight_001.jpg").unlink()
    label(folder, 1)
    (folder / "classes.json").unlink()
    with pytest.raises(InputError, match="no class table"):
        parse(folder)


def test_a_frame_of_another_size(write_export):
    folder = write_export()
    Image.new("RGB", (10, 8)).save(folder / "footage/flight_003.jpeg")
    with pytest.raises(InputError, match=r"flight_003\.jpeg: the image is 10x8"):
        parse(folder)


def test_no_data(tmp_path, write_export):
    with pytest.raises(InputError, match="no such folder or file"):
        parse(tmp_path / "absent")
    folder = write_export()
    shutil.rmtree(folder / "footage")
    with pytest.raises(InputError, match="footage: no such folder"):
        parse(folder)


# --- what nerfstudio does with the configuration


def test_the_configuration_survives_pickle_and_yaml():
    config = GoogleEarthDataParserConfig(data=Path("flight"), frame_range=(0, 9), ground_altitude=12.0)
    assert pickle.loads(pickle.dumps(config)) == config
    assert yaml.load(yaml.dump(config), Loader=yaml.UnsafeLoader) == config


def test_the_entry_point_is_the_specification():
    (entry,) = entry_points(group="nerfstudio.dataparser_configs", name="google-earth-data")
    assert entry.load() is google_earth_data
