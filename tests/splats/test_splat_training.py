"""Stage 2 of nerfseg-splat through nerfstudio's own Trainer, on the Gaussians of a finished run."""

import copy
from pathlib import Path

import pytest
import torch
import yaml

from nerfseg_ns.cli import run
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.evaluation.trained_run import load_run
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.model_gaussians import set_gaussians


def splat_config(data: Path, folder: Path, timestamp: str):
    from nerfstudio.configs.dataparser_configs import all_dataparsers
    from nerfstudio.configs.method_configs import all_methods

    config = copy.deepcopy(all_methods["nerfseg-splat"])
    config.machine.device_type, config.vis = "cpu", "none"
    config.logging.local_writer.enable = False
    config.output_dir, config.timestamp, config.experiment_name = folder, timestamp, "tiny"
    config.pipeline.datamanager.dataparser = copy.deepcopy(all_dataparsers["carla-mvs-data"])
    config.pipeline.datamanager.data = data
    config.pipeline.model.num_random, config.pipeline.model.random_init = 8, True
    config.pipeline.model.sh_degree = 1
    config.viewer.quit_on_train_completion = True
    return config


@pytest.fixture
def first_stage(tiny_scene, tmp_path) -> Path:
    """A run whose first stage is done: Gaussians all over the ground of the tiny scene."""
    config = splat_config(tiny_scene, tmp_path / "outputs", "first")
    config.pipeline.stage1_steps, config.pipeline.stage2_steps = 1, 0
    pipeline = config.pipeline.setup(device="cpu", test_mode="val")
    outputs = pipeline.datamanager.train_dataset._dataparser_outputs
    steps = torch.linspace(-4.0, 4.0, 20)
    x, y = torch.meshgrid(steps, steps, indexing="ij")
    points = torch.stack([x.flatten(), y.flatten(), torch.zeros(400)], dim=-1)
    transform, scale = outputs.dataparser_transform, outputs.dataparser_scale
    means = scale * (points @ transform[:, :3].T + transform[:, 3])
    size = torch.full((400, 3), 0.25 * scale).log()
    quaternions = torch.tensor([1.0, 0, 0, 0]).expand(400, 4)
    set_gaussians(pipeline.model, Gaussians(means, size, quaternions, torch.full((400,), 2.0), torch.zeros(400, 4, 3)))
    folder = config.get_base_dir()
    (folder / config.relative_model_dir).mkdir(parents=True)
    outputs.save_dataparser_transform(folder / "dataparser_transforms.json")
    (folder / "config.yml").write_text(yaml.dump(config))
    torch.save(
        {"step": 0, "pipeline": pipeline.state_dict(), "optimizers": {}, "schedulers": {}, "scalers": {}},
        folder / config.relative_model_dir / "step-000000000.ckpt",
    )
    return folder / "config.yml"


@pytest.mark.slow
def test_stage_2_is_trained_saved_loaded_and_evaluated(first_stage, tiny_scene, tmp_path, capsys):
    config = splat_config(tiny_scene, tmp_path / "outputs", "second")
    config.pipeline.geometry_config, config.pipeline.stage2_steps = first_stage, 150
    config.save_config()
    torch.manual_seed(0)  # as ns-train does: whatever ran before in this process
    trainer = config.setup(local_rank=0, world_size=1)
    trainer.setup()
    before = load_run(first_stage, "train").pipeline.model.gauss_params
    trainer.train()
    learned = trainer.pipeline.model.gaussian_features.learned
    assert learned.shape == (400, 16) and float(learned.detach().abs().max()) > 0
    loaded = load_run(config.get_base_dir() / "config.yml", "test")
    model = loaded.pipeline.model
    assert model.stage == 2 and torch.equal(model.gaussian_features.learned, learned)
    for name, value in model.gauss_params.items():
        assert torch.equal(value, before[name]), name
    report = tmp_path / "report.json"
    given = ["--load-config", str(config.get_base_dir() / "config.yml"), "--output-path", str(report)]
    assert run(["evaluate", *given]) == 0, capsys.readouterr().err
    assert yaml.safe_load(report.read_text())["overall_accuracy"] > 0.6


def test_the_gaussians_of_another_method_are_refused(first_stage, tiny_scene, tmp_path, train_tiny_run):
    config = splat_config(tiny_scene, tmp_path / "outputs", "third")
    config.pipeline.geometry_config = train_tiny_run(2, 2)
    trainer = config.setup(local_rank=0, world_size=1)
    with pytest.raises(InputError, match="method 'nerfseg-lite', whose geometry .* expected a run of nerfseg-splat or"):
        trainer.setup()
