"""Stage 2 in a process of its own beside a finished run, and what it learned in the model of that run."""

import copy

import numpy as np
import pytest
import torch
import yaml
from nerfstudio.configs.method_configs import all_methods

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.evaluation.trained_run import load_run
from nerfseg_ns.labels.index_png import write_index_png
from nerfseg_ns.nerf.learned_classes import read_learned, take_classes
from nerfseg_ns.nerf.second_stage import SecondStage, learner_config

NAMES = ("Building", "Road", "Vegetation", "Terrain", "Pond")


@pytest.fixture
def geometry(train_tiny_run):
    """config.yml of a run of stage 1 alone."""
    return train_tiny_run(stage1_steps=2, stage2_steps=0)


def write_labels(run, ids):
    table = ClassTable(()).extended(NAMES)
    for name, number in ids.items():
        write_index_png(run.labels.label_file(name), np.full((24, 24), number, dtype=np.uint8), table)
    table.to_json(run.labels.table_file)
    return table


def test_the_run_lies_beside_and_differs_in_its_labels_and_stages_alone(geometry):
    text = geometry.read_text()
    assert "labelled_views: null" in text
    geometry.write_text(
        text.replace("labelled_views: null", "labelled_views: 1").replace("stage1_steps: 2", "stage1_steps: 9")
    )
    first, second = SecondStage.beside(geometry), SecondStage.beside(geometry, 7)
    assert [run.folder for run in (first, second)] == [
        geometry.resolve().parent.with_name(name) for name in ("run-clicks", "run-clicks-2")
    ]
    assert first.steps == all_methods["nerfseg-lite"].pipeline.stage2_steps and second.steps == 7
    config = second.config()
    assert config.get_base_dir() == second.folder
    assert config.pipeline.geometry_config == geometry.resolve() and config.pipeline.stage2_steps == 7
    options = config.pipeline.datamanager.dataparser
    assert options.label_data == second.folder and options.labelled_views is None
    assert config.pipeline.model == learner_config(geometry).pipeline.model


def test_a_run_that_was_moved_gets_its_learned_ones_beside_it(geometry, tmp_path):
    moved = geometry.parent.rename(tmp_path / "moved")
    run = SecondStage.beside(moved / "config.yml", 3)
    assert (
        run.folder == tmp_path / "learned" / "nerfseg-lite" / "moved-clicks"
        and run.config().get_base_dir() == run.folder
    )


@pytest.mark.parametrize(
    "method, advice", [("nerfacto", "train a run of nerfseg"), ("splatfacto", "ns-train nerfseg-splat")]
)
def test_runs_without_classes_say_what_to_do(tmp_path, method, advice):
    (tmp_path / "config.yml").write_text(yaml.dump(copy.deepcopy(all_methods[method])))
    with pytest.raises(InputError, match=f"a run of {method} has no classes to learn.*{advice}"):
        SecondStage.beside(tmp_path / "config.yml")
    assert [path.name for path in tmp_path.iterdir()] == ["config.yml"]


@pytest.mark.slow
def test_what_is_learned_shows_in_the_model_whose_geometry_it_was_learned_on(geometry, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    loaded = load_run(geometry)
    model = loaded.pipeline.model
    camera = loaded.dataset.cameras[:1].to(model.device)
    before = model.get_outputs_for_camera(camera)
    assert "semantics" not in before

    run = SecondStage.beside(geometry, 40)
    table = write_labels(run, {"000": 4, "003": 4})
    told = []
    run.train(lambda done, total: told.append((done, total)))
    assert told[0] == (0, 40) and told[-1] == (40, 40)
    legend = model.class_legend
    take_classes(model, read_learned(model, run.config_path, table))
    after = model.get_outputs_for_camera(camera)
    assert torch.equal(after["rgb"], before["rgb"])
    assert after["semantics"].shape == (24, 24, 5) and (after["semantics"].argmax(dim=-1) == 4).float().mean() > 0.95
    assert model.class_legend is not legend and model.class_legend.stage is legend.stage
    assert legend.stage.text == "Stage 2: semantics"

    own = load_run(run.config_path)  # an ordinary run, which says the same
    assert torch.allclose(own.pipeline.model.get_outputs_for_camera(camera)["semantics"], after["semantics"], atol=1e-5)
    assert own.class_table == table and own.labelled_views == (0, 1)  # test views keep their own labels


@pytest.mark.slow
def test_training_that_fails_says_why_and_one_that_is_cancelled_ends(geometry, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    run = SecondStage.beside(geometry, 5)
    write_labels(run, {"000": 255})
    with pytest.raises(
        InputError, match=r"ended with status 1: none of the 6 training views has a labelled pixel.*train.log"
    ):
        run.train(lambda done, total: None)

    class Stop(Exception):
        pass

    def stop(done, total):
        raise Stop

    processes = []
    original = __import__("subprocess").Popen

    def popen(*arguments, **named):
        processes.append(original(*arguments, **named))
        return processes[-1]

    monkeypatch.setattr("nerfseg_ns.nerf.second_stage.subprocess.Popen", popen)
    with pytest.raises(Stop):
        run.train(stop)
    assert processes[0].poll() not in (None, 0)
    run.discard()
    assert not run.folder.exists()
