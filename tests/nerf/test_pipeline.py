"""The pipeline's stage switch, in training runs by nerfstudio's own Trainer."""

import importlib.util
import random
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nerfseg_ns.core.free_air import NEIGHBOURS, FreeAir
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.nerf import propagated_labels

GEOMETRY = {"field", "proposal_networks"}


def weights(config_path: Path, step: int) -> dict[str, torch.Tensor]:
    path = config_path.parent / "nerfstudio_models" / f"step-{step:09d}.ckpt"
    stored = torch.load(path, weights_only=True)["pipeline"]
    return {name.removeprefix("_model."): value for name, value in stored.items()}


def moved(config_path: Path, since: int, until: int) -> set[str]:
    """The modules of which any weight differs in any bit between the ends of two steps."""
    before, after = weights(config_path, since), weights(config_path, until)
    return {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}


def test_the_switch_freezes_the_geometry_from_its_first_step_on(train_tiny_run):
    config_path = train_tiny_run(stage1_steps=4, stage2_steps=3, every_checkpoint=True)
    assert len([name for name in weights(config_path, 6) if name.split(".")[0] in GEOMETRY]) >= 8
    # by then Adam has momentum that would go on moving the weights of stage 1
    assert moved(config_path, 2, 3) == GEOMETRY
    assert moved(config_path, 3, 4) == {"semantic_network"}
    assert moved(config_path, 3, 6) == {"semantic_network"}


def test_the_air_between_the_training_cameras_is_looked_at_in_stage_1(train_tiny_run, tiny_scene, monkeypatch):
    looked, points = [], FreeAir.points

    def spied(air: FreeAir, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        looked.append(len(air))
        return points(air, count)

    monkeypatch.setattr(FreeAir, "points", spied)
    train_tiny_run(stage1_steps=5, stage2_steps=4)  # looked at in steps 0 and 4, not in 8, which is of stage 2
    views = len(list((tiny_scene / "train" / "color").iterdir()))
    assert looked == [views * min(NEIGHBOURS, views - 1)] * 2


def change(scene: Path, folder: str, columns: slice, views: Iterable[str] = ("train/*",)) -> None:
    """Other colours or other classes in these columns of the views."""
    for pattern in views:
        for path in scene.glob(f"{pattern.split('/')[0]}/{folder}/{pattern.split('/')[1]}.png"):
            pixels = np.array(Image.open(path))
            pixels[:, columns] = 255 - pixels[:, columns] if folder == "color" else (pixels[:, columns] + 1) % 4
            Image.fromarray(pixels).save(path)


def trained(train_tiny_run, labelled_views: int | None) -> dict[str, torch.Tensor]:
    """The weights at the end of a short run."""
    random.seed(0)
    torch.manual_seed(0)
    config_path = train_tiny_run(stage1_steps=3, stage2_steps=3, labelled_views=labelled_views)
    end = weights(config_path, 5)
    (config_path.parent / "nerfstudio_models" / "step-000000005.ckpt").unlink()
    return end


def differing(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> set[str]:
    return {name.split(".")[0] for name in first if not torch.equal(first[name], second[name])}


@pytest.mark.parametrize("labelled_views", [None, 3])  # with 3 their labels are propagated
def test_masked_pixels_teach_neither_stage(train_tiny_run, tiny_scene, labelled_views: int | None):
    """What is under a mask does not change a single weight: two runs that differ only there end alike."""
    mask = np.full((24, 24), 255, dtype=np.uint8)
    mask[:, :12] = 0
    (tiny_scene / "train/mask").mkdir()
    for index in range(6):
        Image.fromarray(mask).save(tiny_scene / f"train/mask/{index:03d}.png")
    first = trained(train_tiny_run, labelled_views)
    for folder in ("color", "rgb"):
        change(tiny_scene, folder, slice(0, 12))
    second = trained(train_tiny_run, labelled_views)
    assert differing(first, second) == set()
    change(tiny_scene, "rgb", slice(12, 24))  # and labels beside the mask do teach
    assert differing(first, trained(train_tiny_run, labelled_views)) == {"semantic_network"}


def test_propagation_reads_no_label_that_the_run_does_not_have_and_nothing_of_other_splits(train_tiny_run, tiny_scene):
    first = trained(train_tiny_run, 2)  # which keeps the labels of views 1 and 4
    change(tiny_scene, "rgb", slice(None), [f"train/00{view}" for view in (0, 2, 3, 5)])
    for folder in ("color", "rgb"):
        change(tiny_scene, folder, slice(None), ("test/*", "validation/*"))
    assert differing(first, trained(train_tiny_run, 2)) == set()
    change(tiny_scene, "rgb", slice(None), ["train/001"])
    assert differing(first, trained(train_tiny_run, 2)) == {"semantic_network"}


def test_labels_are_propagated_between_views_of_different_sizes(train_tiny_run, tiny_scene, monkeypatch):
    found = []
    propagate = propagated_labels.propagated_labels
    monkeypatch.setattr(
        propagated_labels, "propagated_labels", lambda *arguments: found.append(propagate(*arguments)) or found[-1]
    )
    for view, size in ((0, (24, 18)), (1, (16, 24))):  # of which the second one is labelled, and upright
        for folder in ("color", "rgb"):
            path = tiny_scene / f"train/{folder}/{view:03d}.png"
            Image.open(path).crop((0, 0, *size)).save(path)
    train_tiny_run(stage1_steps=2, stage2_steps=2, labelled_views=2)
    views = found[0].views
    assert sorted(views) == [0, 2, 3, 5]
    assert views[0].pixels.max(dim=0).values.tolist() == [16, 22] and len(views[0].pixels) == 9 * 12
    assert views[2].pixels.max(dim=0).values.tolist() == [22, 22] and len(views[2].pixels) == 12 * 12
    assert found[0].unlabelled_share == pytest.approx(1 - (16 * 24 + 24 * 24) / (16 * 24 + 24 * 18 + 4 * 24 * 24))


def test_propagation_follows_the_seed_of_the_run(train_tiny_run, monkeypatch: pytest.MonkeyPatch):
    seeds = []
    propagate = propagated_labels.propagated_labels
    monkeypatch.setattr(
        propagated_labels,
        "propagated_labels",
        lambda model, dataset, seed, shown: seeds.append(seed) or propagate(model, dataset, seed, shown),
    )
    train_tiny_run(stage1_steps=2, stage2_steps=2, labelled_views=2)
    assert seeds == [42]  # nerfstudio's own


def test_a_missing_scikit_learn_is_named_before_stage_1(train_tiny_run, monkeypatch: pytest.MonkeyPatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *of: None if name == "sklearn" else find_spec(name, *of)
    )
    with pytest.raises(InputError, match="pip install scikit-learn.*propagated-share 0"):
        train_tiny_run(labelled_views=2)
