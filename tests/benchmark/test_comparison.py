"""Means, margins, tables and plot of a matrix, from figures chosen by hand."""

from dataclasses import replace

import numpy as np
import pytest

from nerfseg_ns.benchmark.cell_scores import CellScores
from nerfseg_ns.benchmark.comparison_plot import comparison_plot
from nerfseg_ns.benchmark.comparison_tables import comparison_parts
from nerfseg_ns.benchmark.margins import Margin
from nerfseg_ns.benchmark.matrix import Comparison
from nerfseg_ns.benchmark.results import BenchmarkResults, markdown, read_results, write_results
from nerfseg_ns.benchmark.row_kinds import MeasuredRow
from nerfseg_ns.core.input_error import InputError

HARDWARE = {"cpu": "Fast CPU", "cores": 2, "memory_gib": 16.0, "gpu": None}
VERSIONS = {"torch": "2.11.0", "nerfstudio": "1.1.5", "nerfseg_ns": "0.1.0"}
MEMORY = {"resident_gib": 1.0, "cuda_gib": None}


def cell(scene, budget, method, seed, miou, seconds=10.0, remarks=(), date="2026-01-02"):
    settings = {"labelled_views": None if budget == "clicks" else int(budget[0])}
    classes = [{"name": "Road", "iou": miou + 0.1}, {"name": "Pole", "iou": None if scene == "b" else miou - 0.1}]
    result = {"miou": miou, "per_class": classes, "image_size": [64, 48], "remarks": list(remarks)}
    name = f"{scene} / {budget} / {method} / seed {seed}"
    where = {"scene": scene, "budget": budget, "method": method, "seed": seed}
    return MeasuredRow(name, "k", scene, settings, result, MEMORY, HARDWARE, VERSIONS, date, where, seconds)


SHARED = MeasuredRow("a / ground", "k", "a", {}, {"miou": None}, MEMORY, HARDWARE, VERSIONS, "2026-01-01", None, 5.0)
ROWS = (
    cell("a", "5 views", "old", 0, 0.40),
    cell("a", "5 views", "old", 1, 0.44),
    cell("b", "5 views", "old", 0, 0.60),
    cell("a", "5 views", "new", 0, 0.50, seconds=30.0),
    cell("a", "5 views", "new", 1, 0.52, seconds=20.0),
    cell("a", "5 views", "flat", 0, 0.45, remarks=["starts from random weights"]),
    cell("b", "5 views", "flat", 0, 0.55, remarks=["starts from random weights"]),
    cell("a", "5 views", "ceiling", None, 0.58),
    cell("a", "1 view", "new", 0, 0.46),
)
MARGINS = (
    Margin("new", "5 views", ("old",), points=10, half_way_to="ceiling"),
    Margin("new", "5 views", ("old", "flat"), points=10),
    Margin("new", "1 view", ("old",), over_budget="5 views", points=0, above="ceiling"),
    Margin("new", "1 view", ("new",), over_budget="5 views", share=0.9),
    Margin("new", "clicks", ("old",), points=1),
)
COMPARISON = Comparison(("1 view", "5 views", "clicks"), ("old", "flat", "new", "ceiling"), "5 views", MARGINS)


def test_a_scene_with_more_seeds_counts_as_one_scene():
    spread = CellScores(ROWS).spread("old", "5 views")
    # a: 0.42, b: 0.60; deviations of the runs from 0.48: -0.08, -0.04, 0.12: sqrt(0.0224 / 2)
    assert (spread.mean, spread.runs, spread.scenes) == (pytest.approx(0.51), 3, 2)
    assert spread.deviation == pytest.approx(0.10583, abs=1e-5)
    assert CellScores(ROWS).spread("new", "1 view").deviation is None
    assert CellScores(ROWS).spread("flat", "1 view") is None


def test_margins_are_taken_on_the_scenes_of_both_sides():
    scores = CellScores(ROWS)
    first, second, third, fourth = (scores.margin(margin) for margin in MARGINS[:4])
    # only scene a: 0.51 against 0.42; by seed 0.10 and 0.08; 0.09 of the 0.16 to the ceiling
    assert (first.own, first.other) == (pytest.approx(0.51), pytest.approx(0.42))
    assert first.difference.mean == pytest.approx(0.09)
    assert first.difference.deviation == pytest.approx(0.0141421, abs=1e-6)
    assert first.way == pytest.approx(0.5625) and first.reached is True  # not the 10 points, but half the way
    # flat has seed 0 alone: 0.50 against 0.45
    assert second.over == ("flat",) and second.difference.mean == pytest.approx(0.05) and second.reached is False
    # seed 0: 0.46 against 0.40, which is above, but the ceiling has no 1 view
    assert (third.own, third.other) == (pytest.approx(0.46), pytest.approx(0.40))
    assert third.difference.mean == pytest.approx(0.06) and third.difference.runs == 1
    assert third.above is None and third.reached is None
    assert fourth.own / fourth.other == pytest.approx(0.46 / 0.50) and fourth.reached is True  # 92 %
    assert scores.margin(MARGINS[4]) is None


