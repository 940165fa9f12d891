"""Views with class labels, from which stage 2 draws pixels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.labelled_pixels import LabelledPixels, RowsByClass
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
    """Images and their label images.

    Args:
        views: ``image`` and ``image_idx`` of views, as in nerfstudio's cache, and ``mask`` where there are masks.
        labels: uint8 class ids [h, w, 1] of each of them; 255 is never drawn.

    Raises:
        InputError: no pixel is labelled.
    """

    def __init__(self, views: dict[str, Any], labels: Views) -> None:
        self._images: Views = views["image"]
        self._labels = labels
        self._image_indices = torch.as_tensor(views["image_idx"]).cpu()  # nerfstudio keeps them on the GPU
        drawn: list[Tensor] = list(labels)
        if "mask" in views:
            drawn = [torch.where(mask.bool().cpu(), label, IGNORE) for mask, label in zip(views["mask"], labels)]
        self._pixels = LabelledPixels(drawn)

    def draw(self, rays: int, balanced_share: float) -> dict[str, Tensor]:
        """``image``, ``semantics``, ``certainty`` (1) and ``indices`` (view, y, x) of labelled pixels.

        Args:
            rays: how many.
            balanced_share: share of them that draws every class equally often instead of every pixel.
        """
        balanced = round(balanced_share * rays)
        pixels = torch.cat([self._pixels.draw_balanced(balanced), self._pixels.draw(rays - balanced)])
        return {
            "image": gather_pixels(self._images, pixels),
            SEMANTICS: gather_pixels(self._labels, pixels),
            CERTAINTY: torch.ones(rays, 1),
            "indices": torch.cat([self._image_indices[pixels[:, :1]], pixels[:, 1:]], dim=-1),
        }


@dataclass(frozen=True)
class SparseLabels:
    """Classes of single pixels of a view and how sure they are.

    Args:
        pixels: rows (y, x).
        classes: class ids.
        certainty: 255 for sure.
    """

    pixels: Int64[Tensor, "pixels 2"]
    classes: UInt8[Tensor, " pixels"]
    certainty: UInt8[Tensor, " pixels"]


class SparselyLabelledViews:
    """Labels of single pixels, and the colours there.

    It keeps nothing else of the images: those of a large capture do not fit into the memory together.

    Args:
        labels: view -> its labels; one at least.
        image_of: view -> image [h, w, channels]; called once for each.
    """

    def __init__(self, labels: Mapping[int, SparseLabels], image_of: Callable[[int], Tensor]) -> None:
        indices, colours = [], []
        for view, of_view in labels.items():
            y, x = of_view.pixels.unbind(-1)
            indices.append(torch.stack([torch.full_like(y, view), y, x], dim=-1).to(torch.int32))
            colours.append(image_of(view)[y, x])
        classes, order = torch.cat([of_view.classes for of_view in labels.values()]).sort(stable=True)
        self._classes = classes[:, None]
        self._certainty = torch.cat([of_view.certainty for of_view in labels.values()])[order, None]
        self._indices, self._colours = torch.cat(indices)[order], torch.cat(colours)[order]
        sizes = torch.bincount(classes.int())
        self._rows = RowsByClass(sizes[sizes > 0])

    def draw(self, rays: int, balanced_share: float) -> dict[str, Tensor]:
        """As :meth:`LabelledViews.draw`, with a ``certainty`` of 0..1."""
        balanced = round(balanced_share * rays)
        rows = torch.cat([self._rows.draw_balanced(balanced), self._rows.draw(rays - balanced)])
        return {
            "image": self._colours[rows],
            SEMANTICS: self._classes[rows],
            CERTAINTY: self._certainty[rows].float() / 255,
            "indices": self._indices[rows].long(),
        }
