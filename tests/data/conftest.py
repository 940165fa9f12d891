"""Camera exports of Google Earth Studio for tests: cameras on an orbit in local east, north and up."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nerfseg_ns.core.georeference import Georeference
from nerfseg_ns.scene.google_earth_writer import camera_frame
from nerfseg_ns.scene.trajectory import Camera, look_at

WIDTH, HEIGHT = 20, 16
PLACE = Georeference(52.47, 13.4, 90.0)


def orbit(frames: int, radius: float = 120.0, height: float = 80.0) -> list[Camera]:
    """Square views of 16 pixels from a circle around the origin, each with a field of view of its own."""
    cameras = []
    for index in range(frames):
        angle = 2 * np.pi * index / frames
        position = np.array([radius * np.cos(angle), radius * np.sin(angle), height + index])
        intrinsics = np.diag([20.0 + index, 20.0 + index, 1.0, 1.0])
        cameras.append(Camera(look_at(position, np.array([3.0, 1.0, 0.0])), intrinsics, HEIGHT))
    return cameras


@pytest.fixture
def orbit_cameras() -> Callable[..., list[Camera]]:
    """:func:`orbit`."""
    return orbit


@pytest.fixture
def write_export(tmp_path: Path) -> Callable[..., Path]:
    """Writes an export and returns its folder: cameras, where their origin lies, the folder's name."""

    def write(cameras: Sequence[Camera] | None = None, place: Georeference = PLACE, name: str = "flight") -> Path:
        pytest.importorskip("pyproj")
        cameras = orbit(10) if cameras is None else cameras
        folder = tmp_path / name
        (folder / "footage").mkdir(parents=True)
        for index in range(len(cameras)):
            Image.new("RGB", (WIDTH, HEIGHT), (index, 90, 30)).save(folder / f"footage/flight_{index:03d}.jpeg")
        document = {
            "name": "flight",
            "width": WIDTH,
            "height": HEIGHT,
            "numFrames": len(cameras),
            "durationSeconds": len(cameras) / 30,
            "cameraFrames": [camera_frame(camera, place) for camera in cameras],
            "trackPoints": [],
        }
        (folder / "flight.json").write_text(json.dumps(document))
        return folder

    return write
