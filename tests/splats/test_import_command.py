"""A PLY file and its cameras, clicked without training, through the real commands."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from nerfseg_ns.cli import run
from nerfseg_ns.core.ply_reader import read_ply_header, read_ply_vertices
from nerfseg_ns.splats.gaussian_ply import read_gaussians


@pytest.fixture
def imported(written_ply, tmp_path, capsys):
    ply, cameras = written_ply
    assert run(["import-ply", "--ply", str(ply), "--cameras", str(cameras), "--output-dir", str(tmp_path / "run")]) == 0
    said = capsys.readouterr()
    assert said.out.strip().endswith("config.yml") and "8 of 8 views have no image and are rendered" in said.err
    return tmp_path / "run" / "config.yml"


def test_an_imported_file_is_selected_by_a_click_and_exported(
    imported, written_ply, tmp_path, small_known, palette_segmenter, monkeypatch, known_module, capsys
):
    import nerfseg_ns.segmenters.registry as registry
    from nerfseg_ns.splats.reference_rasteriser import ReferenceRasteriser

    monkeypatch.setattr(registry, "make_segmenter", lambda *names, **options: palette_segmenter)
    truth = small_known.masks(ReferenceRasteriser(), 1)[..., 0]
    x, y = known_module.KnownScene(small_known, None).middle(truth)
    prompts = {"version": 1, "objects": [{"name": "ball", "view": "001", "points": [[x, y, 1]]}]}
    (tmp_path / "prompts.json").write_text(json.dumps(prompts))
    objects = tmp_path / "objects"
    arguments = ["--load-config", str(imported), "--prompts", str(tmp_path / "prompts.json"), "--output-dir"]
    assert run(["segment", *arguments, str(objects)]) == 0, capsys.readouterr().err
    mask = np.asarray(Image.open(objects / "masks" / "ball" / "001.png")) > 0
    assert (mask & truth.numpy()).sum() / (mask | truth.numpy()).sum() > 0.9

    out = tmp_path / "exported"
    given = ["--load-config", str(imported), "--objects", str(objects / "ball.npz"), "--output-dir", str(out)]
    assert run(["export", "gaussians", *given, "--splits", "0"]) == 0, capsys.readouterr().err
    ball, rest = (read_gaussians(out / f"{name}-gaussians.ply") for name in ("ball", "without-objects"))
    assert len(ball) + len(rest) == len(small_known.gaussians)
    # in the coordinates of the file that was imported
    original = read_gaussians(written_ply[0])
    whole = read_gaussians(out / "scene-gaussians.ply")
    torch.testing.assert_close(whole.means, original.means, rtol=0, atol=1e-4)
    torch.testing.assert_close(whole.covariances(), original.covariances(), rtol=1e-3, atol=1e-7)
    header = read_ply_header(out / "scene-gaussians.ply")
    ids = read_ply_vertices(out / "scene-gaussians.ply", header)["object_id"]
    right = (torch.from_numpy(ids) == 1) == (small_known.ids == 1)
    assert float(right.float().mean()) > 0.97
    assert run(["export", "gaussians", *given]) == 1  # the files are there
    assert "exist" in capsys.readouterr().err


def test_cameras_of_another_frame_are_refused(written_ply, tmp_path, capsys):
    ply, cameras = written_ply
    records = json.loads(cameras.read_text())
    for record in records:
        record["position"] = [value + 1000 for value in record["position"]]
    cameras.write_text(json.dumps(records))
    given = ["--ply", str(ply), "--cameras", str(cameras), "--output-dir", str(tmp_path / "run")]
    assert run(["import-ply", *given]) == 1
    assert "every view would be empty" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_more_gaussians_than_a_cpu_renders_are_refused_in_one_sentence(written_ply, tmp_path, monkeypatch, capsys):
    import nerfseg_ns.splats.rasteriser as rasteriser

    if torch.cuda.is_available():
        pytest.skip("a CUDA GPU renders them")
    monkeypatch.setattr(rasteriser, "MOST_ON_A_CPU", 100)
    ply, cameras = written_ply
    given = ["--ply", str(ply), "--cameras", str(cameras), "--output-dir", str(tmp_path / "run")]
    assert run(["import-ply", *given]) == 1
    assert "1,500 Gaussians; gsplat rasterises on CUDA GPUs only" in capsys.readouterr().err


def test_a_folder_that_holds_something_is_refused(written_ply, tmp_path, capsys):
    ply, cameras = written_ply
    assert run(["import-ply", "--ply", str(ply), "--cameras", str(cameras), "--output-dir", str(tmp_path)]) == 1
    assert "not an empty folder" in capsys.readouterr().err
