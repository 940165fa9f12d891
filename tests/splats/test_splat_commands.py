"""Runs of splatfacto and nerfseg-splat through the real commands, on a CPU: drawn by the reference rasteriser."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from nerfseg_ns.cli import run
from nerfseg_ns.core.ply_reader import read_ply_header, read_ply_vertices
from nerfseg_ns.splats.reference_rasteriser import ReferenceRasteriser

pytestmark = pytest.mark.slow

NAMES = ("Ground", "Red", "Blue", "Box")


@pytest.fixture(scope="module")
def data(known_module, tmp_path_factory) -> Path:
    """A folder with the known scene as PLY file, images, and transforms.json with labels of every view."""
    from nerfseg_ns.splats.gaussian_ply import write_gaussians

    known = known_module.KnownGaussians(1500, 8, 64)
    folder = tmp_path_factory.mktemp("splats")
    scene = known_module.KnownScene(known, ReferenceRasteriser())
    write_gaussians(folder / "scene.ply", known.gaussians)
    (folder / "images").mkdir(), (folder / "labels").mkdir()
    frames = []
    for view, camera in enumerate(known.cameras):
        with torch.no_grad():
            shares, alpha = ReferenceRasteriser().render(
                known.gaussians, torch.nn.functional.one_hot(known.ids, 4).float(), camera
            )
        labels = torch.where(alpha > 0.5, shares.argmax(dim=-1), 255).to(torch.uint8).numpy()
        Image.fromarray(scene.image(view)).save(folder / f"images/{view:03d}.png")
        Image.fromarray(labels).save(folder / f"labels/{view:03d}.png")
        pose = torch.cat([camera.c2w, torch.tensor([[0.0, 0, 0, 1]])]).tolist()
        own = {"fl_x": camera.fx, "fl_y": camera.fy, "cx": camera.cx, "cy": camera.cy, "w": 64, "h": 64}
        files = {"file_path": f"images/{view:03d}.png", "semantic_path": f"labels/{view:03d}.png"}
        frames.append({**files, "transform_matrix": pose, **own})
    (folder / "transforms.json").write_text(json.dumps({"semantic_classes": NAMES, "frames": frames}))
    return folder


@pytest.fixture(scope="module")
def imported(data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("imported") / "run"
    words = ["--ply", str(data / "scene.ply"), "--cameras", str(data / "transforms.json")]
    assert run(["import-ply", *words, "--output-dir", str(folder)]) == 0
    return folder / "config.yml"


@pytest.fixture(scope="module")
def splatfacto(imported, tmp_path_factory) -> Path:
    """What ns-train splatfacto leaves behind, with the Gaussians of the imported run."""
    from nerfstudio.configs.method_configs import all_methods

    theirs = yaml.load(imported.read_text(), Loader=yaml.Loader)
    config = copy.deepcopy(all_methods["splatfacto"])
    config.output_dir, config.experiment_name, config.timestamp = tmp_path_factory.mktemp("splatfacto"), ".", "."
    config.data = config.pipeline.datamanager.data = theirs.data
    config.pipeline.datamanager.dataparser = theirs.pipeline.datamanager.dataparser
    config.pipeline.model.sh_degree, config.pipeline.model.num_random = theirs.pipeline.model.sh_degree, 8
    folder = config.output_dir
    checkpoint = next((imported.parent / theirs.relative_model_dir).glob("*.ckpt"))
    (folder / config.relative_model_dir).mkdir()
    (folder / config.relative_model_dir / "step-000029999.ckpt").write_bytes(checkpoint.read_bytes())
    (folder / "config.yml").write_text(yaml.dump(config))
    return folder / "config.yml"


@pytest.fixture(scope="module")
def learned(data, imported, tmp_path_factory) -> Path:
    """nerfseg-splat's second stage on the imported Gaussians, by nerfstudio's trainer."""
    from nerfstudio.configs.dataparser_configs import all_dataparsers
    from nerfstudio.configs.method_configs import all_methods

    config = copy.deepcopy(all_methods["nerfseg-splat"])
    config.machine.device_type, config.vis = "cpu", "none"
    config.logging.local_writer.enable = False
    config.output_dir, config.timestamp, config.experiment_name = tmp_path_factory.mktemp("learned"), "run", "known"
    pipeline, parser = config.pipeline, copy.deepcopy(all_dataparsers["semantic-nerfstudio-data"])
    parser.orientation_method, parser.center_method, parser.eval_mode = "none", "poses", "all"
    pipeline.datamanager.dataparser, pipeline.datamanager.data = parser, data
    pipeline.model.num_random, pipeline.model.random_init, pipeline.model.sh_degree = 8, True, 1
    pipeline.model.background_color = "black"
    pipeline.geometry_config, pipeline.stage2_steps = imported, 120
    config.viewer.quit_on_train_completion = True
    config.save_config()
    trainer = config.setup(local_rank=0, world_size=1)
    trainer.setup()
    trainer.train()
    return config.get_base_dir() / "config.yml"


@pytest.fixture
def nerfseg(palette_segmenter, monkeypatch, capsys):
    """Runs a command; what it printed on its standard output."""
    import nerfseg_ns.segmenters.registry as registry

    monkeypatch.setattr(registry, "make_segmenter", lambda *names, **options: palette_segmenter)

    def call(*words) -> list[str]:
        status = run([str(word) for word in words])
        said = capsys.readouterr()
        assert status == 0, said.err
        return said.out.splitlines()

    return call


@pytest.fixture
def prompts(small_known, known_module, tmp_path) -> Path:
    truth = small_known.masks(ReferenceRasteriser(), 1)[..., 0]
    x, y = known_module.KnownScene(small_known, None).middle(truth)
    one = {"name": "ball", "view": "001", "points": [[x, y, 1]]}
    (tmp_path / "prompts.json").write_text(json.dumps({"version": 1, "objects": [one]}))
    return tmp_path / "prompts.json"


@pytest.mark.parametrize("kind", ["splatfacto", "learned"])
@pytest.mark.parametrize("source", ["captured", "rendered"])
def test_an_object_is_selected_by_a_click(request, nerfseg, prompts, tmp_path, small_known, kind, source):
    config = request.getfixturevalue(kind)
    words = ("--load-config", config, "--prompts", prompts, "--output-dir", tmp_path / "objects")
    nerfseg("segment", *words, "--source", source)
    for view in (1, 5):
        truth = small_known.masks(ReferenceRasteriser(), view)[..., 0].numpy()
        mask = np.asarray(Image.open(tmp_path / f"objects/masks/ball/{view:03d}.png")) > 0
        assert (mask & truth).sum() / (mask | truth).sum() > 0.9
    nerfseg(
        "export", "object", "--load-config", config, "--objects", tmp_path / "objects/ball.npz",
        "--output-dir", tmp_path / "object",
    )  # fmt: skip
    assert any((tmp_path / "object").iterdir())


def test_classes_are_scored(nerfseg, learned, tmp_path):
    nerfseg("evaluate", "--load-config", learned, "--output-path", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["miou"] > 0.8 and report["overall_accuracy"] > 0.93
    assert report["psnr"] > 30.0  # the images are renders of the same Gaussians


def test_class_ids_of_gaussians_are_right(nerfseg, learned, small_known, tmp_path):
    nerfseg("export", "gaussians", "--load-config", learned, "--output-dir", tmp_path)
    header = read_ply_header(tmp_path / "scene-gaussians.ply")
    ids = torch.from_numpy(read_ply_vertices(tmp_path / "scene-gaussians.ply", header)["class_id"]).long()
    assert float((ids == small_known.ids).float().mean()) > 0.95


@pytest.mark.parametrize("kind", ["mesh", "masks", "dataset"])
def test_exports_take_gaussians_like_any_other_model(nerfseg, learned, tmp_path, kind):
    words = {
        "mesh": ("--cell", "0.04"),
        "masks": (),
        "dataset": ("--views", "2", "--minimum-confidence", "0", "--minimum-views", "0", "--most-ignored", "1"),
    }[kind]
    nerfseg("export", kind, "--load-config", learned, "--output-dir", tmp_path / "out", *words)
    assert any((tmp_path / "out").iterdir())


def test_the_points_of_a_cloud_lie_on_the_surfaces(nerfseg, learned, tmp_path):
    nerfseg(
        "export", "pointcloud", "--load-config", learned, "--output-dir", tmp_path, "--spacing", "0.02", "--format",
        "ply",
    )  # fmt: skip
    path = next(tmp_path.glob("*.ply"))
    values = read_ply_vertices(path, read_ply_header(path))
    x, y, z = (values[axis].astype(float) for axis in "xyz")
    ground = (np.hypot(x, y) > 0.75) & (np.abs(x) < 1.0) & (np.abs(y) < 1.0)
    assert ground.sum() > 300 and np.quantile(np.abs(z[ground]), 0.9) < 0.03


def test_a_map_is_rendered_from_above(nerfseg, learned, tmp_path):
    rasterio = pytest.importorskip("rasterio")
    nerfseg(
        "export", "orthomap", "--load-config", learned, "--output-dir", tmp_path, "--gsd", "0.02",
        "--bounds", "-0.6", "-0.6", "0.6", "0.6",
    )  # fmt: skip
    with rasterio.open(tmp_path / "class.tif") as layer:
        classes = layer.read(1)
        row, column = layer.index(0.0, 0.0)
    assert classes[row, column] == 1  # the red ball is in the middle
    assert {0, 1, 2, 3} <= set(np.unique(classes).tolist())


def test_the_gaussians_of_another_degree_are_refused_with_the_option_that_helps(imported, learned, capsys):
    from nerfstudio.configs.method_configs import all_methods

    from nerfseg_ns.core.input_error import InputError

    config = yaml.load(learned.read_text(), Loader=yaml.Loader)
    config.pipeline.datamanager._target = all_methods["nerfseg-splat"].pipeline.datamanager._target
    config.pipeline.model.sh_degree, config.timestamp = 3, "other"
    trainer = config.setup(local_rank=0, world_size=1)
    with pytest.raises(InputError, match="of degree 1, and those of this run .* 3; add --pipeline.model.sh-degree 1"):
        trainer.setup()
