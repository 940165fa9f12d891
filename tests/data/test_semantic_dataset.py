import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from nerfstudio.data.datamanagers.base_datamanager import (
    VanillaDataManager,
    VanillaDataManagerConfig,
    variable_res_collate,
)
from nerfstudio.data.datasets.base_dataset import InputDataset
from nerfstudio.data.utils.nerfstudio_collate import nerfstudio_collate
from PIL import Image

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.data.carla_mvs_dataparser import CarlaMVSDataParserConfig
from nerfseg_ns.data.semantic_dataset import SemanticDataset

CITY = Path(os.environ.get("NERFSEG_TEST_SCENE", "no-such-scene"))  # a Carla-MVS scene of 512x512 views to try


def dataset(scene, split="train", scale_factor=1.0, **options) -> SemanticDataset:
    outputs = CarlaMVSDataParserConfig(data=scene, **options).setup().get_dataparser_outputs(split)
    return SemanticDataset(outputs, scale_factor)


def test_full_size_items_are_the_files(tiny_scene):
    item = dataset(tiny_scene)[2]
    image = np.array(Image.open(tiny_scene / "train/color/002.png"))
    label = np.array(Image.open(tiny_scene / "train/rgb/002.png"))
    assert torch.equal(item["image"], torch.from_numpy(image).float() / 255)
    assert item["semantics"].dtype == torch.uint8
    assert torch.equal(item["semantics"][..., 0], torch.from_numpy(label))
    assert item["image_idx"] == 2 and "mask" not in item


def test_images_are_averaged_over_areas(tiny_scene):
    values = np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)
    Image.fromarray(values).save(tiny_scene / "train/color/001.png")
    reduced = dataset(tiny_scene, downscale_factor=3).get_image_uint8(1).numpy()
    means = values.reshape(8, 3, 8, 3, 3).mean(axis=(1, 3))
    assert reduced.shape == (8, 8, 3)
    assert np.abs(reduced - means).max() <= 1.0  # rows and columns are rounded to whole levels one after the other


def test_labels_are_picked_and_never_mixed(tiny_scene):
    ids = np.zeros((24, 24), dtype=np.uint8)
    ids[:, 12:] = 3  # an average would make classes 1 and 2
    ids[0, 0] = 255
    Image.fromarray(ids).save(tiny_scene / "train/rgb/001.png")
    reduced = dataset(tiny_scene, downscale_factor=5)[1]["semantics"][..., 0]
    assert reduced.shape == (4, 4)
    assert reduced.tolist() == [[0, 0, 3, 3]] * 4


def test_unlabelled_views_have_no_class(tiny_scene):
    views = dataset(tiny_scene, labelled_view_names=("001",), downscale_factor=2)
    assert views.labelled_view_indices == (1,)
    assert (views[0]["semantics"] == 255).all() and views[0]["semantics"].shape == (12, 12, 1)
    assert (views[1]["semantics"] < 4).all()


def test_scale_factor_of_the_datamanager_applies_on_top(tiny_scene):
    views = dataset(tiny_scene, scale_factor=0.5, downscale_factor=2)
    item = views[0]
    assert item["image"].shape == (6, 6, 3) and item["semantics"].shape == (6, 6, 1)
    assert views.cameras.width[0].item() == 6 and views.cameras.fx[0].item() == pytest.approx(6.0)


def test_masks_are_reduced_with_the_image(tiny_scene):
    folder = tiny_scene / "train/mask"
    folder.mkdir()
    for index in range(6):
        mask = Image.new("RGB", (24, 24), (255, 255, 255))
        mask.paste((0, 0, 0), (0, 0, 12, 24))
        mask.save(folder / f"{index:03d}.png")
    mask = dataset(tiny_scene, downscale_factor=2)[4]["mask"]
    assert mask.shape == (12, 12, 1) and mask.dtype == torch.bool
    assert not mask[:, :6].any() and mask[:, 6:].all()


def test_grey_images_become_rgb(tiny_scene):
    Image.fromarray(np.full((24, 24), 51, dtype=np.uint8)).save(tiny_scene / "train/color/000.png")
    image = dataset(tiny_scene)[0]["image"]
    assert image.shape == (24, 24, 3) and torch.allclose(image, torch.tensor(0.2))


def test_collating_views_of_one_size_and_of_several(tiny_scene):
    views = dataset(tiny_scene)
    batch = nerfstudio_collate([views[0], views[1]])
    assert batch["semantics"].shape == (2, 24, 24, 1) and batch["semantics"].dtype == torch.uint8
    for name, mode in (("color", "RGB"), ("rgb", "L")):
        Image.new(mode, (30, 20)).save(tiny_scene / f"train/{name}/002.png")
    views = dataset(tiny_scene)
    batch = variable_res_collate([views[1], views[2]])
    assert [tuple(label.shape) for label in batch["semantics"]] == [(24, 24, 1), (20, 30, 1)]


