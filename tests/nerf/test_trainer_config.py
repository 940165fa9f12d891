"""An output folder with another run in it."""

from pathlib import Path

import pytest

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
    made = config(tmp_path, load_dir=tmp_path)
    (made.get_checkpoint_dir() / "step-000000100.ckpt").write_bytes(b"weights")
    made.save_config()
    assert (made.get_base_dir() / "config.yml").is_file()
