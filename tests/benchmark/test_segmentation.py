"""The row kind segmentation: words of ns-train, mistakes, its table from figures, its clock, and tiny real rows."""

import json
from pathlib import Path

import pytest

from nerfseg_ns.benchmark import segmentation_run
from nerfseg_ns.benchmark.plan import read_plan
from nerfseg_ns.benchmark.results import json_values
from nerfseg_ns.benchmark.row_kinds import MeasuredRow, RowPlace, row_kind
from nerfseg_ns.benchmark.runner import run_plan
from nerfseg_ns.benchmark.segmentation import Segmentation, segmentation
from nerfseg_ns.benchmark.segmentation_run import measure_segmentation, run_config, training_words
from nerfseg_ns.benchmark.timed_training import TimedStep, main, stage_times
from nerfseg_ns.core.input_error import InputError

CONFIGS = Path(__file__).parents[2] / "configs"
TINY = {
    "pipeline.stage1_steps": 5,
    "pipeline.stage2_steps": 3,
    "pipeline.datamanager.train_num_rays_per_batch": 32,
    "pipeline.datamanager.stage2_num_rays_per_batch": 32,
    "pipeline.datamanager.dataparser.labelled_views": 2,
    "pipeline.model.compile": False,
    "pipeline.model.num_levels": 2,
    "pipeline.model.max_res": 32,
    "pipeline.model.log2_hashmap_size": 8,
    "pipeline.model.num_proposal_samples_per_ray": [8],
    "pipeline.model.num_nerf_samples_per_ray": 4,
    "pipeline.model.eval_num_rays_per_chunk": 576,
}


def row(name, miou, settings=None, stage1=None, **result):
    figures = {
        "miou": miou,
        "overall_accuracy": 0.75,
        "psnr": 24.0,
        "ssim": 0.5,
        "stage1": stage1,
        "stage2": {"steps": 3, "seconds": 200.4, "milliseconds_per_step": 66.66},
        "test_views": 12,
        "train_views": 40,
        "labelled_views": 5,
        "image_size": [256, 192],
        "device": "cpu",
        "training_memory": {"resident_gib": 1.26, "cuda_gib": None},
        **result,
    }
    values = json_values(settings or Segmentation("nerfseg-lite"))
    return MeasuredRow(name, "segmentation", "city", values, figures, {}, {}, {}, "2026-01-01")


def seeds(label, *mious, **options):
    made = [Segmentation("nerfseg-lite", seed=i, group=label, geometry_of="both", **options) for i in range(len(mious))]
    return [row(f"{label} {i}", miou, made[i], psnr=24.0 + i) for i, miou in enumerate(mious)]


def test_table_by_hand():
    stage1 = {"steps": 5, "seconds": 360.0, "milliseconds_per_step": 1200.0}
    rows = [row("both", 0.6, stage1=stage1), *seeds("R off", 0.5, 0.52, 0.57), *seeds("C off", 0.41)]
    text = segmentation.table(rows, None)
    # mean 0.53; deviations -0.03, -0.01, 0.04: sqrt(0.0026 / 2) = 0.0361
    assert text.cells == [
        ["", "mIoU", "overall accuracy", "PSNR", "SSIM", "stage 1", "stage 2", "peak memory"],
        ["both", "0.600", "0.750", "24.00", "0.500", "360 s, 1200.0 ms/step", "200 s, 66.7 ms/step", "1.3 GiB"],
        ["R off (3 seeds)", "0.530 ± 0.036", "0.750 ± 0.000", "25.00", "0.500", "–", "–", "1.3 GiB"],
        ["C off", "0.410", "0.750", "24.00", "0.500", "–", "200 s, 66.7 ms/step", "1.3 GiB"],
    ]
    assert "12 test views of 256x192 of city; labels of 5 of 40 training views" in text.note
    assert "standard deviation over the seeds" in text.note


def test_rows_that_differ_in_more_than_the_seed_are_not_averaged():
    rows = [*seeds("off", 0.5, 0.6), *seeds("off", 0.1, overrides={"pipeline.stage2_steps": 9})]
    assert [line[:2] for line in segmentation.table(rows, None).cells[1:]] == [
        ["off (2 seeds)", "0.550 ± 0.071"],
        ["off", "0.100"],
    ]


