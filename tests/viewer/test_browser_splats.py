"""The panel on Gaussians: a PLY file is opened in the viewer and an object of it is clicked in a real browser."""

import importlib.util
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from nerfseg_ns.splats.gaussian_ply import write_gaussians

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent


def module(path: Path):
    specification = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(loaded)
    return loaded


pages = module(HERE / "test_browser.py")
browser, open_panel = pages.browser, pages.open_panel
SERVER = """
import sys
sys.path.insert(0, sys.argv[1])
from nerfseg_ns.cli import run
from nerfseg_ns.segmenters import registry
registry.SEGMENTERS = {**registry.SEGMENTERS, "colour": "stand_ins:make_colour_segmenter"}
sys.exit(run(sys.argv[2:]))
"""
PATIENCE = 120.0
"""Seconds; the reference rasteriser draws a picture of 192 pixels in less than one on a machine that has time."""


@pytest.fixture(scope="module")
def site(browser, tmp_path_factory):
    """A viewer on an imported PLY file of known Gaussians, whose ball is red."""
    folder = tmp_path_factory.mktemp("splats")
    known = module(HERE.parent / "splats" / "known_gaussians.py").KnownGaussians(1500, 8, 96)
    write_gaussians(folder / "scene.ply", known.gaussians)
    records = []
    for view, camera in enumerate(known.cameras):
        opencv = camera.c2w.numpy() * [1, -1, -1, 1]
        records.append(
            {
                **{"id": view, "img_name": f"{view:03d}", "width": 96, "height": 96, "fx": camera.fx, "fy": camera.fy},
                **{"position": opencv[:, 3].tolist(), "rotation": opencv[:, :3].tolist()},
            }
        )
    (folder / "cameras.json").write_text(json.dumps(records))
    environment = {**pages.ENVIRONMENT, "NERFSEG_CACHE": str(folder / "cache"), "HOLD": str(folder / "hold")}
    words = ["--ply", folder / "scene.ply", "--cameras", folder / "cameras.json", "--output-dir", folder / "run"]
    subprocess.run([sys.executable, "-m", "nerfseg_ns.cli", "import-ply", *words], env=environment, check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "run" / "config.yml"
    with (folder / "viewer.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", SERVER, HERE, "viewer", "--load-config", config, "--port", str(port)]
            + ["--segmenter", "colour", "--view", "001"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    address, end = f"http://127.0.0.1:{port}", time.monotonic() + 6 * PATIENCE
    try:
        while True:
            assert server.poll() is None and time.monotonic() < end, (folder / "viewer.log").read_text()
            try:
                urllib.request.urlopen(address, timeout=1).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        yield pages.Site(address, PATIENCE, folder / "run", folder / "hold")
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
        print((folder / "viewer.log").read_text())


def red(picture: np.ndarray) -> np.ndarray:
    """Pixels of the ball as it is, not as it is highlighted."""
    return (picture[..., 0] > 120) & (picture[..., 1] < 60) & (picture[..., 2] < 60)


def test_an_object_of_gaussians_is_clicked_shown_and_taken_away(open_panel):
    panel = open_panel()
    before = panel.canvas()
    panel.click_object()
    panel.field("Name").fill("ball")
    panel.button("Segment in 3D").click()
    panel.listed("ball").wait_for()
    ball = red(before)
    panel.wait_for_picture(lambda canvas: red(canvas).sum() < 0.3 * ball.sum())  # highlighted: no longer plain red

    panel.choose("Show objects", "removed")
    panel.wait_for_picture(lambda canvas: (canvas[ball][:, 0] > canvas[ball][:, 1] + 60).mean() < 0.3)
    panel.choose("Show objects", "alone")
    panel.wait_for_picture(
        lambda canvas: red(canvas).sum() > 0.6 * ball.sum() and (canvas[..., 1] > canvas[..., 0] + 25).mean() < 0.05
    )
