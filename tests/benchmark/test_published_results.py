"""The results in benchmarks/ are those of the configurations that are published beside them."""

import shutil
from pathlib import Path

import pytest

from nerfseg_ns.benchmark.plan import read_plan
from nerfseg_ns.benchmark.results import read_results
from nerfseg_ns.benchmark.runner import run_plan

ROOT = Path(__file__).parents[2]
MATRICES = [
    path.name
    for path in sorted((ROOT / "configs").glob("*.yaml"))
    if (ROOT / "benchmarks" / path.stem).is_dir() and "\nmatrix:" in path.read_text(encoding="utf-8")
]


def test_there_are_published_results():
    assert "carla_mvs.yaml" in MATRICES


@pytest.mark.parametrize("name", MATRICES)
def test_nothing_would_be_measured_again(name, tmp_path):
    plan = read_plan(ROOT / "configs" / name)
    published = ROOT / "benchmarks" / f"{plan.name}.json"
    shutil.copy(published, tmp_path)
    shutil.copytree(published.with_suffix(""), tmp_path / plan.name)
    rows = [row.name for row in read_results(published).rows]
    assert set(rows) <= {row.name for row in plan.rows}  # no cell of a matrix that is no more
    said: list[str] = []
    run_plan(plan, tmp_path, rows, measure=lambda row, runs: pytest.fail(row.name), say=said.append)  # or it refuses
    assert said and all("kept" in line for line in said)
    # aims that changed are in the tables only once the benchmark has written them
    assert (tmp_path / published.name).read_text() == published.read_text()