def test_rows_without_classes_and_on_a_gpu():
    memory = {"resident_gib": 4.0, "cuda_gib": 9.87}
    figures = {"overall_accuracy": None, "stage2": None, "device": "cuda:0", "training_memory": memory}
    text = segmentation.table([row("geometry", None, **figures)], None)
    assert text.cells[1] == ["geometry", "–", "–", "24.00", "0.500", "–", "–", "9.9 GiB on the GPU"]
    assert "±" not in text.note


def test_clock_of_the_stages():
    times = [(1, 0.0, 2.0), (1, 2.5, 3.0), (1, 3.5, 4.0), (1, 10.0, 11.0), (2, 12.0, 12.5), (2, 13.0, 13.25)]
    steps = [TimedStep(*time) for time in times]
    assert stage_times(steps, 1) == {"steps": 4, "seconds": 11.0, "milliseconds_per_step": 2500.0}  # 2.5, 1, 6.5
    assert stage_times(steps, 2) == {"steps": 2, "seconds": 1.25, "milliseconds_per_step": 1000.0}
    assert stage_times(steps[4:], 1) is None
    assert stage_times(steps[4:5], 2) == {"steps": 1, "seconds": 0.5, "milliseconds_per_step": 500.0}


def test_interrupted_training_leaves_no_record(tmp_path, monkeypatch):
    import nerfstudio.scripts.train
    from nerfstudio.engine.trainer import Trainer

    monkeypatch.setattr(Trainer, "train_iteration", Trainer.train_iteration)  # put back after the test
    monkeypatch.setattr("sys.argv", [])
    monkeypatch.setattr(nerfstudio.scripts.train, "entrypoint", lambda: None)  # as it ends after Ctrl+C
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "training.json"), "nerfseg-lite"])
    assert ended.value.code == 130 and list(tmp_path.iterdir()) == []


def test_words_of_ns_train():
    overrides = {
        "pipeline.stage1_steps": 7,
        "pipeline.model.use_colour_network": False,
        "pipeline.model.num_proposal_samples_per_ray": [8, 4],
        "pipeline.datamanager.dataparser.labelled_view_names": ["003", "017"],
    }
    place = RowPlace("R off", Path("scene"), Path("runs"))
    settings = Segmentation("nerfseg-lite", seed=3, geometry_of="both", device="cpu", overrides=overrides)
    folder = place.run_folder("R off")
    assert training_words(settings, place) == [
        *("nerfseg-lite", "--data", "scene", "--output-dir", str(folder)),
        *("--experiment-name", "train", "--timestamp", "run", "--machine.seed", "3", "--machine.device-type", "cpu"),
        *("--vis", "tensorboard", "--pipeline.geometry-config", "runs/both/train/nerfseg-lite/run/config.yml"),
        *("--pipeline.stage1-steps", "7", "--pipeline.model.use-colour-network", "False"),
        *("--pipeline.model.num-proposal-samples-per-ray", "8", "4"),
        *("carla-mvs-data", "--labelled-view-names", "003", "017"),
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"method": "nerfseg-light"}, "'nerfseg-light' is not installed; did you mean nerfseg-lite"),
        ({"method": "nerfacto"}, "'nerfacto' learns no classes"),
        ({"dataparser": "carla-mvs"}, "did you mean carla-mvs-data"),
        ({"overrides": {"pipeline.model.use_ray_convolutions": False}}, "did you mean use_ray_convolution"),
        ({"overrides": {"machine.seed": 1}}, "machine.seed follows from the row; set its seed: instead"),
        ({"overrides": {"pipeline.geometry_config": "a"}}, "set its geometry_of: instead"),
        (
            {"overrides": {"pipeline.model.proposal_net_args_list": [{"num_levels": 2}]}},
            "cannot be written as an option",
        ),
    ],
)
def test_mistakes_in_a_row_are_named(values, message):
    with pytest.raises(InputError, match=message):
        segmentation.check(Segmentation(**{"method": "nerfseg-lite", **values}), Path("scene"))


def test_seeds_below_zero():
    with pytest.raises(InputError, match="seed -1"):
        Segmentation("nerfseg-lite", seed=-1)


def test_geometry_of_a_row_without_a_finished_run(tmp_path, monkeypatch):
    monkeypatch.setattr(segmentation_run, "run_child", lambda *a, **k: pytest.fail("trained without a geometry"))
    place = RowPlace("second", tmp_path, tmp_path / "runs")
    half = run_config(Segmentation("nerfseg-lite"), place.run_folder("both"))
    half.parent.mkdir(parents=True)
    half.touch()  # training began and was interrupted
    with pytest.raises(InputError, match="no finished run of row 'both'.*--overwrite --only 'both'"):
        measure_segmentation(Segmentation("nerfseg-lite", geometry_of="both"), place)


