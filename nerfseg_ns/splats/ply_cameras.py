"""The cameras of a PLY file: nerfstudio's transforms.json, or the cameras.json of 3DGS."""

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import read_image_header
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.poses import check_pose, swap_camera_axes
from nerfseg_ns.data.transforms_file import read_transforms
from nerfseg_ns.selection.view_names import view_names
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.projection import project

_IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
_LENS = ("k1", "k2", "k3", "k4", "p1", "p2")
_SAME_SHAPE = 0.02
"""Width by height of an image and of its camera may differ by so much: sizes are rounded."""
_PROBED = 20_000
"""Gaussians, spread over the file, that are looked for in each view."""
_LEAST_SHARE = 0.01
"""Of a view's area: a scene that keeps within less is so far away that the view is as good as empty."""


@dataclass(frozen=True, eq=False)
class PlyCamera:
    """A camera in the frame of a PLY file.

    Args:
        name: of its view.
        c2w: camera to world, OpenGL axes.
        fx: focal length, pixels; fy, cx and cy as in :class:`~nerfseg_ns.core.pinhole.Pinhole`.
        size: (h, w), pixels.
        image: the captured image, None where there is none.
    """

    name: str
    c2w: Float[np.ndarray, "4 4"]
    fx: float
    fy: float
    cx: float
    cy: float
    size: tuple[int, int]
    image: Path | None

    def pinhole(self) -> Pinhole:
        """The same."""
        pose = torch.from_numpy(self.c2w[:3]).float()
        return Pinhole(pose, self.fx, self.fy, self.cx, self.cy, self.size)

    def reduced(self, longest_side: int) -> "PlyCamera":
        """The same view at a size of at most so many pixels along the longer side."""
        height, width = self.size
        factor = min(1.0, longest_side / max(height, width))
        size = max(1, round(height * factor)), max(1, round(width * factor))
        across, down = size[1] / width, size[0] / height
        return replace(self, fx=self.fx * across, fy=self.fy * down, cx=self.cx * across, cy=self.cy * down, size=size)


def read_ply_cameras(
    path: Path, images: Path | None = None, dataparser_transforms: Path | None = None
) -> list[PlyCamera]:
    """Read and check cameras.

    Args:
        path: transforms.json, or cameras.json.
        images: folder of the captured images, found by the names of the views; by default those that transforms.json
            names, or the folder ``images`` beside cameras.json.
        dataparser_transforms: dataparser_transforms.json of the nerfstudio run whose export the PLY file is; such files
            are in that run's scene frame.

    Raises:
        InputError: a file that is missing or of another form, a pose that is none, focal lengths or sizes that are not
            positive, lens distortion, two views of one name, or an image that is not there.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected transforms.json, or cameras.json of 3DGS") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a JSON file ({error})") from None
    if images is not None and not images.is_dir():
        raise InputError(f"--images {images}: no such folder")
    if isinstance(document, list):
        cameras = [
            _of_3dgs(record, f"{path}, camera {i}", images or path.parent / "images")
            for i, record in enumerate(document)
        ]
    else:
        meta = read_transforms(path)
        files = [Path(str(frame["file_path"])) for frame in meta["frames"]]
        # a file that is there twice is named below
        names = view_names(files) if len(set(files)) == len(files) else [file.stem for file in files]
        cameras = [_of_transforms(frame, name, meta, path, images) for frame, name in zip(meta["frames"], names)]
    if not cameras:
        raise InputError(f"{path}: no cameras")
    names = [camera.name for camera in cameras]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise InputError(f"{path}: two views are named {doubled}; give each image a name of its own")
    if images is not None and all(camera.image is None for camera in cameras):
        raise InputError(f"--images {images}: it has no image of {names[0]}, nor of any other view of {path}")
    if dataparser_transforms is not None:
        transform, scale = _read_dataparser_transforms(dataparser_transforms)
        cameras = [replace(camera, c2w=_moved(camera.c2w, transform, scale)) for camera in cameras]
    return cameras


def check_cameras_fit(gaussians: Gaussians, cameras: list[PlyCamera], ply: Path, path: Path) -> list[str]:
    """Make sure that the cameras see the Gaussians.

    Args:
        gaussians: of the PLY file.
        cameras: in its frame.
        ply: the file, for messages.
        path: the cameras' file, for messages.

    Returns:
        Names of the views that would be empty.

    Raises:
        InputError: all of them would; or the Gaussians are transparent.
    """
    probed = gaussians.where(torch.linspace(0, len(gaussians) - 1, min(len(gaussians), _PROBED)).long())
    probed = probed.where(probed.opacities > 1.0 / 255.0)
    if len(probed) == 0:
        raise InputError(
            f"{ply}: its Gaussians are transparent: none of {min(len(gaussians), _PROBED):,} looked at has an opacity "
            "above 1/255; opacities are stored as 3DGS does, before the sigmoid"
        )
    empty = [camera.name for camera in cameras if _shown(probed, camera) < _LEAST_SHARE]
    if len(empty) < len(cameras):
        return empty
    low, high = (torch.quantile(probed.means, q, dim=0).tolist() for q in (0.02, 0.98))
    centre = np.mean([camera.c2w[:3, 3] for camera in cameras], axis=0)
    raise InputError(
        f"{path}: none of its {len(cameras)} cameras sees any Gaussian of {ply}: every view would be empty. The "
        f"Gaussians lie between {_rounded(low)} and {_rounded(high)}, the cameras around {_rounded(centre)}; they are "
        "in another frame. A PLY file that ns-export wrote is in the frame of its run: add --dataparser-transforms "
        "with the dataparser_transforms.json beside the run's config.yml"
    )


def _shown(gaussians: Gaussians, camera: PlyCamera) -> float:
    """Share of the view's area in the box around what it shows, but for the outermost Gaussians."""
    projected = project(gaussians, camera.pinhole())
    if len(projected) == 0:
        return 0.0
    deviation = projected.radii[:, None] / 3.0
    low = torch.quantile(projected.centres - deviation, 0.02, dim=0)
    high = torch.quantile(projected.centres + deviation, 0.98, dim=0)
    size = torch.tensor([camera.size[1], camera.size[0]])
    width, height = (torch.minimum(high, size) - low.clamp(min=0.0)).clamp(min=0.0).tolist()
    return width * height / (camera.size[0] * camera.size[1])


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 3) for value in values]


