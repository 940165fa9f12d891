"""Labels apart from their scene: what `nerfseg segment --labels-out` writes and every dataparser reads."""

import json

import numpy as np
import pytest
from PIL import Image

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.data.carla_mvs_dataparser import CarlaMVSDataParserConfig
from nerfseg_ns.data.google_earth_dataparser import GoogleEarthDataParserConfig
from nerfseg_ns.data.label_folder import LabelFolder
from nerfseg_ns.data.semantic_dataset import SemanticDataset
from nerfseg_ns.data.semantic_nerfstudio_dataparser import SemanticNerfstudioDataParserConfig
from nerfseg_ns.labels.index_png import write_index_png

SCENE_NAMES = ["Building", "Road", "Vegetation", "Terrain"]


@pytest.fixture
def write_labels(tmp_path):
    """Writes a folder of labels: an id for each view, and the classes."""

    def write(ids, names=(*SCENE_NAMES, "Pond"), size=(24, 24), outlined=False):
        folder, table = LabelFolder(tmp_path / "clicks"), ClassTable(()).extended(names)
        for name, number in ids.items():
            write_index_png(folder.label_file(name), np.full(size, number, dtype=np.uint8), table)
        folder.finish(table, outlined)
        return folder

    return write


def parse(scene, split="train", **options):
    return CarlaMVSDataParserConfig(data=scene, **options).setup().get_dataparser_outputs(split)


def first_ids(outputs):
    """The class id of each view's first pixel."""
    dataset = SemanticDataset(outputs)
    return [int(dataset.get_semantics(view)[0, 0, 0]) for view in range(len(dataset))]


def test_the_labels_take_the_place_of_the_scenes_own_in_training_alone(tiny_scene, write_labels):
    folder = write_labels({"000": 4, "003": 1})
    train, test = parse(tiny_scene, label_data=folder.path), parse(tiny_scene, "test", label_data=folder.path)
    assert first_ids(train) == [4, 255, 255, 1, 255, 255]
    assert train.metadata["semantics"].class_table.names == (*SCENE_NAMES, "Pond")
    assert test.metadata["semantics"].class_table == train.metadata["semantics"].class_table
    assert first_ids(test) == first_ids(parse(tiny_scene, "test"))
    assert first_ids(parse(tiny_scene, label_data=folder.path, labelled_views=1)).count(255) == 5


@pytest.mark.parametrize("outlined", [False, True])
def test_a_folder_says_whether_its_things_are_labelled_up_to_their_outlines(tiny_scene, write_labels, outlined):
    folder = write_labels({"000": 4}, outlined=outlined)
    assert folder.outlined is outlined
    assert parse(tiny_scene, label_data=folder.path).metadata["semantics"].outlined is outlined
    assert parse(tiny_scene, "test", label_data=folder.path).metadata["semantics"].outlined is False
    folder.table().to_json(folder.table_file)  # as folders of earlier versions are, and those that people make
    assert folder.outlined is False
    folder.table_file.write_text(folder.table_file.read_text().replace("{\n", '{\n "outlined": "yes",\n', 1))
    with pytest.raises(InputError, match="classes.json: \"outlined\" is 'yes'; accepted: true, false"):
        parse(tiny_scene, label_data=folder.path)


def test_a_scene_of_colour_images_keeps_them_for_evaluation(tiny_scene, write_labels):
    colours = np.array(ClassTable.from_json(tiny_scene / "classes.json").colours)
    before = first_ids(parse(tiny_scene, "test"))
    for path in tiny_scene.glob("*/rgb/*.png"):
        Image.fromarray(colours[np.array(Image.open(path))]).save(path)
    folder = write_labels({"000": 4, "003": 1})
    assert first_ids(parse(tiny_scene, label_data=folder.path))[:4] == [4, 255, 255, 1]
    assert first_ids(parse(tiny_scene, "test", label_data=folder.path)) == before