@pytest.mark.parametrize("status", [0, 1])
def test_training_that_failed_is_not_scored(tmp_path, monkeypatch, status):
    place = RowPlace("both", tmp_path, tmp_path / "runs")
    (place.run_folder("both")).mkdir(parents=True)
    (place.run_folder("both") / "training.json").write_text("{}")  # of an earlier measurement
    monkeypatch.setattr(segmentation_run, "run_child", lambda *a, **k: status)
    monkeypatch.setattr(segmentation_run, "evaluate", lambda options: pytest.fail("scored"))
    with pytest.raises(InputError, match=f"ended with status {status} before its last step"):
        measure_segmentation(Segmentation("nerfseg-lite"), place)


def test_shipped_benchmark(tmp_path):
    plan = read_plan(CONFIGS / "semantics_city_a.yaml", data=tmp_path)
    assert plan.name == "semantics_city_a"
    for planned in plan.rows:
        row_kind(planned.kind, plan.name).check(planned.settings, planned.data)
        assert planned.settings.geometry_of == (None if planned == plan.rows[0] else plan.rows[0].name)


def test_the_shipped_ablation_is_complete(tmp_path):
    both, *rows = read_plan(CONFIGS / "semantics_city_a.yaml", data=tmp_path).rows
    r, c = "pipeline.model.use_ray_convolution", "pipeline.model.use_colour_network"
    expected = {
        "R and C on": (True, True),
        "R off": (False, True),
        "C off": (True, False),
        "R and C off": (False, False),
    }
    found = {(row.settings.group, row.settings.seed): row.settings.overrides for row in rows}
    assert found == {
        (group, seed): {
            **both.settings.overrides,
            **{key: False for key, on in zip((r, c), switches) if not on},
        }
        for group, switches in expected.items()
        for seed in (0, 1, 2)
    }


@pytest.mark.slow
def test_tiny_rows_end_to_end(tiny_scene, tmp_path):
    second = "second, seed 5"
    rows = [{"name": "both"}, {"name": second, "geometry_of": "both", "seed": 5, "group": "second"}]
    defaults = {"kind": "segmentation", "method": "nerfseg-lite", "device": "cpu", "overrides": TINY}
    path = tmp_path / "tiny.yaml"
    path.write_text(json.dumps({"name": "tiny", "data": str(tiny_scene), "defaults": defaults, "rows": rows}))
    plan, out, said = read_plan(path), tmp_path / "out", []
    both, seeded = run_plan(plan, out, say=said.append).rows
    assert said[0] == "both: measuring (1 of 2)" and said[1].startswith(f"{second}: measuring (2 of 2, ")

    assert both.result["stage1"]["steps"] == 5 and both.result["stage2"]["steps"] == 3
    assert seeded.result["stage1"] is None and seeded.result["stage2"]["steps"] == 3
    for made in (both, seeded):
        result = made.result
        assert 0.0 <= result["miou"] <= 1.0 and 0.0 < result["overall_accuracy"] <= 1.0
        assert [entry["name"] for entry in result["per_class"]] == ["Building", "Road", "Vegetation", "Terrain"]
        assert sum(entry["pixels"] for entry in result["per_class"]) == result["labelled_pixels"] == 2 * 24 * 24
        assert (result["train_views"], result["labelled_views"], result["test_views"]) == (6, 2, 2)
        assert result["stage2"]["seconds"] > 0 and result["stage2"]["milliseconds_per_step"] > 0
        assert result["training_memory"]["resident_gib"] > 0.1 and made.versions["torch"]
    assert str(tmp_path) not in (out / "tiny.json").read_text()

    # one geometry, so one picture; and the seed reached ns-train
    assert both.result["psnr"] == seeded.result["psnr"] and both.result["ssim"] == seeded.result["ssim"]
    place = RowPlace("", None, out / "tiny-runs")
    config = run_config(plan.rows[1].settings, place.run_folder(second))
    assert "seed: 5\n" in config.read_text()

    kept = run_plan(plan, out, say=said.append)
    assert kept.rows == (both, seeded) and all("kept" in line for line in said[2:])
