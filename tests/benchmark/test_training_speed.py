"""The row kind training-speed: its table and plot from figures, its configuration, and a tiny real training."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nerfseg_ns.benchmark.plan import read_plan
from nerfseg_ns.benchmark.results import json_values
from nerfseg_ns.benchmark.row_kinds import MeasuredRow, RowPlace
from nerfseg_ns.benchmark.speed_plot import speed_plot
from nerfseg_ns.benchmark.training_speed import TrainingSpeed, training_speed
from nerfseg_ns.core.input_error import InputError

CONFIGS = Path(__file__).parents[2] / "configs"

TINY_NERFACTO = {
    "pipeline.datamanager.train_num_rays_per_batch": 64,
    "pipeline.model.eval_num_rays_per_chunk": 576,
    "pipeline.model.implementation": "torch",
    "pipeline.model.num_levels": 2,
    "pipeline.model.max_res": 32,
    "pipeline.model.log2_hashmap_size": 8,
    "pipeline.model.num_proposal_iterations": 1,
    "pipeline.model.num_proposal_samples_per_ray": [8],
    "pipeline.model.num_nerf_samples_per_ray": 4,
    "pipeline.model.proposal_net_args_list": [
        {"hidden_dim": 8, "log2_hashmap_size": 8, "num_levels": 2, "max_res": 16, "use_linear": False}
    ],
}


def row(name, rays_per_second, curve, device="cpu", measure_at=()):
    result = {
        "rays_per_second": rays_per_second,
        "seconds_per_step": 1024 / rays_per_second,
        "psnr_curve": [{"at": at, "seconds": at + 0.3, "step": 1, "psnr": value} for at, value in curve.items()],
        "test_views": 4,
        "image_size": [256, 256],
        "psnr": curve[max(curve)],
        "train_seconds": max(curve) + 0.3,
        "device": device,
    }
    memory = {"resident_gib": 1.94, "cuda_gib": 3.21 if device == "cuda:0" else None}
    settings = json_values(TrainingSpeed(method=name, seconds=60, measure_at=measure_at))
    return MeasuredRow(name, "training-speed", "city", settings, result, memory, {}, {}, "2026-01-01")


def test_table_by_hand():
    lite = row("lite", 6144.0, {20.0: 21.5, 40.0: 23.25}, measure_at=(20.0,))  # ended early: no more steps
    nerfacto = row("nerfacto", 1536.0, {30.0: 19.0, 60.0: 20.0}, measure_at=(30.0,))
    text = training_speed.table([lite, nerfacto], nerfacto)
    assert text.cells == [
        [
            "",
            "rays/s",
            "against nerfacto",
            "ms/step",
            "PSNR after 20 s",
            "PSNR after 30 s",
            "PSNR at the end",
            "peak memory",
        ],
        ["lite", "6,144", "4.00x", "167", "21.50", "–", "23.25 after 40 s", "1.9 GiB"],
        ["nerfacto", "1,536", "1.00x", "667", "–", "19.00", "20.00 after 60 s", "1.9 GiB"],
    ]
    assert "4 test views of 256x256 of city" in text.note
    assert "compilation too" in text.note and "median step after a warm-up of 20 steps" in text.note


def test_table_without_baseline_and_on_a_gpu():
    text = training_speed.table([row("nerfseg", 1e6, {60: 30.0}, device="cuda:0")], None)
    assert text.cells[0][:3] == ["", "rays/s", "ms/step"]
    assert text.cells[1] == ["nerfseg", "1,000,000", "1", "30.00 after 60 s", "3.2 GiB on the GPU"]


def test_plot_has_a_line_of_its_own_colour_per_row():
    def pixels_like(picture, colour):
        return int((np.abs(np.asarray(picture).astype(int) - colour).max(axis=-1) < 12).sum())

    blue, orange = np.array([31, 95, 168]), np.array([194, 87, 26])
    one = speed_plot({"lite": [(10, 20.0), (60, 24.0)]}, "title")
    two = speed_plot({"lite": [(10, 20.0), (60, 24.0)], "nerfacto": [(10, 14.0), (60, 18.0)]}, "title")
    assert pixels_like(one, blue) > 300 and pixels_like(one, orange) == 0
    assert pixels_like(two, orange) > 300


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seconds": 0}, "0 < measure_at"),
        ({"seconds": 10, "measure_at": (5, 5)}, "0 < measure_at"),
        ({"seconds": 10, "measure_at": (5, 10)}, "0 < measure_at"),
        ({"seconds": 10, "test_views": 0}, "at least 1"),
        ({"seconds": 10, "warmup_steps": 0}, "at least 1"),
    ],
)
def test_settings_out_of_range(values, message):
    with pytest.raises(InputError, match=message):
        TrainingSpeed(method="nerfacto", **values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"method": "nerfactor"}, "method 'nerfactor' is not installed; did you mean nerfacto"),
        ({"method": "lerf"}, "method 'lerf' is not installed"),  # nerfstudio lists it, to offer its installation
        ({"dataparser": "carla-mvs"}, "dataparser 'carla-mvs' is not installed; did you mean carla-mvs-data"),
        ({"overrides": {"pipeline.model.num_level": 3}}, "pipeline.model has no 'num_level'; did you mean num_levels"),
        ({"overrides": {"pipeline.model.num_levels": "3"}}, "pipeline.model.num_levels: '3' is text"),
    ],
)
def test_mistakes_in_a_row_are_named(tmp_path, values, message):
    from nerfseg_ns.benchmark.training_clock import training_config

    settings = TrainingSpeed(**{"method": "nerfacto", "seconds": 1.0, **values})
    with pytest.raises(InputError, match=message):
        training_config(settings, tmp_path, tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_cuda_without_a_gpu_is_refused(tmp_path):
    from nerfseg_ns.benchmark.training_clock import training_config

    with pytest.raises(InputError, match="finds no GPU"):
        training_config(TrainingSpeed(method="nerfacto", seconds=1, device="cuda"), tmp_path, tmp_path)


def test_shipped_benchmark_compares_the_same_settings(tmp_path):
    """configs/speed.yaml: both rows exist, and agree on everything that both methods have."""
    from nerfseg_ns.benchmark.training_clock import training_config

    configs = {}
    for planned in read_plan(CONFIGS / "speed.yaml", data=tmp_path).rows:
        configs[planned.settings.method] = training_config(planned.settings, tmp_path, tmp_path / "out")
    lite, nerfacto = configs["nerfseg-lite"], configs["nerfacto"]
    shared = set(vars(lite.pipeline.model)) & set(vars(nerfacto.pipeline.model)) - {"_target", "average_init_density"}
    assert {"num_levels", "max_res", "log2_hashmap_size", "num_nerf_samples_per_ray"} <= shared
    differing = {key for key in shared if getattr(lite.pipeline.model, key) != getattr(nerfacto.pipeline.model, key)}
    assert differing == set()
    assert nerfacto.pipeline.model.proposal_weights_anneal_max_num_iters == lite.pipeline.model.proposal_anneal_steps
    assert nerfacto.pipeline.model.num_proposal_iterations == len(lite.pipeline.model.num_proposal_samples_per_ray)
    managers = [config.pipeline.datamanager for config in (lite, nerfacto)]
    assert managers[0].train_num_rays_per_batch == managers[1].train_num_rays_per_batch
    assert managers[0].dataparser == managers[1].dataparser and managers[0].dataparser.downscale_factor == 2
    # the changes are made to copies: the registered methods stay as they are
    from nerfstudio.configs.method_configs import all_methods

    assert all_methods["nerfacto"].pipeline.model.num_levels == 16


def test_nerfacto_trains_against_the_clock_without_any_download(tiny_scene, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("weights were about to be downloaded")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    settings = TrainingSpeed(
        method="nerfacto",
        dataparser="carla-mvs-data",
        datamanager="vanilla",
        device="cpu",
        seconds=6.0,
        measure_at=(0.3,),
        test_views=1,
        warmup_steps=2,
        overrides=TINY_NERFACTO,
    )
    result = training_speed.measure(settings, RowPlace("row", tiny_scene, tiny_scene / "runs"))
    assert result["steps"] > 2 and result["rays_per_batch"] == 64
    assert result["rays_per_second"] == pytest.approx(64 / result["seconds_per_step"])
    assert result["warmup_seconds"] < result["train_seconds"] and result["train_seconds"] >= 6.0
    first, last = result["psnr_curve"]
    assert (first["at"], last["at"]) == (0.3, 6.0) and 0.3 <= first["seconds"] <= last["seconds"]
    assert first["step"] <= last["step"] == result["steps"]
    assert 3.0 < last["psnr"] < 60.0 and result["psnr"] == last["psnr"]
    assert (result["train_views"], result["test_views"], result["image_size"]) == (6, 1, [24, 24])
    assert "compilation too" in result["clock"] and "left out" in result["lpips"]


def test_method_that_runs_out_of_steps_ends_early(tiny_scene):
    settings = TrainingSpeed(
        method="nerfacto",
        dataparser="carla-mvs-data",
        datamanager="vanilla",
        device="cpu",
        seconds=300.0,
        measure_at=(200.0,),
        test_views=1,
        warmup_steps=2,
        overrides={**TINY_NERFACTO, "max_num_iterations": 5},
    )
    result = training_speed.measure(settings, RowPlace("row", tiny_scene, tiny_scene / "runs"))
    (end,) = result["psnr_curve"]
    assert result["steps"] == end["step"] == 5 and result["train_seconds"] == pytest.approx(end["seconds"])
    assert end["seconds"] < 200.0 and result["psnr"] == end["psnr"]


def test_training_that_never_leaves_the_warm_up_is_no_measurement(tiny_scene):
    settings = TrainingSpeed(
        method="nerfacto",
        dataparser="carla-mvs-data",
        datamanager="vanilla",
        device="cpu",
        seconds=0.01,
        test_views=1,
        warmup_steps=10_000,
        overrides=TINY_NERFACTO,
    )
    with pytest.raises(InputError, match="no more than the warm-up of 10000"):
        training_speed.measure(settings, RowPlace("row", tiny_scene, tiny_scene / "runs"))
