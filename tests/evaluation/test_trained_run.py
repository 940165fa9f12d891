"""Loading a run: everything that can be wrong with it is named, and what loads is what was trained."""

import copy
import shutil

import numpy as np
import pytest
import torch
import yaml

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.evaluation.trained_run import load_run
from nerfseg_ns.nerf.geometry_checkpoint import _check_scene_frame, read_checkpoint
from nerfseg_ns.nerf.perceptual_metric import without_lpips


def test_loads_from_another_directory_and_after_the_run_has_moved(train_tiny_run, tmp_path, monkeypatch):
    config_path = train_tiny_run()
    moved = tmp_path / "elsewhere" / "my-run"
    shutil.copytree(config_path.parent, moved)
    shutil.rmtree(config_path.parent)
    (moved / "nerfstudio_models" / "step-000000003.ckpt.part").touch()  # another program's leftover
    monkeypatch.chdir(tmp_path)
    run = load_run((moved / "config.yml").relative_to(tmp_path))
    assert run.step == 7 and run.checkpoint.parent == moved / "nerfstudio_models"
    assert run.view_names == ["000", "001"] and run.labelled_views == (0, 1)
    assert run.class_table is not None and run.class_table.names[0] == "Building"
    assert not run.pipeline.training
    stored = torch.load(run.checkpoint, weights_only=True)["pipeline"]
    loaded = run.pipeline.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in stored.items()) and len(stored) > 10


def test_data_that_is_not_there_is_named_with_what_helps(train_tiny_run, tiny_scene, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config_path = train_tiny_run(data=tiny_scene.relative_to(tmp_path))
    assert load_run(config_path).step == 7
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with pytest.raises(InputError, match="call this command there, or write the folder's absolute path") as error:
        load_run(config_path)
    assert f"{config_path}: the data of the run, scene, does not exist in {elsewhere}" in str(error.value)
    # the advice helps
    config = yaml.load(config_path.read_text(), Loader=yaml.Loader)
    config.data = config.pipeline.datamanager.data = config.pipeline.datamanager.dataparser.data = tiny_scene
    config_path.write_text(yaml.dump(config))
    assert load_run(config_path).step == 7
    shutil.rmtree(tiny_scene)
    with pytest.raises(InputError, match=f"the data of the run, {tiny_scene}, does not exist; write"):
        load_run(config_path)


def test_splits(train_tiny_run):
    config_path = train_tiny_run()
    assert len(load_run(config_path, "train").dataset) == 6
    assert len(load_run(config_path, "val").dataset) == 1
    views = list(load_run(config_path, "test").views())
    assert len(views) == 2 and views[0][1]["semantics"].shape == (24, 24, 1)


def test_checkpoints_that_cannot_be_used(train_tiny_run):
    config_path = train_tiny_run()
    folder = config_path.parent / "nerfstudio_models"
    (checkpoint,) = folder.glob("*.ckpt")
    whole = checkpoint.read_bytes()

    checkpoint.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=f"{checkpoint.name}: not a whole checkpoint"):
        load_run(config_path)

    checkpoint.write_bytes(whole)
    state = torch.load(checkpoint, weights_only=True)
    weights = state["pipeline"]
    name = next(key for key in weights if "semantic_network" in key and key.endswith("weight"))
    torch.save({**state, "pipeline": {k: v for k, v in weights.items() if k != name}}, checkpoint)
    with pytest.raises(InputError, match=rf"do not fit .* it lacks {name}"):
        load_run(config_path)

    torch.save({**state, "pipeline": {**weights, name: weights[name][:, :-1]}}, checkpoint)
    with pytest.raises(InputError, match="do not fit .* size mismatch"):
        load_run(config_path)

    checkpoint.unlink()
    with pytest.raises(InputError, match="no checkpoint"):
        load_run(config_path)
    folder.rmdir()
    with pytest.raises(InputError, match="nerfstudio_models: no such folder; .*steps-per-save"):
        load_run(config_path)


def test_configs_that_are_none(tmp_path):
    with pytest.raises(InputError, match="config.yml: no such file"):
        load_run(tmp_path / "config.yml")
    with pytest.raises(InputError, match="a folder; give the config.yml in it"):
        load_run(tmp_path)
    path = tmp_path / "config.yml"
    for text in ("a: [1", "a: 1", "!!python/object:no_such_module.Config {}"):
        path.write_text(text)
        with pytest.raises(InputError, match="not a nerfstudio config.yml"):
            load_run(path)


def test_method_that_is_not_installed(tmp_path):
    from nerfstudio.engine.trainer import TrainerConfig

    path = tmp_path / "config.yml"
    path.write_text(yaml.dump(TrainerConfig(method_name="nerfseg-light")))
    with pytest.raises(InputError, match="'nerfseg-light', which is not installed here; did you mean nerfseg-lite"):
        load_run(path)


def test_split_without_views_is_named(train_tiny_run, tiny_scene):
    config_path = train_tiny_run()
    shutil.rmtree(tiny_scene / "test")
    with pytest.raises(InputError, match="test"):
        load_run(config_path)