def test_labels_stay_off_the_device_and_the_list_is_ones_own(tiny_scene):
    first, second = dataset(tiny_scene), dataset(tiny_scene)
    assert first.exclude_batch_keys_from_device == ["image", "mask", "semantics"]
    first.exclude_batch_keys_from_device.remove("image")  # as nerfstudio's datamanager does
    assert second.exclude_batch_keys_from_device == ["image", "mask", "semantics"]
    assert "semantics" not in InputDataset.exclude_batch_keys_from_device


def test_views_of_other_dataparsers_count_as_unlabelled(tiny_scene):
    outputs = CarlaMVSDataParserConfig(data=tiny_scene).setup().get_dataparser_outputs("train")
    outputs.metadata.pop("semantics")
    views = SemanticDataset(outputs)
    assert views.labelled_view_indices == () and (views[0]["semantics"] == 255).all()


def test_wrong_ids_and_cut_images_are_named(tiny_scene):
    Image.fromarray(np.full((24, 24), 4, dtype=np.uint8)).save(tiny_scene / "train/rgb/001.png")
    with pytest.raises(InputError, match=r"rgb/001\.png: label ids beyond the class table: 4 \(576 pixels\)"):
        dataset(tiny_scene)[1]
    path = tiny_scene / "train/color/000.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(InputError, match=r"color/000\.png: the image cannot be decoded"):
        dataset(tiny_scene)[0]


def check_datamanager(scene, size, **options):
    """Nerfstudio's own datamanager draws labels that belong to the drawn pixels."""
    config = VanillaDataManagerConfig(
        data=scene,
        dataparser=CarlaMVSDataParserConfig(**options),
        train_num_rays_per_batch=512,
    )
    manager = VanillaDataManager[SemanticDataset](config)
    bundle, batch = manager.next_train(0)
    assert bundle.origins.shape == (512, 3) and batch["semantics"].dtype == torch.uint8
    views = manager.train_dataset
    for (view, row, column), label in list(zip(batch["indices"].tolist(), batch["semantics"][:, 0].tolist()))[:20]:
        assert views.get_semantics(view)[row, column, 0].item() == label
    drawn = set(batch["indices"][batch["semantics"][:, 0] != 255, 0].tolist())
    assert drawn and drawn <= set(views.labelled_view_indices)
    camera, image_batch = manager.next_eval_image(0)
    assert image_batch["semantics"].shape == (size, size, 1)
    assert (camera.width.item(), camera.height.item()) == (size, size)
    assert (image_batch["semantics"] != 255).all()


def test_nerfstudio_datamanager(tiny_scene):
    check_datamanager(tiny_scene, 12, labelled_views=2, downscale_factor=2)


@pytest.mark.skipif(not CITY.is_dir(), reason="the development scene city-a is not here")
def test_nerfstudio_datamanager_on_the_development_city():
    check_datamanager(CITY, 256, labelled_views=5, downscale_factor=2)


def paint_labels(scene):
    """Turns the label images of all splits into colour images."""
    colours = np.array([entry["rgb"] for entry in json.loads((scene / "classes.json").read_text())["classes"]])
    for path in scene.glob("*/rgb/*.png"):
        Image.fromarray(colours.astype(np.uint8)[np.array(Image.open(path))]).save(path)


def blacken(path):
    Image.new("RGB", (24, 24)).save(path)


def test_an_all_black_label_is_without_class_where_the_others_are_colours(tiny_scene):
    paint_labels(tiny_scene)
    for name in ("000", "003"):
        blacken(tiny_scene / f"train/rgb/{name}.png")
    blacken(tiny_scene / "test/rgb/000.png")
    # the only labelled views are black: the other images of the scene say what black means
    train = dataset(tiny_scene, labelled_view_names=("000", "003"))
    assert (train[0]["semantics"] == 255).all() and train.labelled_view_indices == (0, 3)
    test = dataset(tiny_scene, "test")
    assert (test[0]["semantics"] == 255).all() and (test[1]["semantics"] < 4).all()


def test_kinds_mixed_within_or_across_splits_are_refused(tiny_scene):
    paint_labels(tiny_scene)
    Image.new("L", (24, 24)).save(tiny_scene / "test/rgb/001.png")
    for split in ("train", "test"):
        with pytest.raises(InputError, match=r"train/rgb/000\.png.*test/rgb/001\.png.*--label-kind"):
            dataset(tiny_scene, split)
    assert (dataset(tiny_scene, "test", label_kind="colour")[1]["semantics"] == 255).all()


def test_labels_of_a_second_folder_decide_alone(tiny_scene, make_tiny_scene):
    other = make_tiny_scene("labels")
    paint_labels(other)
    blacken(other / "train/rgb/002.png")
    assert (dataset(tiny_scene, label_data=other)[2]["semantics"] == 255).all()
