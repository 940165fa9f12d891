"""Where images have detail, so that more rays go to edges and thin things than to flat walls and the sky."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

STEPS = ((0, 1), (0, -1), (1, 0), (-1, 0))
"""Neighbours (y, x) that a pixel is compared with."""
FLOOR = 0.01
"""Detail of a pixel like its neighbours; among such pixels alone every one is as likely as any other."""


def pixel_detail(
    images: Float[Tensor, "views h w channels"] | Sequence[Float[Tensor, "h w channels"]],
    pixels: Int64[Tensor, "pixels 3"],
    masks: Bool[Tensor, "views h w 1"] | Sequence[Bool[Tensor, "h w 1"]] | None = None,
) -> Float[Tensor, " pixels"]:
    """How much each pixel differs from the neighbour that it differs from most.

    Args:
        images: RGB, 0..1; a list where they differ in size. Further channels are left out.
        pixels: rows (view, y, x).
        masks: which pixels take part, in the same form; others are no neighbours.

    Returns:
        Mean absolute difference of the channels, 0..1.
    """
    if not isinstance(images, Tensor):
        detail = torch.empty(len(pixels), device=images[0].device)
        for view in pixels[:, 0].unique().tolist():
            rows = pixels[:, 0] == view
            alone = torch.cat([torch.zeros_like(pixels[rows, :1]), pixels[rows, 1:]], dim=-1)
            detail[rows] = pixel_detail(images[view][None], alone, None if masks is None else masks[view][None])
        return detail
    assert masks is None or isinstance(masks, Tensor)
    view, y, x = pixels.unbind(-1)
    own = images[view, y, x, :3]
    height, width = images.shape[1:3]
    differences = []
    for down, right in STEPS:
        row, column = (y + down).clamp(0, height - 1), (x + right).clamp(0, width - 1)
        difference = (images[view, row, column, :3] - own).abs().mean(dim=-1)
        if masks is not None:
            difference = difference * masks[view, row, column, 0].to(difference)
        differences.append(difference)
    return torch.stack(differences).amax(dim=0)


def draw_detailed(detail: Float[Tensor, " candidates"], count: int) -> Int64[Tensor, " count"]:
    """Rows of candidates, each at most once, likelier the more detail they have.

    Args:
        detail: of each candidate, 0..1.
        count: how many rows; at most as many as there are candidates.
    """
    return torch.multinomial(detail.clamp_min(FLOOR), count)