def tiny_nerfacto(scene, output_dir):
    """Nerfacto's own configuration, of a size for tests."""
    from nerfstudio.configs.dataparser_configs import all_dataparsers
    from nerfstudio.configs.method_configs import all_methods
    from nerfstudio.data.datamanagers.base_datamanager import VanillaDataManager, VanillaDataManagerConfig
    from nerfstudio.data.datasets.base_dataset import InputDataset

    config = copy.deepcopy(all_methods["nerfacto"])
    config.output_dir, config.timestamp, config.experiment_name = output_dir, "run", "tiny"
    config.pipeline.datamanager = VanillaDataManagerConfig(
        _target=VanillaDataManager[InputDataset],
        dataparser=copy.deepcopy(all_dataparsers["carla-mvs-data"]),
        data=scene,
    )
    model = config.pipeline.model
    model.implementation, model.num_levels, model.max_res, model.log2_hashmap_size = "torch", 2, 32, 8
    model.proposal_net_args_list = [{"hidden_dim": 8, "log2_hashmap_size": 8, "num_levels": 2, "max_res": 16}] * 2
    return config


def test_nerfacto_loads_with_the_numpy_floats_of_its_schedulers_and_without_a_download(
    tiny_scene, tmp_path, monkeypatch
):
    import torchmetrics.image.lpip
    from nerfstudio.configs.method_configs import all_methods
    from nerfstudio.engine.optimizers import Optimizers

    def download(**_):
        raise AssertionError("LPIPS downloads its weights when it is made")

    monkeypatch.setattr(torchmetrics.image.lpip, "LearnedPerceptualImagePatchSimilarity", download)
    config = tiny_nerfacto(tiny_scene, tmp_path / "outputs")
    monkeypatch.setattr(all_methods["nerfacto"].pipeline, "datamanager", config.pipeline.datamanager)
    config.save_config()
    with without_lpips(config):
        pipeline = config.pipeline.setup(device="cpu", test_mode="test")
    optimizers = Optimizers(config.optimizers, pipeline.get_param_groups())
    for step in range(3):
        for parameter in pipeline.model.parameters():
            parameter.grad = torch.full_like(parameter, 1e-3)
        optimizers.optimizer_step_all()
        optimizers.scheduler_step_all(step)
    schedulers = {name: scheduler.state_dict() for name, scheduler in optimizers.schedulers.items()}
    assert any(isinstance(state["_last_lr"][0], np.float64) for state in schedulers.values())  # what is tested
    weights = pipeline.state_dict()
    folder = config.get_base_dir() / config.relative_model_dir
    folder.mkdir(parents=True)
    torch.save(
        {
            "step": 2,
            "pipeline": {**weights, "_model.lpips.net.lin0.model.1.weight": torch.ones(1)},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in optimizers.optimizers.items()},
            "schedulers": schedulers,
            "scalers": {},
        },
        folder / "step-000000002.ckpt",
    )
    run = load_run(config.get_base_dir() / "config.yml")
    assert run.step == 2 and len(run.dataset) == 2
    loaded = run.pipeline.state_dict()
    assert len(weights) > 10 and all(torch.equal(loaded[key], value) for key, value in weights.items())


class Foreign:
    """Something that no trainer puts into a checkpoint."""


def test_a_refused_type_is_not_called_a_cut_short_file(tmp_path):
    path = tmp_path / "step-000000001.ckpt"
    torch.save({"step": 1, "pipeline": {}, "more": Foreign()}, path)
    with pytest.raises(InputError, match=r"holds a .*Foreign, which is not loaded") as error:
        read_checkpoint(path)
    assert "delete" not in str(error.value)
    # NumPy's floats are allowed for this load only
    assert np.dtype not in torch.serialization.get_safe_globals()


@pytest.mark.parametrize("error", [IndexError(), EOFError(), RuntimeError("\n"), ValueError("")])
def test_an_error_without_text_is_named_by_its_kind(tmp_path, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(InputError, match=rf"not a whole checkpoint \({type(error).__name__}\)"):
        read_checkpoint(tmp_path / "step-000000001.ckpt")
    monkeypatch.setattr(yaml, "load", fail)
    (tmp_path / "config.yml").touch()
    with pytest.raises(InputError, match=rf"not a nerfstudio config.yml \({type(error).__name__}\)"):
        load_run(tmp_path / "config.yml")


FRAMES = [
    "[1, 2]",
    "null",
    '{"transform": null, "scale": 1}',
    '{"transform": [], "scale": 1}',
    '{"transform": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], "scale": null}',
]


@pytest.mark.parametrize("text", FRAMES)
def test_a_scene_frame_that_is_none_is_named(tmp_path, text):
    (tmp_path / "dataparser_transforms.json").write_text(text)
    with pytest.raises(InputError, match="cannot read the scene frame"):
        _check_scene_frame(tmp_path / "config.yml", None)
