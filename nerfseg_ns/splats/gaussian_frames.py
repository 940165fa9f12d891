"""Gaussians from the input frame to the scene frame and back."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.harmonics import turned


def to_scene(gaussians: Gaussians, frame: SceneFrame) -> Gaussians:
    """Gaussians of the input frame in the scene frame."""
    rotation = frame.transform[:, :3].double()
    return _similar(gaussians, frame.to_scene(gaussians.means), rotation, frame.scale)


def to_input(gaussians: Gaussians, frame: SceneFrame) -> Gaussians:
    """Gaussians of the scene frame in the input frame; means are float64 there."""
    rotation = frame.transform[:, :3].double().T
    return _similar(gaussians, frame.to_input(gaussians.means), rotation, 1.0 / frame.scale)


def _similar(gaussians: Gaussians, means: Tensor, rotation: Float[Tensor, "3 3"], scale: float) -> Gaussians:
    same = torch.allclose(rotation, torch.eye(3, dtype=rotation.dtype), atol=1e-9)
    return Gaussians(
        means,
        gaussians.log_scales + math.log(scale),
        gaussians.quaternions if same else _product(_quaternion(rotation).to(gaussians.means), gaussians.quaternions),
        gaussians.opacity_logits,
        gaussians.harmonics if same else turned(gaussians.harmonics, rotation),
    )


def _quaternion(rotation: Float[Tensor, "3 3"]) -> Float[Tensor, "4"]:
    """w, x, y, z of a rotation: the eigenvector that all its products agree on (Bar-Itzhack 2000)."""
    (a, b, c), (d, e, f), (g, h, i) = rotation.double().tolist()
    matrix = torch.tensor(
        [
            [a + e + i, h - f, c - g, d - b],
            [h - f, a - e - i, b + d, c + g],
            [c - g, b + d, e - a - i, f + h],
            [d - b, c + g, f + h, i - a - e],
        ],
        dtype=torch.float64,
    )
    return torch.linalg.eigh(matrix).eigenvectors[:, -1]


def _product(first: Float[Tensor, "4"], second: Float[Tensor, "count 4"]) -> Float[Tensor, "count 4"]:
    """The rotation ``second`` followed by ``first``."""
    w, x, y, z = second.unbind(-1)
    a, b, c, d = first.unbind(-1)
    return torch.stack(
        [
            a * w - b * x - c * y - d * z,
            a * x + b * w + c * z - d * y,
            a * y - b * z + c * w + d * x,
            a * z + b * y - c * x + d * w,
        ],
        dim=-1,
    )
