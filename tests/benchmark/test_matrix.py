"""Rows that a matrix stands for, its scenes, and its mistakes."""

from pathlib import Path

import pytest
import torch

from nerfseg_ns.benchmark.benchmark_scenes import CityRecipe
from nerfseg_ns.benchmark.plan import read_plan
from nerfseg_ns.benchmark.row_kinds import row_kind
from nerfseg_ns.core.input_error import InputError

pytestmark = pytest.mark.usefixtures("counting_process")
CONFIGS = Path(__file__).parents[2] / "configs"
MATRIX = """\
name: grid
defaults: {kind: sowing, tags: [x]}
matrix:
  seeds: [3, 4]
  scenes:
    town: {folder: scenes/town}
    city: {seed: 7, views: 8, size: 64, depth: true}
  shared:
    ground: {kind: counting, up_to: 9}
    hill: {kind: counting, up_to: 1, after: ground, scenes: [city]}
  budgets:
    few: {up_to: 1}
    many: {up_to: 10}
  methods:
    plain: {}
    fixed: {kind: counting, scenes: [city], after: ground, tags: [y]}
    second: {after: plain, budgets: [many]}
"""


@pytest.fixture
def read(tmp_path, scene_folder):
    def read_text(text=MATRIX, **options):
        path = tmp_path / "grid.yaml"
        path.write_text(text, encoding="utf-8")
        return read_plan(path, made=tmp_path / "made", **options)

    return read_text


def test_rows_by_scene_budget_method_and_seed(read):
    plan = read()
    assert [row.name for row in plan.rows] == [
        "town / ground",
        "town / few / plain / seed 3",
        "town / many / plain / seed 3",
        "town / many / second / seed 3",
        "city / ground",
        "city / hill",
        "city / few / plain / seed 3",
        "city / few / fixed",
        "city / many / plain / seed 3",
        "city / many / fixed",
        "city / many / second / seed 3",
        *(f"town / {cell} / seed 4" for cell in ("few / plain", "many / plain", "many / second")),
        *(f"city / {cell} / seed 4" for cell in ("few / plain", "many / plain", "many / second")),
    ]
    rows = {row.name: row for row in plan.rows}
    fixed = rows["city / many / fixed"]
    assert (fixed.settings.up_to, fixed.settings.after, fixed.settings.tags) == (10, "city / ground", ("y",))
    assert fixed.cell == {"scene": "city", "budget": "many", "method": "fixed", "seed": None}
    second = rows["town / many / second / seed 4"]
    assert (second.settings.seed, second.settings.after) == (4, "town / many / plain / seed 4")
    assert rows["city / hill"].settings.after == "city / ground" and rows["city / hill"].cell is None
    assert (plan.comparison.budgets, plan.comparison.class_budget) == (("few", "many"), "few")


