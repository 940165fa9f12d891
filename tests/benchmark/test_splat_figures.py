"""The table of scripts/gpu_check.sh that sets Gaussians against the field."""

import importlib.util
import json
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "splat_figures.py"


@pytest.fixture
def script():
    specification = importlib.util.spec_from_file_location("splat_figures", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def written(path: Path, document) -> str:
    path.write_text(json.dumps(document))
    return str(path)


def test_targets_are_judged_by_the_figures(script, tmp_path, capsys):
    def learned(miou, first, second):
        return {"miou": miou, "stage1": {"seconds": first}, "stage2": {"seconds": second}}

    def clicked(iou, seconds):
        return {"mean_iou": iou, "seconds_without_segmenter": seconds, "objects": [{}] * 30}

    results = {
        "nerfseg": learned(0.55, 300.0, 40.0),
        "nerfseg-splat": learned(0.56, 400.0, 30.0),
        "field, one click": clicked(0.70, 4.0),
        "Gaussians, one click": clicked(0.69, 1.5),
    }
    rows = [{"name": name, "result": result} for name, result in results.items()]
    speeds = [
        {"method": method, "size": "512x512", "with_classes": True, "views_per_second": rate}
        for method, rate in (("nerfseg", 2.0), ("nerfseg-splat", 50.0))
    ]
    files = [written(tmp_path / "a.json", {"rows": rows}), written(tmp_path / "b.json", speeds)]
    script.main([*files, str(tmp_path / "out.json")])
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["rendering_times_as_fast"] == 25.0
    assert list(found["targets"].values()) == [True, True, False]
    ours = found["methods"]["nerfseg-splat"]
    assert (ours["stage1_seconds"], ours["stage2_seconds"], ours["objects"]) == (400.0, 30.0, 30)
    said = capsys.readouterr().out
    assert "| miou | 0.55 | 0.56 |" in said and "mean IoU no worse than the field's: NO" in said


def test_what_was_not_measured_is_not_judged(script, tmp_path, capsys):
    script.main([str(tmp_path / "a.json"), str(tmp_path / "b.json"), str(tmp_path / "out.json")])
    found = json.loads((tmp_path / "out.json").read_text())
    assert set(found["targets"].values()) == {None} and found["rendering_times_as_fast"] is None
    assert capsys.readouterr().out.count("not measured") == 3


def test_the_names_are_those_of_the_benchmark(script):
    yaml = pytest.importorskip("yaml")
    plan = yaml.safe_load((SCRIPT.parents[1] / "configs" / "splats_city_a.yaml").read_text())
    names = {row["name"] for row in plan["rows"]}
    assert {script.FIELD, script.GAUSSIANS, *script.CLICKS.values()} <= names
