"""The samples of a view in a third of the memory."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float16, Float32, UInt8
from torch import Tensor

from nerfseg_ns.core.view_samples import ViewSamples


@dataclass(frozen=True, eq=False)
class PackedSamples:
    """A :class:`~nerfseg_ns.core.view_samples.ViewSamples` without what the camera knows: where its rays run.

    Args:
        counts: samples of each pixel; the samples lie in the order of the pixels.
        along: distance of each sample from the camera, scene units.
        weights: rounded to float16, which changes them by less than 0.05 %.
        distance: of each pixel's surface.
    """

    counts: UInt8[np.ndarray, "h w"]
    along: Float32[np.ndarray, " samples"]
    weights: Float16[np.ndarray, " samples"]
    distance: Float32[np.ndarray, "h w"]

    @property
    def bytes(self) -> int:
        """Memory taken."""
        return sum(array.nbytes for array in (self.counts, self.along, self.weights, self.distance))

    @property
    def consistent(self) -> bool:
        """Whether the arrays fit together, as those of a file may not."""
        return (
            (self.counts.dtype, self.along.dtype, self.weights.dtype, self.distance.dtype)
            == (np.uint8, np.float32, np.float16, np.float32)
            and self.counts.ndim == 2
            and self.counts.shape == self.distance.shape
            and self.along.shape == self.weights.shape == (int(self.counts.sum(dtype=np.int64)),)
        )


def pack(samples: ViewSamples, centre: Float[Tensor, "3"]) -> PackedSamples:
    """Pack the samples of a view.

    Args:
        samples: at most 255 of each pixel.
        centre: of the camera, scene frame.
    """
    height, width = samples.size
    counts = torch.bincount(samples.pixels, minlength=height * width).reshape(height, width)
    return PackedSamples(
        counts.to(torch.uint8).cpu().numpy(),
        (samples.positions - centre.to(samples.positions)).norm(dim=-1).float().cpu().numpy(),
        samples.weights.half().cpu().numpy(),
        samples.distance.float().cpu().numpy(),
    )


def unpack(packed: PackedSamples, centre: Float[Tensor, "3"], directions: Float[Tensor, "h w 3"]) -> ViewSamples:
    """The samples of a view, on the device of ``directions``.

    Args:
        packed: the samples.
        centre: of the camera, scene frame.
        directions: unit direction of every pixel's ray, scene frame.
    """
    device = directions.device
    counts = torch.from_numpy(packed.counts.astype(np.int64).reshape(-1)).to(device)
    pixels = torch.arange(len(counts), device=device).repeat_interleave(counts)
    along = torch.from_numpy(packed.along).to(device)
    positions = centre.to(device) + directions.reshape(-1, 3)[pixels] * along[:, None]
    weights = torch.from_numpy(packed.weights).to(device).float()
    return ViewSamples(positions, weights, pixels, torch.from_numpy(packed.distance).to(device))
