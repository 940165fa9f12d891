"""An output folder with another run in it."""

from pathlib import Path

import pytest
import torch

from nerfseg_ns.nerf.trainer_config import NerfSegTrainerConfig


def config(folder: Path, **options) -> NerfSegTrainerConfig:
    made = NerfSegTrainerConfig(
        method_name="nerfseg", output_dir=folder, experiment_name="scene", timestamp="run", **options
    )
    made.get_checkpoint_dir().mkdir(parents=True, exist_ok=True)
    return made


def test_another_runs_checkpoints_are_not_put_at_risk(tmp_path: Path) -> None:
    made = config(tmp_path)
    made.save_config()
    written = made.get_base_dir() / "config.yml"
    written.write_text("the other run's")
    (made.get_checkpoint_dir() / "step-000000100.ckpt").write_bytes(b"weights")
    with pytest.raises(ValueError, match="step-000000100.ckpt") as error:
        made.save_config()
    assert "--load-dir" in str(error.value) and "--timestamp" in str(error.value)
    assert written.read_text() == "the other run's"


def test_resuming_writes_the_configuration(tmp_path: Path) -> None:
    made = config(tmp_path)
    torch.save({"step": 100}, made.get_checkpoint_dir() / "step-000000100.ckpt")
    made.load_dir = made.get_checkpoint_dir()
    made.save_config()
    assert (made.get_base_dir() / "config.yml").is_file()


def test_resuming_from_one_run_does_not_overwrite_another(tmp_path: Path) -> None:
    made, other = config(tmp_path), config(tmp_path / "other")
    for run in (made, other):
        torch.save({"step": 100}, run.get_checkpoint_dir() / "step-000000100.ckpt")
    made.load_dir = other.get_checkpoint_dir()
    with pytest.raises(ValueError, match="holds a finished or interrupted run"):
        made.save_config()


@pytest.mark.parametrize("step", [None, 100])
def test_a_checkpoint_cut_short_is_named_before_training_starts(tmp_path: Path, step: int | None) -> None:
    made = config(tmp_path, load_step=step)
    path = made.get_checkpoint_dir() / "step-000000100.ckpt"
    torch.save({"step": 100, "weights": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:2000])
    made.load_dir = made.get_checkpoint_dir()
    with pytest.raises(ValueError, match="step-000000100.ckpt: this checkpoint is cut short"):
        made.save_config()


def test_missing_checkpoints_are_named_before_training_starts(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no checkpoint"):
        config(tmp_path, load_dir=tmp_path / "nothing").save_config()
    with pytest.raises(ValueError, match="last.ckpt: this checkpoint is missing"):
        config(tmp_path, load_checkpoint=tmp_path / "last.ckpt").save_config()
