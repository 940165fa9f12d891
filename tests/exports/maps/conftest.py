"""A world of blocks whose map is known, in place of a trained run."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

_PATH = Path(__file__).parent / "block_world.py"


@pytest.fixture(scope="session")
def world() -> ModuleType:
    """The module block_world."""
    specification = importlib.util.spec_from_file_location("block_world", _PATH)
    module = importlib.util.module_from_spec(specification)
    sys.modules["block_world"] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def depth_maps(tmp_path_factory) -> Path:
    """A cache folder, so that the depth maps of the world are rendered once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def block_run(world, depth_maps, tmp_path, monkeypatch):
    """``block_run(...)`` makes a run of the world and lets the exports load it in place of any config.yml."""
    monkeypatch.setenv("NERFSEG_CACHE", str(depth_maps))

    def make(**choices):
        run = world.make_run(tmp_path, **choices)
        monkeypatch.setattr("nerfseg_ns.exports.map_rendering.load_run", lambda config, split: run)
        return run

    return make
