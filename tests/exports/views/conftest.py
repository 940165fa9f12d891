"""A run of a box on the ground in place of a trained one."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

_PATH = Path(__file__).parent / "box_run.py"


@pytest.fixture(scope="session")
def world() -> ModuleType:
    """The module box_run."""
    specification = importlib.util.spec_from_file_location("box_run", _PATH)
    module = importlib.util.module_from_spec(specification)
    sys.modules["box_run"] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def box_run(world, tmp_path, monkeypatch):
    """``box_run(...)`` makes the run, and every export loads it in place of any config.yml."""
    monkeypatch.setenv("NERFSEG_CACHE", str(tmp_path / "cache"))

    def make(**choices):
        runs = {split: world.make_run(tmp_path, split, **choices) for split in ("train", "test")}
        model = runs["train"].pipeline.model
        runs["test"].pipeline.model = model

        def load(config, split):
            from nerfseg_ns.core.input_error import InputError

            if split == "val":
                raise InputError("its val split has no views")
            return runs[split]

        monkeypatch.setattr("nerfseg_ns.evaluation.trained_run.load_run", load)
        return runs["train"]

    return make