def test_folders_of_scenes(read, scene_folder, tmp_path):
    rows = {row.name: row for row in read().rows}
    assert rows["town / ground"].data.resolve() == scene_folder
    assert rows["city / ground"].data == tmp_path / "made" / "city-seed7-8x64-depth"
    assert rows["city / ground"].scene.recipe == CityRecipe(7, 8, 64, True)
    given = {row.name: row for row in read(scenes={"city": tmp_path}).rows}["city / ground"]
    assert given.data == tmp_path and given.scene.recipe is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("methods:", "method:", "unknown key 'method'; did you mean methods"),
        ("seeds: [3, 4]", "seeds: 3", "seeds: 3; expected a list"),
        ("after: plain", "after: plane", "second: after: 'plane' is no shared row and no method; did you mean plain"),
        ("after: ground, scenes", "after: hill, scenes", "hill: after: 'hill' is no shared row"),
        ("budgets: [many]", "budgets: [more]", "second: budgets: no 'more'"),
        ("plain: {}", "a/b: {}", "'a/b'; expected a name without /"),
        ("    town:", "    5:", "scenes: 5; expected a name without /"),
        ("scenes: [city], after", "scenes: city, after", "fixed: scenes: 'city'; expected a list of names"),
        ("scenes: [city], after", "scenes: [[city]], after", r"fixed: scenes: no \['city'\]"),
        ("budgets: [many]", "budgets: null", "second: budgets: None; expected a list of names"),
        ("scenes: [city]}", "scenes: [cty]}", "hill: scenes: no 'cty'; did you mean city"),
        ("after: plain", "after: [plain]", r"second: after: \['plain'\]; expected the name of a row"),
        ("  seeds", "  class_budget: [few]\n  seeds", r"class_budget: no \['few'\]"),
        (
            "few: {up_to: 1}\n    many: {up_to: 10}\n  methods:\n    plain: {}",
            "few: {overrides: {a: 1}}\n    many: {}\n  methods:\n    plain: {overrides: [a]}",
            r"plain: overrides: \['a'\]; expected a mapping",
        ),
        ("  seeds", "  margins: [{of: plain, over: [plain], budget: few, above: fixed}]\n  seeds", "above: expected"),
        ("few: {up_to: 1}", "few: {up: 1}", "row 'town / few / plain / seed 3': unknown key 'up'"),
        ("size: 64", "sise: 64", "scenes: city: unknown key 'sise'; did you mean size"),
        ("folder: scenes/town", "folders: 1", "town: unknown key 'folders'"),
        ("  seeds", "  margins: [{of: plain, over: [plane], budget: few}]\n  seeds", "no method 'plane'"),
        ("  seeds", "  margins: [{of: plain, over: [], budget: few}]\n  seeds", "over: expected at least one"),
        ("  seeds", "  class_budget: none\n  seeds", "class_budget: no 'none'"),
    ],
)
def test_mistakes_are_named(read, old, new, message):
    with pytest.raises(InputError, match=message):
        read(MATRIX.replace(old, new, 1))


def test_scenes_of_the_command_line(read, tmp_path):
    with pytest.raises(InputError, match="--data village=.*has the scenes town, city"):
        read(scenes={"village": tmp_path})
    with pytest.raises(InputError, match="say which one: --data NAME="):
        read(data=tmp_path)


def test_a_file_that_builds_on_another(read, tmp_path):
    read()
    path = tmp_path / "large.yaml"
    path.write_text("base: grid.yaml\nname: large\nmatrix: {seeds: [5], methods: {second: {up_to: 99}}}\n")
    plan = read_plan(path, made=tmp_path / "made")
    rows = {row.name: row.settings for row in plan.rows}
    assert plan.name == "large" and len(rows) == 11
    assert (rows["city / many / second / seed 5"].up_to, rows["city / many / plain / seed 5"].up_to) == (99, 10)
    (tmp_path / "grid.yaml").write_text("base: large.yaml\nname: grid\n")  # each on the other
    for text in (path.read_text(), "base: large.yaml\nname: large\n"):
        path.write_text(text)
        with pytest.raises(InputError, match="cannot build on itself"):
            read_plan(path)


@pytest.mark.parametrize("name", ["carla_mvs", "carla_mvs_gpu", "short"])
def test_shipped_matrices(name, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: name == "carla_mvs_gpu")
    plan = read_plan(CONFIGS / f"{name}.yaml", made=tmp_path)
    assert plan.name == name
    for row in {(row.cell["method"] if row.cell else row.name): row for row in plan.rows}.values():
        row_kind(row.kind, name).check(row.settings, row.data)


def test_the_shipped_benchmark_has_every_method_on_equal_labels(tmp_path):
    cells = [row for row in read_plan(CONFIGS / "carla_mvs.yaml", made=tmp_path).rows if row.cell]
    for row in cells:
        views = {"1 view": 1, "3 views": 3, "5 views": 5, "10 views": 10}.get(row.cell["budget"])
        assert row.settings.labelled_views == views and row.settings.downscale_factor == 2
        assert (row.settings.labels_of is None) == (views is not None)
    seeded = {row.cell["method"]: set() for row in cells}
    for row in cells:
        seeded[row.cell["method"]].add(row.cell["seed"])
    assert all(seeds in ({0, 1, 2}, {None}) for seeds in seeded.values())
