"""The interface of rasterisers: Gaussians and a camera to pixels."""

from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.splats.contributions import Contributions
from nerfseg_ns.splats.gaussians import Gaussians

MOST_ON_A_CPU = 20_000
"""Gaussians that the reference rasteriser takes: some seconds a view of 128x128; it is for tests and small scenes."""
NO_CUDA = (
    "gsplat rasterises on CUDA GPUs only, and torch finds none here: use nerfseg-lite on this machine, or a machine "
    "with a CUDA GPU"
)


class Rasteriser(Protocol):
    """Renders Gaussians. Cameras have no lens distortion; pixel centres lie at +0.5."""

    def render(
        self, gaussians: Gaussians, features: Float[Tensor, "gaussians channels"], camera: Pinhole
    ) -> tuple[Float[Tensor, "h w channels"], Float[Tensor, "h w"]]:
        """Features composited front to back on zeros, and the opacity of each pixel; differentiable.

        Args:
            gaussians: the scene.
            features: any number of channels.
            camera: pose on the Gaussians' device.
        """

    def contributions(self, gaussians: Gaussians, camera: Pinhole) -> Contributions:
        """The weights that :meth:`render` composites with, one by one; without gradients."""


def make_rasteriser(device: torch.device | str, count: int) -> Rasteriser:
    """gsplat on a CUDA device, the reference elsewhere.

    Args:
        device: where the Gaussians are.
        count: how many there are.

    Raises:
        InputError: more than :data:`MOST_ON_A_CPU` and no CUDA device.
    """
    if torch.device(device).type == "cuda":
        from nerfseg_ns.splats.gsplat_rasteriser import GsplatRasteriser

        return GsplatRasteriser()
    if count > MOST_ON_A_CPU:
        raise InputError(
            f"{count:,} Gaussians; {NO_CUDA}. Up to {MOST_ON_A_CPU:,} Gaussians are rendered without one, slowly"
        )
    from nerfseg_ns.splats.reference_rasteriser import ReferenceRasteriser

    return ReferenceRasteriser()


def view_matrix(camera: Pinhole) -> Float[Tensor, "4 4"]:
    """World to camera with OpenCV axes (x right, y down, z forward), as gsplat wants it."""
    turn = camera.c2w[:, :3] * camera.c2w.new_tensor([1.0, -1.0, -1.0])
    matrix = torch.eye(4, dtype=camera.c2w.dtype, device=camera.c2w.device)
    matrix[:3, :3] = turn.T
    matrix[:3, 3] = -turn.T @ camera.c2w[:, 3]
    return matrix