def test_of_several_methods_the_best_of_each_scene_counts():
    rows = [cell("a", "5 views", name, 0, miou) for name, miou in (("old", 0.4), ("flat", 0.5), ("new", 0.7))]
    rows += [cell("b", "5 views", name, 0, miou) for name, miou in (("old", 0.3), ("new", 0.4))]  # flat lacks it
    rows.append(cell("c", "5 views", "new", 0, 0.9))  # and both lack this one
    measured = CellScores(rows).margin(Margin("new", "5 views", ("old", "flat")))
    assert measured.over == ("old", "flat") and measured.difference.scenes == 2
    assert measured.difference.mean == pytest.approx(0.15) and measured.other == pytest.approx(0.4)
    # flat might be the better one of b: 15 points are not known to be reached, 16 are known not to be
    assert measured.lacking == {"flat": 1}
    bars = [Margin("new", "5 views", ("old", "flat"), points=points) for points in (15, 16)]
    comparison = Comparison(("5 views",), ("old", "flat", "new"), "5 views", tuple(bars))
    table = comparison_parts(rows, comparison)["margins"].cells
    assert [line[3:] for line in table[1:]] == [[said, "2 runs of 2 scenes; flat on 1 of them"] for said in ("–", "no")]
    assert table[1][0] == "new, 5 views, against old or flat, 5 views"


def test_seeds_are_paired_before_the_best_method_is_chosen():
    rows = [cell("a", "5 views", "flat", seed, miou) for seed, miou in ((0, 0.3), (1, 0.6), (2, 0.6))]
    rows += [cell("a", "5 views", name, 0, miou) for name, miou in (("old", 0.45), ("new", 0.5))]
    measured = CellScores(rows).margin(Margin("new", "5 views", ("old", "flat")))
    assert measured.over == ("old",) and measured.difference.mean == pytest.approx(0.05)  # flat's seed 0 is worse


def test_runs_without_a_seed_in_common_are_compared_by_their_means():
    rows = [cell("a", "5 views", "old", seed, miou) for seed, miou in ((0, 0.4), (1, 0.5))]
    rows += [cell("a", "5 views", "new", seed, miou) for seed, miou in ((2, 0.6), (3, 0.7))]
    rows += [cell("b", "5 views", name, 0, miou) for name, miou in (("old", 0.3), ("new", 0.4))]
    measured = CellScores(rows).margin(Margin("new", "5 views", ("old",)))
    # a: 0.65 - 0.45 as one difference, b: 0.1
    assert measured.difference.mean == pytest.approx(0.15) and measured.difference.runs == 2


def test_a_bar_that_fewer_scenes_have_says_so():
    rows = [cell(scene, "5 views", name, 0, miou) for scene in "ab" for name, miou in (("old", 0.4), ("new", 0.5))]
    rows.append(cell("a", "5 views", "ceiling", None, 0.8))
    bars = [Margin("new", "5 views", ("old",), points=20, half_way_to="ceiling", above="ceiling")]
    text = comparison_parts(rows, Comparison(("5 views",), ("old", "new", "ceiling"), "5 views", tuple(bars)))
    aim = "+20, or half the way to ceiling (25% of the way, on 1 of the scenes), "
    aim += "and above ceiling (-30.0, on 1 of the scenes)"
    assert text["margins"].cells[1][2:] == [aim, "no", "2 runs of 2 scenes"]


