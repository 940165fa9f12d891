"""The views that labels are exported for: captured ones, and those of a camera path."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import UInt8
from nerfstudio.cameras.camera_paths import get_path_from_json
from nerfstudio.cameras.cameras import Cameras
from PIL import Image

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.data.pinhole_cameras import pinhole_of
from nerfseg_ns.evaluation.trained_run import LoadedRun
from nerfseg_ns.selection.object_points import camera_image
from nerfseg_ns.selection.run_scene import RunScene
from nerfseg_ns.selection.sample_renderer import make_renderer

_EXPECTED = (
    "expected a camera path as the viewer and ns-render write it: render_width, render_height, and camera_path, a list "
    "with camera_to_world (16 numbers) and fov (degrees) of each camera"
)


@dataclass(frozen=True, eq=False)
class ExportView:
    """A view.

    Args:
        name: its files are called so; a slash makes a folder.
        camera: of nerfstudio's, one in a batch.
        samples: what its rays meet, rendered when it is called: for the masks of objects.
        image: the file of the captured image; None for a new view.
        picture: reads that image at the camera's size; None for a new view.
    """

    name: str
    camera: Cameras
    samples: Callable[[], ViewSamples]
    image: Path | None = None
    picture: Callable[[], UInt8[np.ndarray, "h w 3"]] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(h, w), pixels."""
        return int(self.camera.height), int(self.camera.width)


def captured_views(
    run: LoadedRun, downscale: float, size: Literal["run", "images"] = "run", prefix: str = ""
) -> list[ExportView]:
    """The views of a run's split.

    Args:
        run: loaded with the split.
        downscale: the views are so many times smaller.
        size: than what: the size the run trains at, or the size of the image files.
        prefix: before each name.

    Raises:
        InputError: cameras that are not perspective, image files that cannot be read or are of several sizes.
    """
    files = run.dataset.image_filenames
    scale = (_file_scale(run) if size == "images" else 1.0) / downscale
    scene = RunScene.from_run(run, camera_scale=scale)

    def view(number: int, name: str) -> ExportView:
        height, width = scene.camera(number).size
        return ExportView(
            prefix + name,
            scene.nerfstudio_camera(number),
            lambda: scene.samples(number),
            files[number],
            lambda: (camera_image(scene, number) * 255.0).round().byte().reshape(height, width, 3).numpy(),
        )

    return [view(number, name) for number, name in enumerate(scene.names)]


def new_views(run: LoadedRun, cameras: Cameras, names: list[str]) -> list[ExportView]:
    """Views of cameras that took no picture.

    Args:
        run: the run.
        cameras: scene frame.
        names: one for each.
    """

    def view(number: int) -> ExportView:
        camera = cameras[number : number + 1]

        def samples() -> ViewSamples:
            renderer = make_renderer(run.pipeline.model, run.config.method_name)
            return renderer.view(camera, pinhole_of(camera, renderer.model.device))

        return ExportView(names[number], camera, samples)

    return [view(number) for number in range(len(names))]


def path_cameras(path: Path, downscale: float) -> Cameras:
    """The cameras of a camera path.

    Args:
        path: JSON of nerfstudio's viewer.
        downscale: the pictures are so many times smaller than the file says.

    Raises:
        InputError: the file is missing or is no such path.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"--camera-path {path}: no such file; {_EXPECTED}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"--camera-path {path}: cannot be read ({error}); {_EXPECTED}") from None
    try:
        if not document["camera_path"]:
            raise InputError(f"--camera-path {path}: it has no cameras; add keyframes in the viewer and save it again")
        kind = str(document.get("camera_type", "perspective")).lower()
        if kind != "perspective":
            raise InputError(f"--camera-path {path}: its cameras are {kind}; labels are exported for perspective ones")
        for number, camera in enumerate(document["camera_path"]):
            _check_camera(camera, f"--camera-path {path}: camera {number}")
        height, width = (int(document[side]) for side in ("render_height", "render_width"))
        if min(height, width) < 1:
            raise InputError(f"--camera-path {path}: pictures of {width}x{height} pixels")
        cameras = get_path_from_json({**document, "render_height": height, "render_width": width})
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"--camera-path {path}: no camera path ({error!r}); {_EXPECTED}") from None
    cameras.height = torch.full_like(cameras.cx, height, dtype=torch.int64)
    cameras.width = torch.full_like(cameras.cx, width, dtype=torch.int64)
    if downscale != 1.0:
        cameras.rescale_output_resolution(1.0 / downscale, scale_rounding_mode="round")
    if int(torch.minimum(cameras.height, cameras.width).min()) < 1:
        raise InputError(f"--downscale {downscale:g}: it leaves no pixels of {width}x{height}")
    return cameras


def _check_camera(camera: dict[str, object], place: str) -> None:
    pose = torch.tensor(camera["camera_to_world"], dtype=torch.float64).reshape(-1)
    fov = float(camera["fov"])  # type: ignore[arg-type]
    if len(pose) != 16 or not pose.isfinite().all():
        raise InputError(f"{place}: camera_to_world holds {len(pose)} numbers; expected 16 finite ones, row by row")
    if abs(float(torch.linalg.det(pose.reshape(4, 4)[:3, :3])) - 1.0) > 0.01:
        raise InputError(f"{place}: camera_to_world is no rotation and translation")
    if not 0.0 < fov < 180.0:
        raise InputError(f"{place}: fov {fov:g}; expected degrees between 0 and 180")


def _file_scale(run: LoadedRun) -> float:
    """How many times wider the image files are than the run's views."""
    factors = set()
    for number, file in enumerate(run.dataset.image_filenames):
        try:
            with Image.open(file) as image:
                factors.add(image.width / int(run.dataset.cameras.width[number]))
        except OSError as error:
            raise InputError(f"{file}: the image cannot be read ({error})") from None
    if max(factors) - min(factors) > 1e-3:
        raise InputError(
            f"--size images: the image files are {min(factors):.3g} to {max(factors):.3g} times as wide as the run's "
            "views; export at the run's size"
        )
    return factors.pop()
