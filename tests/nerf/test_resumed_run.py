"""Resuming with another first stage than the run that wrote the checkpoint."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.nerf import resumed_run
from nerfseg_ns.nerf.pipeline import NerfSegPipelineConfig
from nerfseg_ns.nerf.resumed_run import _recorded_stages
from nerfseg_ns.nerf.trainer_config import NerfSegTrainerConfig


@pytest.fixture(params=["load_dir", "load_checkpoint"])
def resume(request, tmp_path, monkeypatch):
    """Writes a run of the first options, and resumes it with the second ones, in its own folder or in another."""
    monkeypatch.chdir(tmp_path)

    def config(timestamp: str, stages: dict, **options) -> NerfSegTrainerConfig:
        return NerfSegTrainerConfig(
            method_name="nerfseg",
            output_dir=Path("outputs"),
            experiment_name="scene",
            timestamp=timestamp,
            pipeline=NerfSegPipelineConfig(**stages),
            **options,
        )

    def run(before: dict, after: dict, timestamp: str = "run", forget_config: bool = False) -> Path:
        first = config("run", before)
        first.save_config()
        written = first.get_base_dir() / "config.yml"
        first.get_checkpoint_dir().mkdir(parents=True)
        checkpoint = first.get_checkpoint_dir() / "step-000000100.ckpt"
        torch.save({"step": 100}, checkpoint)
        if forget_config:
            written.unlink()
        source = {"load_dir": checkpoint.parent, "load_checkpoint": checkpoint}[request.param]
        second = config(timestamp, after, **{request.param: source})
        second.save_config()
        return second.get_base_dir() / "config.yml"

    return run


@pytest.mark.parametrize("timestamp", ["run", "later"])
@pytest.mark.parametrize(
    ("before", "after", "patterns"),
    [
        ({"stage1_steps": 300}, {"stage1_steps": 200}, ["stage1-steps 300 and this one has 200", "with .*steps 300,"]),
        (
            {"geometry_config": Path("a/config.yml")},
            {},
            ["geometry-config a/config.yml and this one has None", "with --pipeline.geometry-config a/config.yml"],
        ),
        (
            {},
            {"geometry_config": Path("b/config.yml")},
            ["geometry-config None and this one has b/config.yml", "leave the option out"],
        ),
        (
            {"geometry_config": Path("a/config.yml")},
            {"geometry_config": Path("b/config.yml")},
            ["geometry-config a/config.yml and this one has b/config.yml"],
        ),
    ],
)
def test_another_first_stage_is_refused_and_nothing_is_written(resume, timestamp, before, after, patterns):
    for pattern in patterns:
        with pytest.raises(InputError, match=pattern):
            resume(before, after, timestamp)
        Path("outputs/scene/nerfseg/run/nerfstudio_models/step-000000100.ckpt").unlink()
        Path("outputs/scene/nerfseg/run/nerfstudio_models").rmdir()
    kept = yaml.load(Path("outputs/scene/nerfseg/run/config.yml").read_text(), Loader=yaml.Loader)
    assert kept.pipeline == NerfSegPipelineConfig(**before)
    assert not Path("outputs/scene/nerfseg/later").exists()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({"stage2_steps": 100}, {"stage2_steps": 200}),
        ({"geometry_config": Path("a/config.yml")}, {"geometry_config": Path("x/../a/config.yml")}),
        # the first stage of a run on a finished geometry has no steps, whatever the option says
        (
            {"geometry_config": Path("a/config.yml"), "stage1_steps": 5},
            {"geometry_config": Path("a/config.yml"), "stage1_steps": 6},
        ),
    ],
)
def test_what_does_not_move_the_switch_may_change(resume, before, after):
    written = yaml.load(resume(before, after).read_text(), Loader=yaml.Loader)
    assert written.pipeline == NerfSegPipelineConfig(**after)


def test_a_run_without_its_config_goes_on_with_a_warning(resume, monkeypatch):
    said = []
    monkeypatch.setattr(resumed_run, "CONSOLE", SimpleNamespace(log=said.append))
    assert resume({"stage1_steps": 300}, {"stage1_steps": 200}, forget_config=True).is_file()
    (line,) = said
    assert "run/config.yml is missing" in line and "step-000000100.ckpt" in line and "cannot be checked" in line


def test_reading_what_was_recorded_runs_no_code(tmp_path):
    path, trace = tmp_path / "config.yml", tmp_path / "executed"
    path.write_text(
        "!!python/object:nerfstudio.engine.trainer.TrainerConfig\n"
        f"vis: !!python/object/apply:os.mkdir [{trace}]\n"
        "pipeline: !!python/object:nerfseg_ns.nerf.pipeline.NerfSegPipelineConfig\n"
        "  stage1_steps: 7\n"
        "  geometry_config: !!python/object/apply:pathlib.PosixPath [/, a, config.yml]\n"
    )
    assert _recorded_stages(path) == (7, Path("/a/config.yml"))
    assert not trace.exists()


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", "pipeline: {stage1_steps: many, geometry_config: null}", "a: [", "\x00"]
)
def test_a_record_that_cannot_be_read_is_named(tmp_path, text):
    path = tmp_path / "config.yml"
    path.write_text(text)
    with pytest.raises(InputError, match="config.yml: not a nerfstudio config.yml"):
        _recorded_stages(path)
