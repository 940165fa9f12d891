"""The report: its keys, nulls where nothing is defined, and strict JSON."""

import io
import json

import pytest
import torch
from rich.console import Console

from nerfseg_ns.core.class_table import ClassTable, SemanticClass
from nerfseg_ns.core.confusion import ConfusionMatrix
from nerfseg_ns.evaluation.report import report, report_table, write_report
from nerfseg_ns.evaluation.view_scores import SplitScores, ViewScore

CLASSES = ClassTable(tuple(SemanticClass(i, name, (i, i, i)) for i, name in enumerate(("Building", "Road", "Water"))))
RUN = {"split": "test", "method": "nerfseg-lite", "checkpoint": "step-000000010.ckpt", "step": 10}


def scores(confusion=True):
    result = SplitScores(views=[ViewScore("004", 20.0, 0.5, 0.75), ViewScore("009", 30.0, 0.7, None)], seconds=3.2)
    if confusion:
        result.confusion = ConfusionMatrix(3)
        result.confusion.update(torch.tensor([0, 0, 1, 0]), torch.tensor([0, 0, 1, 1]))
        result.labelled_views = 1
    return result


def text_of(document):
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(report_table(document))
    return console.export_text()


def test_figures_and_provenance():
    document = report(scores(), CLASSES, RUN)
    assert document["miou"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert document["overall_accuracy"] == pytest.approx(3 / 4)
    assert document["average_accuracy"] == pytest.approx(3 / 4)
    assert document["mean_f1"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert (document["psnr"], document["ssim"]) == (pytest.approx(25.0), pytest.approx(0.6))
    assert (document["views"], document["labelled_views"], document["labelled_pixels"]) == (2, 1, 4)
    building, _, water = document["per_class"]
    assert (building["id"], building["name"], building["pixels"]) == (0, "Building", 2)
    assert [building[key] for key in ("iou", "accuracy", "f1")] == pytest.approx([2 / 3, 1.0, 4 / 5])
    assert water["iou"] is None and water["pixels"] == 0
    assert "absent" in document["protocol"] and "left out" in document["protocol"]
    assert document["step"] == 10 and document["versions"]["nerfstudio"] and document["hardware"]["cores"] >= 1


def test_written_file_is_strict_json(tmp_path):
    path = tmp_path / "new" / "report.json"
    write_report(report(scores(), CLASSES, RUN), path)
    text = path.read_text()
    assert "NaN" not in text and json.loads(text)["per_class"][2]["f1"] is None
    assert [p.name for p in path.parent.iterdir()] == ["report.json"]


@pytest.mark.parametrize(
    ("measured", "table", "reason"),
    [(scores(confusion=False), CLASSES, "stage 1"), (scores(confusion=False), None, "no classes")],
)
def test_without_semantics_the_fields_are_null_and_say_why(measured, table, reason):
    document = report(measured, table, RUN)
    keys = ("miou", "overall_accuracy", "average_accuracy", "mean_f1", "per_class")
    assert [document[key] for key in keys] == [None] * 5
    assert reason in document["no_semantics"] and document["psnr"] == pytest.approx(25.0)
    assert "25.00 dB" in text_of(document)


def test_split_whose_pixels_are_all_ignored_says_so():
    measured = scores(confusion=False)
    measured.confusion = ConfusionMatrix(3)
    assert "labelled" in report(measured, CLASSES, RUN)["no_semantics"]


def test_table_names_every_class_and_every_mean():
    document = report(scores(), CLASSES, RUN)
    text = text_of(document)
    for word in ("Building", "Water", "0.583", "0.750", "0.733", "25.00 dB", "0.600"):
        assert word in text
