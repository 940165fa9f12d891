"""An analytic scene, a segmenter that gives its true masks, and a cache folder of the test's own."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

_PATH = Path(__file__).parent / "analytic_scene.py"


@pytest.fixture(scope="session")
def analytic() -> ModuleType:
    """The module analytic_scene: AnalyticScene, ColourSegmenter, DirectSelector, BALLS."""
    specification = importlib.util.spec_from_file_location("analytic_scene", _PATH)
    module = importlib.util.module_from_spec(specification)
    sys.modules["analytic_scene"] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture(params=[pytest.param("cuda", marks=pytest.mark.gpu), "pretended"])
def gpu(request: pytest.FixtureRequest) -> Iterator[torch.device]:
    """The CUDA device; and a pretended one, which any machine has."""
    device = torch.device("cuda", 0)
    if request.param == "cuda":
        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")
        yield device
        return
    specification = importlib.util.spec_from_file_location("pretended_device", _PATH.with_name("pretended_device.py"))
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    with module.PretendedDevice():
        yield device


@pytest.fixture
def make_analytic_scene(analytic: ModuleType) -> Callable[..., object]:
    """``make_analytic_scene(views, size, image_factor, device)``: a red and a blue ball on a plane."""
    return analytic.AnalyticScene


@pytest.fixture
def analytic_scene(make_analytic_scene: Callable[..., object]) -> object:
    """Eight views of 48 x 64 pixels."""
    return make_analytic_scene()


@pytest.fixture
def colour_segmenter(analytic: ModuleType) -> object:
    """A segmenter that gives true masks in the analytic scene."""
    return analytic.ColourSegmenter()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder during the test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("NERFSEG_CACHE", str(folder))
    return folder
