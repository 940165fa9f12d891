"""PSNR, SSIM and LPIPS of one rendered view."""

import warnings

import torch
from jaxtyping import Float
from torch import Tensor

_SMALLEST_ERROR = 1e-10  # keeps the PSNR of an exact picture finite: 100 dB


@torch.no_grad()
def psnr(rendered: Float[Tensor, "h w 3"], image: Float[Tensor, "h w 3"]) -> float:
    """Peak signal-to-noise ratio over all pixels of a view.

    Args:
        rendered: RGB; values outside 0..1 are clipped, as a display would.
        image: the captured view, RGB in 0..1.

    Returns:
        Decibels; at most 100, the value of two equal pictures.
    """
    error = torch.mean((rendered.clamp(0.0, 1.0).double() - image.double()) ** 2)
    return float(-10.0 * torch.log10(error.clamp(min=_SMALLEST_ERROR)))


@torch.no_grad()
def ssim(rendered: Float[Tensor, "h w 3"], image: Float[Tensor, "h w 3"]) -> float:
    """Structural similarity of a view, 11x11 Gaussian window of sigma 1.5, data range 1.

    Args:
        rendered: RGB; values outside 0..1 are clipped.
        image: the captured view, RGB in 0..1.
    """
    from torchmetrics.functional import structural_similarity_index_measure

    pictures = [picture.clamp(0.0, 1.0).float().permute(2, 0, 1)[None] for picture in (rendered, image)]
    similarity = structural_similarity_index_measure(pictures[0], pictures[1], data_range=1.0)
    assert isinstance(similarity, Tensor)
    return float(similarity)


class PerceptualDistance:
    """LPIPS, built when it is first asked for: the metric downloads 244 MB of weights at its construction.

    Not an ``nn.Module``, so that a model which holds one keeps those weights out of its checkpoints.
    """

    def __init__(self) -> None:
        self._metric: torch.nn.Module | None = None
        self._missing = False

    @torch.no_grad()
    def __call__(self, rendered: Float[Tensor, "h w 3"], image: Float[Tensor, "h w 3"]) -> float | None:
        """The distance, or None, with one warning, where the weights cannot be had.

        Args:
            rendered: RGB; values outside 0..1 are clipped.
            image: the captured view, RGB in 0..1.
        """
        if self._metric is None and not self._missing:
            try:
                from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

                self._metric = LearnedPerceptualImagePatchSimilarity(normalize=True).to(image.device)
            except Exception as error:  # no internet, no disk space, no torchvision weights: the figure is left out
                self._missing = True
                warnings.warn(f"LPIPS is left out: its weights could not be had ({error})", stacklevel=2)
        if self._metric is None:
            return None
        pictures = [picture.clamp(0.0, 1.0).float().permute(2, 0, 1)[None] for picture in (rendered, image)]
        return float(self._metric(pictures[0], pictures[1]))