def test_a_scene_without_labels_and_classes_gets_both(make_tiny_scene, write_labels):
    scene = make_tiny_scene(stage=1)
    folder = write_labels({"002": 0}, names=["Pond"])
    train = parse(scene, label_data=folder.path, downscale_factor=2)
    assert first_ids(train) == [255, 255, 0, 255, 255, 255]
    assert train.metadata["semantics"].class_table.names == ("Pond",)
    assert parse(scene, "test", label_data=folder.path).metadata["semantics"].labelled_view_indices == ()


def test_mistakes_are_named(tiny_scene, write_labels, tmp_path):
    folder = write_labels({"000": 4, "0003": 1})
    with pytest.raises(InputError, match=r"0003.png: none of the 6 training views is called '0003'.*000"):
        parse(tiny_scene, label_data=folder.path)
    folder.label_file("0003").unlink()
    with pytest.raises(InputError, match="--label-data .*, so --classes and --class-names must be left out"):
        parse(tiny_scene, label_data=folder.path, class_names=("A", "B"))
    folder.table_file.unlink()
    with pytest.raises(InputError, match=r"classes.json: no such file, so these labels are not whole"):
        parse(tiny_scene, label_data=folder.path)
    write_labels({"000": 1}, names=["Road", "Building", "Vegetation", "Terrain"])
    with pytest.raises(InputError, match=r"do not begin with those of the scene \(Building, Road"):
        parse(tiny_scene, label_data=folder.path)
    write_labels({"000": 4}, size=(12, 12))
    with pytest.raises(InputError, match="12x12 pixels, but its image"):
        parse(tiny_scene, label_data=folder.path)
    with pytest.raises(InputError, match=r"labels: no such folder; --label-data expects"):
        SemanticNerfstudioDataParserConfig(data=tiny_scene, label_data=tmp_path / "none").label_folder  # noqa: B018


def test_transforms_json(tiny_scene, write_labels):
    frames = []
    for index in range(6):
        pose = np.loadtxt(tiny_scene / f"train/pose/{index:03d}.txt").reshape(4, 4) @ np.diag([1.0, -1.0, -1.0, 1.0])
        frames.append({"file_path": f"train/color/{index:03d}.png", "transform_matrix": pose.tolist()})
        frames[-1]["semantic_path"] = f"train/rgb/{index:03d}.png"
    meta = {"fl_x": 24.0, "fl_y": 24.0, "cx": 12.0, "cy": 12.0, "w": 24, "h": 24, "frames": frames}
    (tiny_scene / "transforms.json").write_text(json.dumps({**meta, "semantic_classes": SCENE_NAMES}))

    def parsed(split, **options):
        config = SemanticNerfstudioDataParserConfig(data=tiny_scene, eval_mode="interval", eval_interval=3, **options)
        return config.setup().get_dataparser_outputs(split)

    folder = write_labels({"001": 4, "005": 2})
    assert first_ids(parsed("train", label_data=folder.path)) == [4, 255, 255, 2]
    assert first_ids(parsed("val", label_data=folder.path)) == first_ids(parsed("val"))
    write_labels({"001": 4}, size=(23, 24))
    with pytest.raises(InputError, match="24x23 pixels, but its image"):
        parsed("train", label_data=folder.path)


def test_google_earth(write_export, write_labels, tmp_path, monkeypatch):
    monkeypatch.setenv("NERFSEG_CACHE", str(tmp_path / "cache"))
    export = write_export()
    options = {"data": export, "eval_interval": 5}

    def parsed(split, **more):
        return GoogleEarthDataParserConfig(**options, **more).setup().get_dataparser_outputs(split)

    folder = write_labels({"flight_001": 0, "flight_006": 1}, names=["Pond", "Road"], size=(16, 20))
    train = parsed("train", label_data=folder.path)
    named = {path.stem: ids for path, ids in zip(train.image_filenames, first_ids(train))}
    assert {name: ids for name, ids in named.items() if ids < 255} == {"flight_001": 0, "flight_006": 1}
    assert parsed("val", label_data=folder.path).metadata["semantics"].labelled_view_indices == ()