def _of_3dgs(record: Any, where: str, images: Path) -> PlyCamera:
    try:
        c2w = np.eye(4)
        c2w[:3, :3] = np.array(record["rotation"], dtype=np.float64)
        c2w[:3, 3] = np.array(record["position"], dtype=np.float64)
        name, width, height = str(record["img_name"]), int(record["width"]), int(record["height"])
        fx, fy = float(record["fx"]), float(record["fy"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{where}: {error!r}; expected img_name, width, height, position, rotation, fx and fy, as 3DGS writes them"
        ) from None
    check_pose(c2w, where)
    c2w = swap_camera_axes(torch.from_numpy(c2w)).numpy()
    stem = name[: -len(Path(name).suffix)] if Path(name).suffix.lower() in _IMAGES else name
    camera = PlyCamera(stem, c2w, fx, fy, width / 2, height / 2, (height, width), _find_image(images, name, stem))
    return _checked(camera, where)


def _of_transforms(
    frame: dict[str, Any], name: str, meta: dict[str, Any], path: Path, images: Path | None
) -> PlyCamera:
    where = f"{path}, frame {frame['file_path']}"
    values = {**meta, **frame}
    bent = [name for name in _LENS if values.get(name) not in (None, 0, 0.0)]
    if bent or str(values.get("camera_model", "")).upper().find("FISHEYE") >= 0:
        raise InputError(
            f"{where}: lens distortion ({', '.join(bent) or values['camera_model']}), and Gaussians are rendered "
            "without; give the cameras of the undistorted images that the Gaussians were trained on"
        )
    try:
        c2w = np.array(frame["transform_matrix"], dtype=np.float64)
        width, height = int(values["w"]), int(values["h"])
        if "fl_x" in values:
            fx = float(values["fl_x"])
            fy = float(values.get("fl_y", fx))
        else:
            fx = fy = 0.5 * width / math.tan(0.5 * float(values["camera_angle_x"]))
        cx, cy = float(values.get("cx", width / 2)), float(values.get("cy", height / 2))
    except (KeyError, TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise InputError(f"{where}: {error!r}; expected transform_matrix, w, h, fl_x or camera_angle_x") from None
    check_pose(c2w, where)
    file = Path(str(frame["file_path"]))
    if images is None:
        image = path.parent / file
        if not image.is_file():
            image = next((i for i in (image.with_name(image.name + end) for end in _IMAGES) if i.is_file()), image)
        found = image if image.is_file() else None
    else:
        found = _find_image(images, f"{name}{file.suffix}", name)
    return _checked(PlyCamera(name, c2w, fx, fy, cx, cy, (height, width), found), where)


def _find_image(images: Path, name: str, stem: str) -> Path | None:
    candidates = [images / name, *(images / f"{stem}{end}" for suffix in _IMAGES for end in (suffix, suffix.upper()))]
    return next((path for path in candidates if path.is_file()), None)


def _checked(camera: PlyCamera, where: str) -> PlyCamera:
    numbers = [camera.fx, camera.fy, *camera.size]
    if not all(math.isfinite(number) and number > 0 for number in numbers):
        raise InputError(f"{where}: focal lengths and sizes must be positive pixels, not {numbers}")
    if not (math.isfinite(camera.cx) and math.isfinite(camera.cy)):
        raise InputError(f"{where}: the principal point must be two numbers, not {[camera.cx, camera.cy]}")
    if camera.image is not None:
        _check_shape(camera, camera.image, where)
    # it names a file of the run, and a view in prompts
    if Path(camera.name).is_absolute() or ".." in Path(camera.name).parts or not camera.name:
        raise InputError(f"{where}: the view's name {camera.name!r}; expected the name of an image, such as 00012")
    return camera


def _check_shape(camera: PlyCamera, image: Path, where: str) -> None:
    header = read_image_header(image)
    width, height = header.width, header.height
    shape = camera.size[1] / camera.size[0]
    if abs(width / height / shape - 1.0) > _SAME_SHAPE:
        raise InputError(
            f"{image}: {width}x{height}, but {where} has views of {camera.size[1]}x{camera.size[0]}; expected the "
            "image that belongs to this camera, in that shape, at any size"
        )


def _read_dataparser_transforms(path: Path) -> tuple[Float[np.ndarray, "3 4"], float]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        transform, scale = np.array(record["transform"], dtype=np.float64), float(record["scale"])
        if transform.shape != (3, 4) or not np.isfinite(transform).all() or not scale > 0:
            raise ValueError(
                f"transform {list(transform.shape)}, scale {scale}; expected 3 x 4 numbers and more than 0"
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"--dataparser-transforms {path}: not such a file of nerfstudio ({error})") from None
    return transform, scale


def _moved(
    c2w: Float[np.ndarray, "4 4"], transform: Float[np.ndarray, "3 4"], scale: float
) -> Float[np.ndarray, "4 4"]:
    moved = np.eye(4)
    moved[:3] = transform @ c2w
    moved[:3, 3] *= scale
    return moved
