"""A quick row kind, registered for the tests of the runner."""

import importlib.util
import sys
from pathlib import Path

import pytest

from nerfseg_ns.benchmark.row_kinds import ROW_KINDS

COUNTING = Path(__file__).parent / "counting_kind.py"


@pytest.fixture
def counting_process(monkeypatch):
    """Registers the kinds ``counting`` and ``sowing`` (with a seed); returns the command that measures one row."""
    specification = importlib.util.spec_from_file_location("counting_kind", COUNTING)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "counting_kind", module)
    specification.loader.exec_module(module)
    monkeypatch.setitem(ROW_KINDS, "counting", "counting_kind:counting")
    monkeypatch.setitem(ROW_KINDS, "sowing", "counting_kind:sowing")
    return (sys.executable, str(COUNTING))


@pytest.fixture
def scene_folder(tmp_path):
    """A folder that stands in for a scene."""
    folder = tmp_path / "scenes" / "town"
    folder.mkdir(parents=True)
    (folder / "a.txt").touch()
    return folder


@pytest.fixture
def write_plan(tmp_path, scene_folder):
    """Writes a benchmark's YAML text and returns its path; ``scenes/town`` lies beside it."""

    def write(rows, head="baseline: two\n"):
        path = tmp_path / "counts.yaml"
        path.write_text(f"name: counts\ntitle: Counts\ndata: scenes/town\n{head}rows:\n{rows}", encoding="utf-8")
        return path

    return write
