import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from nerfseg_ns.core.georeference import Georeference
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.poses import swap_camera_axes
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.data.semantic_dataset import SemanticDataset
from nerfseg_ns.data.semantic_nerfstudio_dataparser import SemanticNerfstudioDataParserConfig

BEACH = Path(__file__).resolve().parents[3] / "shared" / "data" / "brighton-beach"
NAMES = ["Building", "Road", "Vegetation", "Terrain"]


@pytest.fixture
def capture(tiny_scene: Path) -> Path:
    """The training views of the tiny scene as transforms.json; frames in reverse order, views 0 and 3 unlabelled."""
    frames = []
    for index in reversed(range(6)):
        pose = torch.from_numpy(np.loadtxt(tiny_scene / f"train/pose/{index:03d}.txt").reshape(4, 4))
        frame = {"file_path": f"train/color/{index:03d}.png", "transform_matrix": swap_camera_axes(pose).tolist()}
        if index not in (0, 3):
            frame["semantic_path"] = f"train/rgb/{index:03d}.png"
        frames.append(frame)
    meta = {"fl_x": 24.0, "fl_y": 24.0, "cx": 12.0, "cy": 12.0, "w": 24, "h": 24, "frames": frames}
    meta["semantic_classes"] = NAMES
    (tiny_scene / "transforms.json").write_text(json.dumps(meta))
    return tiny_scene


def parse(data, split="train", **options):
    options = {"eval_mode": "interval", "eval_interval": 3, **options}  # views 0 and 3 are for evaluation
    return SemanticNerfstudioDataParserConfig(data=data, **options).setup().get_dataparser_outputs(split)


def edit(capture, change):
    path = capture / "transforms.json"
    meta = json.loads(path.read_text())
    change(meta)
    path.write_text(json.dumps(meta))


def frame_of(meta, index):
    return next(frame for frame in meta["frames"] if frame["file_path"].endswith(f"{index:03d}.png"))


def test_labels_follow_the_images_of_the_split(capture):
    outputs = parse(capture)
    semantics = outputs.metadata["semantics"]
    assert [path.stem for path in outputs.image_filenames] == ["001", "002", "004", "005"]
    assert semantics.label_filenames == tuple(capture / f"train/rgb/{index:03d}.png" for index in (1, 2, 4, 5))
    assert semantics.class_table.names == tuple(NAMES)
    assert parse(capture, "val").metadata["semantics"].label_filenames == (None, None)


def test_all_frames_and_the_file_itself(capture):
    outputs = parse(capture / "transforms.json", eval_mode="all")
    assert outputs.metadata["semantics"].labelled_view_indices == (1, 2, 4, 5)


def test_labelled_view_options_are_shared(capture):
    assert parse(capture, labelled_views=2).metadata["semantics"].labelled_view_indices == (1, 3)
    chosen = parse(capture, labelled_view_names=("004",)).metadata["semantics"]
    assert chosen.labelled_view_indices == (2,)


def test_class_records_and_option(capture):
    edit(
        capture,
        lambda meta: meta.update(
            semantic_classes=[{"id": index, "name": name, "rgb": [index, 0, 0]} for index, name in enumerate(NAMES)]
        ),
    )
    assert parse(capture).metadata["semantics"].class_table.classes[2].rgb == (2, 0, 0)
    options = {"class_names": ("a", "b", "c", "d")}
    assert parse(capture, **options).metadata["semantics"].class_table.names == ("a", "b", "c", "d")


def test_reduced_images_get_reduced_labels(capture):
    (capture / "images_2").mkdir()
    for index in range(6):
        image = Image.open(capture / f"train/color/{index:03d}.png")
        image.resize((12, 12), Image.Resampling.BOX).save(capture / f"images_2/{index:03d}.png")
    outputs = parse(capture, downscale_factor=2)
    assert outputs.image_filenames[0] == capture / "images_2/001.png"
    item = SemanticDataset(outputs)[0]
    assert item["image"].shape == (12, 12, 3) and item["semantics"].shape == (12, 12, 1)
    label = np.array(Image.open(capture / "train/rgb/001.png"))
    assert np.array_equal(item["semantics"][..., 0].numpy(), label[1::2, 1::2])