def test_tables():
    gone = [replace(SHARED, name="a / of old"), replace(SHARED, name="c / ground")]
    parts = comparison_parts([SHARED, *gone, *ROWS], replace(COMPARISON, scenes=("a", "b"), shared=("ground",)))
    assert parts["budgets"].cells == [
        ["mIoU", "1 view", "5 views", "clicks"],
        ["old", "–", "0.510 ± 0.106 (3 of 2)", "–"],
        ["flat", "–", "0.500 ± 0.071 (2 of 2)", "–"],
        ["new", "0.460 (1)", "0.510 ± 0.014 (2)", "–"],
        ["ceiling", "–", "0.580 (1)", "–"],
    ]
    assert "64x48" in parts["budgets"].note and "flat: starts from random weights." in parts["budgets"].note
    assert parts["margins"].cells[1:] == [
        ["new, 5 views, against old, 5 views", "+9.0 ± 1.4", "+10, or half the way to ceiling (56% of the way)", "yes"]
        + ["2 runs of 1 scene"],
        ["new, 5 views, against flat, 5 views", "+5.0", "+10", "no", "1 run of 1 scene"],
        ["new, 1 view, against old, 5 views", "+6.0", "+0, and above ceiling (not measured)", "–", "1 run of 1 scene"],
        ["new, 1 view, against new, 5 views", "-4.0 (92%)", "90%", "yes", "1 run of 1 scene"],
    ]
    assert parts["classes"].cells == [
        ["IoU, 5 views", "old", "flat", "new", "ceiling"],
        ["Road", "0.61", "0.60", "0.61", "0.68"],
        ["Pole", "0.32", "0.35", "0.41", "0.48"],
    ]
    assert parts["costs"].cells[3] == ["new", "3", "20 s", "1.0 GiB"]
    assert parts["costs"].cells[-1] == ["*ground*", "1", "5 s", "1.0 GiB"]


def test_cells_that_the_matrix_no_longer_has_do_not_count(tmp_path):
    gone = (cell("c", "5 views", "old", 0, 0.9), cell("a", "5 views", "old", 7, 0.9, date="2020-01-01"))
    gone += (cell("a", "5 views", "left", 0, 0.9, remarks=["was wrong"]),)
    comparison = replace(COMPARISON, scenes=("a", "b"), seeds=(0, 1))
    write_results(BenchmarkResults("grid", "Grid", None, (SHARED, *ROWS, *gone), comparison), tmp_path / "grid.json")
    results = read_results(tmp_path / "grid.json")
    assert len(results.rows) == 13 and results.comparison == comparison
    before = BenchmarkResults("grid", "Grid", None, (SHARED, *ROWS), COMPARISON)
    assert markdown(results) == markdown(before)


def test_equal_counts_are_said_once():
    rows = [cell(scene, "5 views", "old", seed, 0.5) for scene in "ab" for seed in (0, 1)]
    text = comparison_parts(rows, COMPARISON)["budgets"]
    assert text.cells[1] == ["old", "–", "0.500 ± 0.000", "–"] and "4 runs of 2 scenes" in text.note


def test_results_are_a_file_per_row(tmp_path):
    path = tmp_path / "grid.json"
    results = BenchmarkResults("grid", "Grid", None, (SHARED, *ROWS), COMPARISON)
    write_results(results, path)
    assert len(list((tmp_path / "grid").glob("*.json"))) == 10
    read = read_results(path)
    assert read.comparison == COMPARISON and read.rows[0] == SHARED and read.rows[1] == ROWS[-1]
    assert [row.cell["method"] for row in read.rows[2:]] == ["old"] * 3 + ["flat"] * 2 + ["new"] * 2 + ["ceiling"]

    # a process that knows of one row and took another away leaves those of other processes
    fewer = BenchmarkResults("grid", "Grid", None, (SHARED,), COMPARISON)
    write_results(fewer, path, [ROWS[0].name])
    assert len(read_results(path).rows) == 9


def test_what_other_processes_still_write_is_no_row(tmp_path):
    path = tmp_path / "grid.json"
    write_results(BenchmarkResults("grid", "Grid", None, (SHARED, *ROWS), COMPARISON), path)
    (tmp_path / "grid" / ".a-1-view-x3k.json").touch()  # core/whole_file.py begins like this
    assert len(read_results(path).rows) == 10
    (tmp_path / "grid" / "half.json").write_text('{"name": "half"')
    with pytest.raises(InputError, match="half.json: not the result of a row"):
        read_results(path)


def test_named_tables_in_documents():
    results = BenchmarkResults("grid", "Grid", None, (SHARED, *ROWS), COMPARISON)
    text = markdown(results, "budgets")
    assert "| new | 0.460 (1) |" in text and "against" not in text
    assert "Measured on 2 cores of Fast CPU, no GPU; torch 2.11.0" in text and "2026-01-01 to 2026-01-02." in text
    assert markdown(results).count("\n| --- |") == 4
    with pytest.raises(InputError, match="no table 'margin'; did you mean margins"):
        markdown(results, "margin")


def test_plot_shows_every_method():
    image = np.asarray(comparison_plot(ROWS, COMPARISON, "Grid"))
    assert image.shape[0] > 400 and image.shape[1] > 800
    for colour in ((0x1F, 0x5F, 0xA8), (0xC2, 0x57, 0x1A), (0x2F, 0x7D, 0x4F), (0x8A, 0x3F, 0x8F)):
        assert (np.abs(image.astype(int) - colour).max(axis=-1) < 3).sum() > 30
