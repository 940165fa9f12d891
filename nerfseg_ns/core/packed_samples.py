"""The samples of a view in a third of the memory."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float16, Float32, Int32, UInt8
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
        primitives: index of each sample's Gaussian, whose centre is where it lies; ``along`` is then empty.
    """

    counts: UInt8[np.ndarray, "h w"]
    along: Float32[np.ndarray, " samples"]
    weights: Float16[np.ndarray, " samples"]
    distance: Float32[np.ndarray, "h w"]
    primitives: Int32[np.ndarray, " samples"] | None = None

    @property
    def bytes(self) -> int:
        """Memory taken."""
        arrays = (self.counts, self.along, self.weights, self.distance, self.primitives)
        return sum(array.nbytes for array in arrays if array is not None)

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
    along, primitives = (samples.positions - centre.to(samples.positions)).norm(dim=-1), None
    if samples.primitives is not None:
        along, primitives = along[:0], samples.primitives.to(torch.int32).cpu().numpy()
    return PackedSamples(
        counts.to(torch.uint8).cpu().numpy(),
        along.float().cpu().numpy(),
        samples.weights.half().cpu().numpy(),
        samples.distance.float().cpu().numpy(),
        primitives,
    )


def unpack(
    packed: PackedSamples,
    centre: Float[Tensor, "3"],
    directions: Float[Tensor, "h w 3"],
    primitives: Float[Tensor, "primitives 3"] | None = None,
) -> ViewSamples:
    """The samples of a view, on the device of ``directions``.

    Args:
        packed: the samples.
        centre: of the camera, scene frame.
        directions: unit direction of every pixel's ray, scene frame.
        primitives: centres of the scene's Gaussians, for samples of those.
    """
    device = directions.device
    elevation = directions[..., 2].clone()  # a slice would hold all three
    counts = torch.from_numpy(packed.counts.astype(np.int64).reshape(-1)).to(device)
    pixels = torch.arange(len(counts), device=device).repeat_interleave(counts)
    weights = torch.from_numpy(packed.weights).to(device).float()
    distance = torch.from_numpy(packed.distance).to(device)
    if packed.primitives is not None:
        assert primitives is not None
        index = torch.from_numpy(packed.primitives).to(device).long()
        return ViewSamples(primitives.to(device)[index], weights, pixels, distance, index, elevation)
    along = torch.from_numpy(packed.along).to(device)
    positions = centre.to(device) + directions.reshape(-1, 3)[pixels] * along[:, None]
    return ViewSamples(positions, weights, pixels, distance, elevation=elevation)
