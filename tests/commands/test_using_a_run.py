"""What a trained run is for: ns-eval, ns-render, ns-export and ns-viewer."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

NAMES = ("rgb", "semantics_colormap")
CLASS_COLOURS = {(70, 70, 70), (128, 64, 128), (107, 142, 35), (145, 170, 100)}


def test_eval_writes_figures_of_the_data_set(commands, trained):
    result = commands.script("ns-eval", "--load-config", trained[0].config, "--output-path", "eval.json")
    assert result.status == 0, result.printed
    figures = json.loads((commands.folder / "eval.json").read_text())["results"]
    assert 0.0 <= figures["dataset_miou"] <= 1.0 and 0.0 <= figures["dataset_overall_accuracy"] <= 1.0
    assert figures["dataset_overall_accuracy"] > 0.0 and figures["psnr"] > 0.0 and "lpips" not in figures


def test_eval_of_a_perceptual_distance_leaves_it_out_without_network(commands, copy_of_trained):
    config = copy_of_trained.config
    text = config.read_text()
    assert "    lpips: false\n" in text
    config.write_text(text.replace("    lpips: false\n", "    lpips: true\n"))
    result = commands("ns-eval", "--load-config", config, "--output-path", "eval-lpips.json")
    assert result.status == 0, result.printed
    assert result.text.count("LPIPS is left out") == 1
    figures = json.loads((commands.folder / "eval-lpips.json").read_text())["results"]
    assert "lpips" not in figures and "dataset_miou" in figures


def test_render_dataset_writes_a_picture_of_every_view_and_output(commands, trained):
    result = commands(
        *("ns-render", "dataset", "--load-config", trained[0].config, "--split", "test", "--output-path", "dataset"),
        *("--image-format", "png", "--rendered-output-names", *NAMES),
    )
    assert result.status == 0, result.printed
    for name in NAMES:
        pictures = sorted((commands.folder / "dataset" / "test" / name).iterdir())
        assert [path.name for path in pictures] == ["000.png", "001.png"]
        assert all(Image.open(path).size == (24, 24) for path in pictures)
    colormap = np.asarray(Image.open(pictures[0]).convert("RGB")).reshape(-1, 3)
    assert {tuple(map(int, colour)) for colour in colormap} <= CLASS_COLOURS


def camera_path(folder: Path) -> Path:
    """A path of three cameras above the scene, as the viewer writes it."""
    cameras = []
    for x in (-0.1, 0.0, 0.1):
        pose = np.eye(4)
        pose[:3, 3] = x, 0.0, 0.8
        cameras.append({"camera_to_world": pose.ravel().tolist(), "fov": 60.0, "aspect": 1.0})
    path = folder / "camera_path.json"
    settings = {"render_width": 32, "render_height": 32, "camera_type": "perspective", "fps": 6, "seconds": 0.5}
    path.write_text(json.dumps({**settings, "camera_path": cameras}))
    return path


@pytest.mark.parametrize("kind", ["interpolate", "spiral", "camera-path"])
def test_render_videos(commands, trained, ffmpeg_folder, kind):
    options = {
        "interpolate": ["--interpolation-steps", "2", "--frame-rate", "6"],
        "spiral": ["--seconds", "0.5", "--frame-rate", "6"],
        "camera-path": ["--camera-path-filename", camera_path(commands.folder)],
    }[kind]
    video = commands.folder / f"{kind}.mp4"
    result = commands(
        *("ns-render", kind, "--load-config", trained[0].config, "--output-path", video, *options),
        *("--rendered-output-names", *NAMES),
    )
    assert result.status == 0, result.printed
    # ffmpeg without an output ends with status 1 after it has described the input
    told = subprocess.run([ffmpeg_folder / "ffmpeg", "-i", video], capture_output=True, text=True).stderr
    side = 32 if kind == "camera-path" else 24
    assert re.search(rf"Video: h264.* {2 * side}x{side}\b", told), told  # both outputs side by side


def test_export_writes_points_in_class_colours(commands, trained):
    attempt = subprocess.run([sys.executable, "-c", "import open3d"], capture_output=True, text=True)
    if attempt.returncode != 0:
        pytest.skip(f"open3d, which ns-export needs, cannot be imported: {attempt.stderr.strip().splitlines()[-1]}")
    result = commands(
        *("ns-export", "pointcloud", "--load-config", trained[0].config, "--output-dir", "points"),
        *("--num-points", "500", "--num-rays-per-batch", "512", "--remove-outliers", "False"),
        *("--rgb-output-name", "semantics_colormap"),
    )
    assert result.status == 0, result.printed
    header, _, body = (commands.folder / "points" / "point_cloud.ply").read_bytes().partition(b"end_header\n")
    lines = header.decode().splitlines()
    assert "format binary_little_endian 1.0" in lines
    kinds = {"double": "<f8", "float": "<f4", "uchar": "u1"}
    fields = [(words[2], kinds[words[1]]) for words in map(str.split, lines) if words[0] == "property"]
    points = np.frombuffer(body, dtype=fields)
    assert len(points) >= 500
    colours = {tuple(map(int, colour)) for colour in zip(points["red"], points["green"], points["blue"])}
    assert colours and all(min(max(abs(a - b) for a, b in zip(c, k)) for k in CLASS_COLOURS) <= 1 for c in colours)
    normals = np.stack([points["nx"], points["ny"], points["nz"]], axis=-1)
    assert np.allclose(np.linalg.norm(normals, axis=-1), 1.0, atol=1e-3)


def test_viewer_answers(commands, trained):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = commands.folder / "viewer.log"
    words = ["--load-config", trained[0].config, "--viewer.websocket-host", "127.0.0.1"]
    words += ["--viewer.websocket-port", str(port)]
    with log.open("w") as file:
        process = subprocess.Popen(
            [Path(sys.executable).parent / "ns-viewer", *words],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=commands.environment,
            cwd=commands.folder,
            start_new_session=True,
        )
    try:
        page = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        status, until = None, time.monotonic() + 120
        while status is None and process.poll() is None and time.monotonic() < until:
            time.sleep(0.5)
            try:
                with page.open(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                    status = answer.status
            except OSError:
                pass
        assert status == 200, log.read_text()
        time.sleep(1.0)  # the elements are made after the server has started
        assert process.poll() is None, log.read_text()
        assert "Traceback" not in log.read_text()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
