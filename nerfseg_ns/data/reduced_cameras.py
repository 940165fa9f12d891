"""Nerfstudio's cameras for captured images that are read at a fraction of their size."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from nerfstudio.cameras.cameras import Cameras, CameraType
from torch import Tensor

from nerfseg_ns.core.image_reduction import picked_offset
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import check_label_header, read_image_header


@dataclass(frozen=True)
class Pinhole:
    """Focal lengths and principal point in pixels of the full image, pixel centres at +0.5."""

    fx: float
    fy: float
    cx: float
    cy: float


def check_downscale_factor(factor: int) -> None:
    """Refuse a factor below 1.

    Raises:
        InputError: it is.
    """
    if factor < 1:
        raise InputError(f"--downscale-factor {factor}: expected a whole number from 1 on")


def reduced_cameras(
    images: Sequence[Path],
    labels: Sequence[Path | None],
    pinholes: Sequence[Pinhole],
    poses: Float[Tensor, "views 3 4"],
    downscale_factor: int,
) -> Cameras:
    """Cameras of floor(size / factor) pixels; checks the label files' sizes and formats on the way.

    Rays go through the pixels that reduced labels are picked from, see :mod:`nerfseg_ns.core.image_reduction`.

    Args:
        images: the image of each view, of any size.
        labels: the label image of each view, None without one.
        pinholes: of the full images.
        poses: camera-to-world, OpenGL axes, in nerfstudio's world.
        downscale_factor: how many times smaller the views are than their images.

    Raises:
        InputError: an image that cannot be read or is too small; a label that is no PNG or has another size.
    """
    rows = []
    for image, label, pinhole in zip(images, labels, pinholes, strict=True):
        header = read_image_header(image)
        if label is not None:
            check_label_header(label, image, ((header.width, header.height),))
        width, height = header.width // downscale_factor, header.height // downscale_factor
        if width < 1 or height < 1:
            raise InputError(
                f"{image}: {header.width}x{header.height} pixels cannot be reduced {downscale_factor} times; "
                f"choose a smaller --downscale-factor"
            )
        across, down = width / header.width, height / header.height
        cx = pinhole.cx * across - picked_offset(header.width, width)
        cy = pinhole.cy * down - picked_offset(header.height, height)
        rows.append((pinhole.fx * across, pinhole.fy * down, cx, cy, width, height))
    fx, fy, cx, cy, widths, heights = torch.tensor(rows, dtype=torch.float64).T[..., None]
    return Cameras(
        camera_to_worlds=poses.float(),
        fx=fx.float(),
        fy=fy.float(),
        cx=cx.float(),
        cy=cy.float(),
        width=widths.long(),
        height=heights.long(),
        camera_type=CameraType.PERSPECTIVE,
    )
