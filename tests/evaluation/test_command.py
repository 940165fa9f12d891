"""`nerfseg evaluate` on real, tiny runs."""

import json
import shutil

import pytest
from PIL import Image

from nerfseg_ns.cli import run
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.evaluation.command import main


def test_evaluates_a_two_stage_run(train_tiny_run, capsys):
    config_path = train_tiny_run()
    assert run(["evaluate", "--load-config", str(config_path)]) == 0
    folder = config_path.parent
    document = json.loads((folder / "report-test.json").read_text())
    assert document["views"] == document["labelled_views"] == 2 and document["labelled_pixels"] == 2 * 24 * 24
    assert 0.0 <= document["miou"] <= document["average_accuracy"] <= 1.0
    assert [entry["name"] for entry in document["per_class"]] == ["Building", "Road", "Vegetation", "Terrain"]
    assert sum(entry["pixels"] for entry in document["per_class"]) == document["labelled_pixels"]
    assert document["method"] == "nerfseg-lite" and document["split"] == "test" and document["step"] == 7
    accuracies = [view["overall_accuracy"] for view in document["per_view"]]
    assert document["overall_accuracy"] == pytest.approx(sum(accuracies) / 2)  # views of one size, all labelled
    for name in ("report-test-confusion.png", "report-test-views.png"):
        with Image.open(folder / name) as picture:
            picture.load()
            assert picture.width > 200
    printed = capsys.readouterr().out
    assert "Vegetation" in printed and "report-test.json" in printed

    # a second run refuses to replace the report, and says how to allow it
    assert run(["evaluate", "--load-config", str(config_path)]) == 1
    assert "exists already; add --overwrite" in capsys.readouterr().err
    before = (folder / "report-test.json").stat().st_mtime_ns
    main(["--load-config", str(config_path), "--overwrite"])
    again = json.loads((folder / "report-test.json").read_text())
    assert (folder / "report-test.json").stat().st_mtime_ns > before
    assert again["miou"] == document["miou"] and again["psnr"] == pytest.approx(document["psnr"])


def test_evaluates_a_run_that_is_still_in_stage_1(train_tiny_run, tmp_path, capsys):
    config_path = train_tiny_run(stage2_steps=0)
    report = tmp_path / "reports" / "stage1.json"
    main(["--load-config", str(config_path), "--output-path", str(report), "--split", "train"])
    document = json.loads(report.read_text())
    assert document["miou"] is None and document["per_class"] is None and "stage 1" in document["no_semantics"]
    assert document["views"] == 6 and 0.0 < document["psnr"] < 100.0
    assert sorted(path.name for path in report.parent.iterdir()) == ["stage1-views.png", "stage1.json"]
    assert "stage 1" in capsys.readouterr().out


def test_a_run_that_diverged_is_named(train_tiny_run, monkeypatch):
    config_path = train_tiny_run(stage2_steps=0)
    monkeypatch.setattr("nerfseg_ns.evaluation.view_scores.psnr", lambda rendered, image: float("nan"))
    with pytest.raises(InputError, match="config.yml: the run renders values that are not numbers.*diverged"):
        main(["--load-config", str(config_path)])
    assert not list(config_path.parent.glob("report*"))


def test_split_without_labels_is_refused_before_anything_is_rendered(train_tiny_run, tiny_scene):
    config_path = train_tiny_run()
    shutil.rmtree(tiny_scene / "test" / "rgb")
    with pytest.raises(InputError, match="none of the 2 views of the test split has a label image"):
        main(["--load-config", str(config_path)])
    assert not list(config_path.parent.glob("report*"))


def test_output_path_must_be_json(tmp_path):
    with pytest.raises(InputError, match=r"--output-path report.txt: expected a name that ends in .json"):
        main(["--load-config", str(tmp_path / "config.yml"), "--output-path", "report.txt"])