def test_a_capture_without_labels_needs_no_table(capture):
    def strip(meta):
        meta.pop("semantic_classes")
        for frame in meta["frames"]:
            frame.pop("semantic_path", None)

    edit(capture, strip)
    semantics = parse(capture).metadata["semantics"]
    assert semantics.labelled_view_indices == () and len(semantics.class_table) == 0
    with pytest.raises(InputError, match='no view has a label.*"semantic_path"'):
        parse(capture, labelled_views=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda meta: meta.pop("semantic_classes"), "no class table"),
        (lambda meta: meta.update(semantic_classes={"a": 1}), '"semantic_classes": not a class table'),
        (lambda meta: meta.update(semantic_classes=["a", "a"]), "more than once"),
        (lambda meta: frame_of(meta, 1).update(semantic_path="none.png"), "none.png: no such image file"),
        (lambda meta: frame_of(meta, 1).update(transform_matrix=[[1, 2], [3]]), "color/001.png: .*not a 4x4 matrix"),
        (lambda meta: frame_of(meta, 2).pop("transform_matrix"), "color/002.png: the pose is not 16 numbers"),
        (lambda meta: frame_of(meta, 2)["transform_matrix"][0].__setitem__(3, float("nan")), "002.png: row 0, col"),
        (lambda meta: frame_of(meta, 2)["transform_matrix"].__setitem__(0, [0, 0, 0, 0]), "singular"),
        (lambda meta: frame_of(meta, 2).pop("file_path"), 'no "file_path"'),
        (lambda meta: meta.pop("fl_x"), "fx not specified in frame"),
        (lambda meta: meta.update(frames=[]), "at least one frame"),
        (lambda meta: frame_of(meta, 5).update(file_path="train/color/9.png"), "its image .*9.png does not exist"),
        (lambda meta: frame_of(meta, 2).update(file_path="train/color/9.png"), "1 of 4 train images do not exist"),
    ],
)
def test_a_bad_file_is_named(capture, change, message):
    edit(capture, change)
    with pytest.raises(InputError, match=message) as caught:
        parse(capture)
    assert str(capture) in str(caught.value)


def test_missing_and_broken_files(tmp_path, capture):
    with pytest.raises(InputError, match=r"transforms\.json: no such file"):
        parse(tmp_path / "absent")
    with pytest.raises(InputError, match=r"001\.png, the first|4 of 4 train images.*images_2/001\.png"):
        parse(capture, downscale_factor=2)
    (capture / "transforms.json").write_text("{")
    with pytest.raises(InputError, match="not a JSON file"):
        parse(capture)


def test_label_of_another_size(capture):
    Image.new("L", (10, 10)).save(capture / "train/rgb/002.png")
    with pytest.raises(InputError, match=r"002\.png: the label image is 10x10.*24x24"):
        parse(capture)


def test_jpeg_label(capture):
    Image.new("L", (24, 24)).save(capture / "train/rgb/002.jpg")
    edit(capture, lambda meta: frame_of(meta, 2).update(semantic_path="train/rgb/002.jpg"))
    with pytest.raises(InputError, match="JPEG is lossy"):
        parse(capture)


def test_the_label_kind_is_decided_by_all_frames(capture):
    colours = np.array([[70, 70, 70], [128, 64, 128], [107, 142, 35], [145, 170, 100]], dtype=np.uint8)
    for index in (1, 2, 4, 5):
        path = capture / f"train/rgb/{index:03d}.png"
        Image.fromarray(colours[np.array(Image.open(path))]).save(path)
    Image.new("RGB", (24, 24)).save(capture / "train/rgb/002.png")
    outputs = parse(capture, labelled_view_names=("002",))
    position = [path.stem for path in outputs.image_filenames].index("002")
    assert (SemanticDataset(outputs)[position]["semantics"] == 255).all()
    Image.new("L", (24, 24)).save(capture / "train/rgb/005.png")
    with pytest.raises(InputError, match=r"005\.png holds class ids.*--label-kind"):
        parse(capture)


def test_the_configuration_survives_pickle_and_yaml():
    config = SemanticNerfstudioDataParserConfig(data=Path("scene"), labelled_view_names=("a",), labelled_views=None)
    assert pickle.loads(pickle.dumps(config)) == config
    assert yaml.load(yaml.dump(config), Loader=yaml.UnsafeLoader) == config


# --- where it lies

PLACE = [46.84265666666667, -91.99400802469137, 151.09313405752553]


def place_on_earth(capture, **more):
    """Cameras 40 m apart, as over brighton-beach, and more keys in the file."""

    def change(meta):
        for frame in meta["frames"]:
            for row in frame["transform_matrix"][:3]:
                row[3] *= 10.0
        meta.update(more)

    edit(capture, change)


