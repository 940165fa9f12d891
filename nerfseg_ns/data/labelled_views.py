"""Views with class labels, from which stage 2 draws pixels."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.labelled_pixels import LabelledPixels
from nerfseg_ns.core.semantic_network import CERTAINTY
from nerfseg_ns.data.semantic_views import SEMANTICS

Views = Tensor | Sequence[Tensor]
"""Images of all views: stacked when they have one size, a list when they differ."""


def gather_pixels(views: Views, pixels: Int64[Tensor, "rays 3"]) -> Tensor:
    """Values at (view, y, x).

    Args:
        views: [views, h, w, channels] or a list of [h, w, channels].
        pixels: rows (view, y, x).

    Returns:
        [rays, channels].
    """
    view, y, x = pixels.unbind(-1)
    if isinstance(views, Tensor):
        return views[view, y, x]
    values = views[0].new_empty((len(pixels), views[0].shape[-1]))
    for index in view.unique().tolist():
        rows = view == index
        values[rows] = views[index][y[rows], x[rows]]
    return values


class LabelledViews:
    """Images, labels and how sure they are.

    Args:
        views: ``image`` and ``image_idx`` of views, as in nerfstudio's cache, and ``mask`` where there are masks.
        labels: uint8 class ids [h, w, 1] of each of them; 255 is never drawn.
        certainty: uint8 [h, w, 1] of each of them, 255 for sure; None: all labels are sure.

    Raises:
        InputError: no pixel is labelled.
    """

    def __init__(self, views: dict[str, Any], labels: Views, certainty: Views | None = None) -> None:
        self._images: Views = views["image"]
        self._labels, self._certainty = labels, certainty
        self._image_indices = torch.as_tensor(views["image_idx"]).cpu()  # nerfstudio keeps them on the GPU
        drawn: list[Tensor] = list(labels)
        if "mask" in views:
            drawn = [torch.where(mask.bool(), label, IGNORE) for mask, label in zip(views["mask"], labels)]
        self._pixels = LabelledPixels(drawn)

    def draw(self, rays: int, balanced_share: float) -> dict[str, Tensor]:
        """``image``, ``semantics``, ``certainty`` (0..1) and ``indices`` (view, y, x) of labelled pixels.

        Args:
            rays: how many.
            balanced_share: share of them that draws every class equally often instead of every pixel.
        """
        balanced = round(balanced_share * rays)
        pixels = torch.cat([self._pixels.draw_balanced(balanced), self._pixels.draw(rays - balanced)])
        certainty = torch.ones(rays, 1)
        if self._certainty is not None:
            certainty = gather_pixels(self._certainty, pixels).float() / 255
        return {
            "image": gather_pixels(self._images, pixels),
            SEMANTICS: gather_pixels(self._labels, pixels),
            CERTAINTY: certainty,
            "indices": torch.cat([self._image_indices[pixels[:, :1]], pixels[:, 1:]], dim=-1),
        }
