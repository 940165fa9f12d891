"""The row kind image-network: crops, weights of classes, training on a tiny scene, and what it may read."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nerfseg_ns.benchmark import image_network_run
from nerfseg_ns.benchmark.image_augmentation import Augmentation, LabelledImage
from nerfseg_ns.benchmark.image_network import ImageNetwork, image_network
from nerfseg_ns.benchmark.image_network_run import class_weights, labelled_image, measure_image_network, predicted
from nerfseg_ns.benchmark.image_networks import ImageSegmenter
from nerfseg_ns.benchmark.row_kinds import RowPlace
from nerfseg_ns.core.input_error import InputError

IGNORE = 255


COLOURS = torch.tensor([[0, 0, 0], [200, 0, 0], [0, 200, 0], [0, 0, 200]], dtype=torch.uint8)


def quadrants(height=40, width=60):
    """Four classes with a colour each, none of them a mixture of others."""
    labels = torch.zeros(height, width, dtype=torch.uint8)
    labels[:, width // 2 :] += 1
    labels[height // 2 :] += 2
    return LabelledImage(COLOURS[labels.long()], labels)


def test_labels_stay_with_their_colours():
    plain = Augmentation(jitter=0.0, hue=0.0)
    generator = torch.Generator().manual_seed(1)
    for _ in range(20):
        colours, labels = plain.crops([quadrants()], 32, generator)
        far = (colours[:, None] * 255 - COLOURS.float()[None, :, :, None, None]).abs().amax(dim=2)
        shown = far < 0.1  # [1, classes, h, w]; no class at borders, where colours mix
        sharp = shown.any(dim=1) & (labels != IGNORE)
        assert sharp.float().mean() > 0.5
        assert torch.equal(shown.float().argmax(dim=1)[sharp], labels[sharp])


def test_outside_of_the_image_has_no_label():
    small = Augmentation(scale=(0.5, 0.5), degrees=0.0, jitter=0.0, hue=0.0)
    _, labels = small.crops([quadrants()], 64, torch.Generator().manual_seed(0))
    # half size: 20 x 30 of 64 x 64 pixels, in the middle since there is no room to move
    assert int((labels != IGNORE).sum()) == 20 * 30
    assert set(labels.unique().tolist()) == {0, 1, 2, 3, IGNORE}
    assert bool((labels[0, 22:42, 17:47] != IGNORE).all())


def test_crops_are_mirrored_half_of_the_time_and_repeat_with_their_seed():
    whole = Augmentation(scale=(1.0, 1.0), degrees=0.0, jitter=0.0, hue=0.0)
    image = quadrants(32, 32)
    generator = torch.Generator().manual_seed(5)
    first = torch.stack([whole.crops([image], 32, generator)[1][0] for _ in range(40)])
    mirrored = (first == image.labels.flip(1)).all(dim=(1, 2))
    assert bool(((first == image.labels).all(dim=(1, 2)) | mirrored).all()) and 10 < int(mirrored.sum()) < 30
    generator.manual_seed(5)
    assert torch.equal(first[0], whole.crops([image], 32, generator)[1][0])


def test_weights_of_classes_by_hand():
    labels = torch.tensor([[0, 0, 0, 0], [1, IGNORE, IGNORE, 0]], dtype=torch.uint8)
    image = LabelledImage(torch.zeros(2, 4, 3, dtype=torch.uint8), labels)
    # shares 5/6 and 1/6 to the power -0.5; their mean over the pixels is sqrt(5/6) + sqrt(1/6) = 1.32112
    assert class_weights([image], 0.5, 3).tolist() == pytest.approx([0.82918, 1.85410, 0.0], abs=1e-4)
    assert class_weights([image], 0.0, 3).tolist() == pytest.approx([1.0, 1.0, 0.0])


@pytest.mark.parametrize("name", ["unet", "deeplabv3-mobilenet"])
def test_scores_have_the_size_of_the_image(name):
    network = ImageSegmenter(name, 4, 2).eval()
    with torch.no_grad():
        assert network(torch.rand(1, 3, 45, 70)).shape == (1, 4, 45, 70)
    image = quadrants(45, 70)
    assert predicted(network, image).shape == image.labels.shape


def test_mistakes_are_named(tmp_path, monkeypatch):
    for values, message in (
        ({"steps": 0}, "steps 0"),
        ({"balance": 2.0}, "balance 2"),
        ({"labelled_views": 0}, "labelled_views 0"),
        ({"learning_rate": 0.0}, "learning_rate 0"),
    ):
        with pytest.raises(InputError, match=message):
            ImageNetwork(**values)
    with pytest.raises(InputError, match="no pretrained weights; accepted: the deeplabv3"):
        image_network.check(ImageNetwork(pretrained=True), tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "monai.networks.nets", None)
    with pytest.raises(InputError, match="pip install 'nerfseg-ns\\[benchmark\\]'"):
        image_network.check(ImageNetwork(), tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="device cuda"):
        image_network.check(ImageNetwork(device="cuda"), tmp_path)


def test_weights_that_cannot_be_downloaded(monkeypatch):
    from urllib.error import URLError

    def unreachable(*args, **kwargs):
        raise URLError("no route")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", unreachable)
    with pytest.raises(InputError, match="cannot be downloaded .*no route"):
        ImageSegmenter("deeplabv3-mobilenet", 4, pretrained=True)


SMALL = {"width": 4, "batch": 2, "crop": 32, "learning_rate": 3e-3, "device": "cpu"}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_network_learns_the_tiny_scene_from_its_labelled_views(tiny_scene, tmp_path, monkeypatch, precision):
    place = RowPlace("row", tiny_scene, tmp_path / "runs")
    settings = ImageNetwork(labelled_views=3, steps=60, seed=1, precision=precision, **SMALL)
    lost, trained, tested, entropy = set(), set(), set(), image_network_run.cross_entropy
    monkeypatch.setattr(image_network_run, "cross_entropy", lambda s, *a, **k: lost.add(s.dtype) or entropy(s, *a, **k))
    scores = ImageSegmenter.forward

    def forward(self, images):
        found = scores(self, images)
        (trained if self.training else tested).add(found.dtype)
        return found

    monkeypatch.setattr(ImageSegmenter, "forward", forward)
    read = []
    monkeypatch.setattr(
        image_network_run,
        "labelled_image",
        lambda data, index: read.append((data, index)) or labelled_image(data, index),
    )
    result = measure_image_network(settings, place)
    assert result["miou"] > 0.5  # classes are told by their colours alone; 0.25 or less by chance
    assert (result["train_views"], result["labelled_views"], result["test_views"]) == (6, 3, 2)
    assert result["labelled_pixels"] == 2 * 24 * 24 and result["rendered_views"] == 0
    assert len(result["loss_curve"]) == 20 and result["loss_curve"][-1] < result["loss_curve"][0]
    assert trained == {getattr(torch, precision)} and lost == tested == {torch.float32}
    assert [index for _, index in read] == [1, 3, 5, 0, 1]  # three training views, then the test views
    assert "test" in str(read[-1][0].image_filenames[0]) and "train" in str(read[0][0].image_filenames[0])


def test_a_training_that_diverges_is_named(tiny_scene, tmp_path):
    settings = ImageNetwork(labelled_views=1, steps=200, **{**SMALL, "learning_rate": 1e30})
    with pytest.raises(InputError, match="the loss is (nan|inf) after .* steps; lower learning_rate"):
        measure_image_network(settings, RowPlace("row", tiny_scene, tmp_path / "runs"))


def test_equal_seeds_give_equal_networks(tiny_scene, tmp_path):
    place = RowPlace("row", tiny_scene, tmp_path / "runs")
    curves = [
        measure_image_network(ImageNetwork(labelled_views=1, steps=4, seed=seed, **SMALL), place)["loss_curve"]
        for seed in (1, 1, 2)
    ]
    assert curves[0] == curves[1] != curves[2]


def test_rendered_views_take_their_share_of_the_crops(tiny_scene, tmp_path, monkeypatch):
    place = RowPlace("row", tiny_scene, tmp_path / "runs")
    rendered = [quadrants(24, 24)]
    monkeypatch.setattr(image_network_run, "_rendered", lambda settings, place, train: (rendered, []))
    counted = []
    crops = Augmentation.crops

    def count(self, images, size, generator):
        counted.extend(image is rendered[0] for image in images)
        return crops(self, images, size, generator)

    monkeypatch.setattr(Augmentation, "crops", count)
    settings = ImageNetwork(labelled_views=1, steps=100, rendered_from="ours", rendered_share=0.25, **SMALL)
    result = measure_image_network(settings, place)
    assert result["rendered_views"] == 1 and 0.15 < np.mean(counted) < 0.35


@pytest.mark.slow
@pytest.mark.parametrize("with_captured", [False, True])
def test_views_rendered_by_a_run(train_tiny_run, tiny_scene, tmp_path, with_captured):
    config = train_tiny_run()
    place = RowPlace("row", tiny_scene, tmp_path / "runs")
    made = place.run_folder("ours") / "a" / "b" / "c"
    made.parent.mkdir(parents=True)
    made.symlink_to(Path(config).parent.resolve())
    (place.run_folder("ours") / "training.json").touch()
    settings = ImageNetwork(
        labelled_views=1, steps=2, rendered_from="ours", rendered_views=3, with_captured=with_captured, **SMALL
    )
    views = settings.dataset(place, "train")
    captured = len(views) if with_captured else 0
    try:
        result = measure_image_network(settings, place)
    except InputError as error:  # four steps of training leave few pixels with a sure label
        assert "without a sure label" in str(error)
    else:
        assert result["rendered_views"] <= 3
        assert result["captured_views"] <= (len(views) - 1 if with_captured else 0)  # one has a label of its own
        assert result["rendered_views"] + result["captured_views"] > 0
    exported = place.run_folder("row") / "rendered" / "images"
    assert len(list(exported.glob("new_*.png"))) == 3
    assert len(list(exported.glob("captured/*.png"))) == captured