def test_a_capture_without_a_place_has_none(capture):
    assert "georeference" not in parse(capture).metadata


@pytest.mark.parametrize(
    "keys",
    [
        {"origin_lat_lon_alt": PLACE},
        {"georeference": dict(zip(("latitude", "longitude", "altitude"), PLACE))},
        {"georeference": PLACE, "origin_lat_lon_alt": PLACE},
    ],
)
def test_the_place_is_read(capture, keys):
    edit(capture, lambda meta: meta.update(keys))
    for split in ("train", "val"):
        assert parse(capture, split).metadata["georeference"] == Georeference(*PLACE)


@pytest.mark.parametrize("orientation", ["up", "vertical", "none"])
@pytest.mark.parametrize(
    ("applied_transform", "applied_scale"),
    [
        (None, None),
        ([[0, 1, 0, 30], [1, 0, 0, -200], [0, 0, -1, 5]], None),
        ([[0, 1, 0, 7], [1, 0, 0, 2], [0, 0, -1, 0]], 0.25),
    ],
)
def test_the_scene_frame_leads_back_to_east_north_up(capture, orientation, applied_transform, applied_scale):
    keys = {"applied_transform": applied_transform, "applied_scale": applied_scale}
    place_on_earth(capture, origin_lat_lon_alt=PLACE, **{name: value for name, value in keys.items() if value})
    meta = json.loads((capture / "transforms.json").read_text())
    outputs = parse(capture, orientation_method=orientation, center_method="poses")
    frame = SceneFrame(outputs.dataparser_transform, outputs.dataparser_scale)
    found = frame.to_input(outputs.cameras.camera_to_worlds[:, :, 3]).numpy()
    saved = np.array([np.array(frame_of(meta, index)["transform_matrix"])[:3, 3] for index in (1, 2, 4, 5)])
    applied = np.array(applied_transform or np.eye(4)[:3])
    east_north_up = np.linalg.solve(applied[:, :3], (saved / (applied_scale or 1.0) - applied[:, 3]).T).T
    np.testing.assert_allclose(found, east_north_up, atol=2e-4)  # metres; single precision over 50 m, or 200 m
    back = frame.to_scene(torch.from_numpy(east_north_up))
    torch.testing.assert_close(back, outputs.cameras.camera_to_worlds[:, :, 3], atol=5e-6, rtol=0)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"origin_lat_lon_alt": [91.0, 0, 0]}, '"origin_lat_lon_alt": latitude 91.0: expected -90 to 90'),
        ({"origin_lat_lon_alt": [1.0, 2.0]}, '"origin_lat_lon_alt": not a place on the Earth'),
        ({"georeference": {"latitude": 1.0}}, '"georeference": not a place on the Earth'),
        ({"georeference": [1, 2, 3], "origin_lat_lon_alt": PLACE}, "two different places"),
        ({"origin_lat_lon_alt": PLACE, "applied_scale": -1.0}, '"applied_scale" is -1'),
    ],
)
def test_a_bad_place_is_named(capture, keys, message):
    edit(capture, lambda meta: meta.update(keys))
    with pytest.raises(InputError, match=message) as caught:
        parse(capture)
    assert str(capture / "transforms.json") in str(caught.value)


@pytest.mark.skipif(not BEACH.is_dir(), reason="the development capture brighton-beach is not here")
def test_real_photos_without_labels():
    outputs = SemanticNerfstudioDataParserConfig(data=BEACH).setup().get_dataparser_outputs("train")
    assert outputs.metadata["semantics"].labelled_view_indices == ()
    assert len(outputs.image_filenames) == 17
    assert SemanticDataset(outputs)[0]["semantics"].unique().tolist() == [255]
    assert outputs.metadata["georeference"] == Georeference(*PLACE)
    frame = SceneFrame(outputs.dataparser_transform, outputs.dataparser_scale)
    first = frame.to_input(outputs.cameras.camera_to_worlds[0, :, 3])
    meta = json.loads((BEACH / "transforms.json").read_text())
    position = [
        row[3]
        for row in next(f for f in meta["frames"] if (BEACH / f["file_path"]) == outputs.image_filenames[0])[
            "transform_matrix"
        ][:3]
    ]
    np.testing.assert_allclose(first.numpy(), position, atol=1e-4)
