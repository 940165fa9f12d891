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
GPU_BYTES = 600
"""GPU memory that a Gaussian takes at least while it is rendered: its numbers, what they become, its tiles."""
NO_KERNELS = (
    "gsplat compiles its kernels when it is first used, and cannot here: {}; install the CUDA toolkit (nvcc) of the "
    "version that torch was built with and a C++ compiler, or use nerfseg on this machine"
)
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
        InputError: more than :data:`MOST_ON_A_CPU` and no CUDA device; more than fit into the memory of the GPU;
            gsplat's kernels cannot be built.
    """
    if torch.device(device).type == "cuda":
        from nerfseg_ns.splats.gsplat_rasteriser import GsplatRasteriser

        require_kernels()
        free, _ = torch.cuda.mem_get_info(device)
        if count * GPU_BYTES > free:
            raise InputError(
                f"{count:,} Gaussians take {count * GPU_BYTES / 2**30:.1f} GiB of GPU memory while they are rendered, "
                f"and {free / 2**30:.1f} GiB are free; cut the scene into pieces, or reduce its Gaussians with the "
                "program that made it"
            )
        return GsplatRasteriser()
    if count > MOST_ON_A_CPU:
        raise InputError(
            f"{count:,} Gaussians; {NO_CUDA}. Up to {MOST_ON_A_CPU:,} Gaussians are rendered without one, slowly"
        )
    from nerfseg_ns.splats.reference_rasteriser import ReferenceRasteriser

    return ReferenceRasteriser()


def require_kernels() -> None:
    """Make sure that gsplat can rasterise: its package has no kernels, it compiles them (some minutes, once).

    Raises:
        InputError: it cannot.
    """
    try:
        from gsplat.cuda._backend import _C
    except Exception as error:  # whatever compilers and loaders raise
        raise InputError(NO_KERNELS.format(str(error).strip().partition("\n")[0] or type(error).__name__)) from None
    if _C is None:
        raise InputError(NO_KERNELS.format("there is no nvcc"))


def view_matrix(camera: Pinhole) -> Float[Tensor, "4 4"]:
    """World to camera with OpenCV axes (x right, y down, z forward), as gsplat wants it."""
    turn = camera.c2w[:, :3] * camera.c2w.new_tensor([1.0, -1.0, -1.0])
    matrix = torch.eye(4, dtype=camera.c2w.dtype, device=camera.c2w.device)
    matrix[:3, :3] = turn.T
    matrix[:3, 3] = -turn.T @ camera.c2w[:, 3]
    return matrix
