"""The scene of known Gaussians and its true masks, rendered once."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch


@pytest.fixture(scope="session")
def known_module() -> ModuleType:
    """The module known_gaussians."""
    path = Path(__file__).with_name("known_gaussians.py")
    specification = importlib.util.spec_from_file_location("known_gaussians", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def known(known_module: ModuleType):
    """3,000 Gaussians, 12 views of 128x128."""
    return known_module.KnownGaussians()


@pytest.fixture(scope="session")
def true_masks(known) -> list[torch.Tensor]:
    """[h, w, 3] of each view."""
    from nerfseg_ns.splats.reference_rasteriser import ReferenceRasteriser

    with torch.no_grad():
        return [known.masks(ReferenceRasteriser(), view) for view in range(len(known.cameras))]


@pytest.fixture(scope="session")
def small_known(known_module: ModuleType):
    """1,500 Gaussians, 8 views of 64x64."""
    return known_module.KnownGaussians(1500, 8, 64)


@pytest.fixture(scope="session")
def palette_segmenter(known_module: ModuleType):
    """A segmenter that finds everything of the clicked colour in renders of the known Gaussians."""
    path = Path(__file__).parents[1] / "selection" / "analytic_scene.py"
    specification = importlib.util.spec_from_file_location("analytic_scene", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)

    class PaletteSegmenter(module.ColourSegmenter):
        def set_image(self, image, key=None, on_disk=True):
            super().set_image(known_module.quantised(image), key, on_disk)

    return PaletteSegmenter()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder during the test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("NERFSEG_CACHE", str(folder))
    return folder


@pytest.fixture
def written_ply(tmp_path: Path, small_known):
    """A PLY file of the small scene, and cameras.json of 3DGS without images."""
    import json

    from nerfseg_ns.splats.gaussian_ply import write_gaussians

    write_gaussians(tmp_path / "point_cloud.ply", small_known.gaussians)
    records = []
    for view, camera in enumerate(small_known.cameras):
        opencv = camera.c2w * torch.tensor([1.0, -1.0, -1.0, 1.0])
        records.append(
            {
                **{"id": view, "img_name": f"{view:03d}", "width": camera.size[1], "height": camera.size[0]},
                **{"position": opencv[:, 3].tolist(), "rotation": opencv[:, :3].tolist()},
                **{"fx": camera.fx, "fy": camera.fy},
            }
        )
    (tmp_path / "cameras.json").write_text(json.dumps(records))
    return tmp_path / "point_cloud.ply", tmp_path / "cameras.json"
