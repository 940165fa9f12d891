"""Pixels of views with masks, where nerfstudio's sampler expects several views of one size."""

import torch
from jaxtyping import Bool, Int64
from nerfstudio.data.pixel_samplers import PixelSampler, PixelSamplerConfig
from torch import Tensor

from nerfseg_ns.core.input_error import InputError

DRAWS = 20
"""So often masked pixels are drawn anew, before the pixels of a mask are looked up, which takes longer."""


class MaskedPixelSampler(PixelSampler):
    """Nerfstudio's sampler, which also reads the mask of one view alone.

    Views that differ in size are drawn from one by one; nerfstudio drops the axis of views of such a mask and then
    misses it, and cannot draw more pixels from a view than its mask keeps.
    """

    def sample_method(
        self,
        batch_size: int,
        num_images: int,
        image_height: int,
        image_width: int,
        mask: Tensor | None = None,
        device: torch.device | str = "cpu",
    ) -> Int64[Tensor, "batch_size 3"]:
        """Rows (view, y, x) of pixels, of those that a mask [views, height, width, 1] keeps.

        Raises:
            InputError: the mask of a view that is drawn from alone leaves out all of it.
        """
        if mask is None or num_images > 1 or self.config.ignore_mask:
            drawn: Tensor = super().sample_method(batch_size, num_images, image_height, image_width, mask, device)
            return drawn
        pixels = kept_pixels(mask[0, ..., 0].bool(), batch_size).to(device)
        return torch.cat([torch.zeros_like(pixels[:, :1]), pixels], dim=-1)


def kept_pixels(mask: Bool[Tensor, "h w"], count: int) -> Int64[Tensor, "count 2"]:
    """Rows (y, x) of pixels that a mask keeps, each as likely as any other, drawn with replacement.

    Raises:
        InputError: it keeps none.
    """
    size = torch.tensor(mask.shape, device=mask.device)
    pixels = torch.zeros(count, 2, dtype=torch.long, device=mask.device)
    masked = torch.ones(count, dtype=torch.bool, device=mask.device)
    for _ in range(DRAWS):
        drawn = torch.rand(int(masked.sum()), 2, device=mask.device) * size
        pixels[masked] = drawn.long().minimum(size - 1)
        masked = ~mask[pixels[:, 0], pixels[:, 1]]
        if not bool(masked.any()):
            return pixels
    there = mask.nonzero()
    if not len(there):
        raise InputError(
            f"the mask of a view of {mask.shape[1]}x{mask.shape[0]} pixels leaves out all of it; take the view out of "
            "the capture, or mend its mask (white is what takes part)"
        )
    pixels[masked] = there[torch.randint(len(there), (int(masked.sum()),), device=mask.device)]
    return pixels


def masked_pixel_sampler() -> PixelSamplerConfig:
    """Nerfstudio's settings, for :class:`MaskedPixelSampler`."""
    return PixelSamplerConfig(_target=MaskedPixelSampler)
