"""Pixels of views with masks, where nerfstudio's sampler expects several views of one size."""

from nerfstudio.data.pixel_samplers import PixelSampler, PixelSamplerConfig
from torch import Tensor

from nerfseg_ns.core.input_error import InputError


class MaskedPixelSampler(PixelSampler):
    """Nerfstudio's sampler, which also reads the mask of one view alone.

    Views that differ in size are drawn from one by one; nerfstudio drops the axis of views of such a mask and then
    misses it.
    """

    def rejection_sample_mask(
        self, mask: Tensor, num_samples: int, num_images: int, image_height: int, image_width: int, device: object
    ) -> Tensor:
        """Rows (view, y, x) of pixels that a mask [views, height, width, 1] keeps.

        Raises:
            InputError: the mask of a view that is drawn from alone leaves out all of it.
        """
        sizes = image_height, image_width, device
        if num_images > 1:
            return super().rejection_sample_mask(mask, num_samples, num_images, *sizes)  # type: ignore[arg-type]
        if not bool(mask.any()):
            raise InputError(
                f"the mask of a training view of {image_width}x{image_height} pixels leaves out all of it; "
                "take the view out of the capture, or mend its mask (white is what takes part)"
            )
        twice = mask.expand(2, -1, -1, -1)  # a view and its double keep the axis
        indices = super().rejection_sample_mask(twice, num_samples, 2, *sizes)  # type: ignore[arg-type]
        indices[:, 0] = 0
        return indices


def masked_pixel_sampler() -> PixelSamplerConfig:
    """Nerfstudio's settings, for :class:`MaskedPixelSampler`."""
    return PixelSamplerConfig(_target=MaskedPixelSampler)
