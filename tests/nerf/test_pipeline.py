"""The pipeline's stage switch, in training runs by nerfstudio's own Trainer."""

import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image

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


def test_masked_pixels_teach_neither_stage(train_tiny_run, tiny_scene):
    """What is under a mask does not change a single weight: two runs that differ only there end alike."""
    mask = np.full((24, 24), 255, dtype=np.uint8)
    mask[:, :12] = 0
    (tiny_scene / "train/mask").mkdir()
    for index in range(6):
        Image.fromarray(mask).save(tiny_scene / f"train/mask/{index:03d}.png")

    def trained() -> dict[str, torch.Tensor]:
        random.seed(0)
        torch.manual_seed(0)
        config_path = train_tiny_run(stage1_steps=3, stage2_steps=3)
        end = weights(config_path, 5)
        (config_path.parent / "nerfstudio_models" / "step-000000005.ckpt").unlink()
        return end

    def change(folder: str, values: slice) -> None:
        for path in (tiny_scene / "train" / folder).glob("*.png"):
            pixels = np.array(Image.open(path))
            pixels[:, values] = 255 - pixels[:, values] if folder == "color" else (pixels[:, values] + 1) % 4
            Image.fromarray(pixels).save(path)

    first = trained()
    for folder in ("color", "rgb"):
        change(folder, slice(0, 12))
    second = trained()
    assert all(torch.equal(first[name], second[name]) for name in first)
    change("rgb", slice(12, 24))  # and labels beside the mask do teach
    third = trained()
    differing = {name.split(".")[0] for name in first if not torch.equal(first[name], third[name])}
    assert differing == {"semantic_network"}
