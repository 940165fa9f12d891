"""Class probabilities and labels as pictures: colour map, confidence, overlay.

Everything returned is float in 0..1 with one or three channels: the two forms that Nerfstudio's viewer and
renderer show as they are.

A class can be hidden. Hiding never changes what class a pixel has; it changes how the pixel is drawn:

* in the colour map, a washed-out grey version of the photograph stays, so that the eye keeps its bearings and
  no class colour can be mistaken for it (plain light grey when there is no photograph);
* in the overlay, the photograph shows through unchanged.
"""

import torch
from jaxtyping import Bool, Float, Int, Integer, UInt8
from torch import Tensor

from nerfseg_ns.core.class_table import IGNORE

HIDDEN_GREY = 0.85
"""Grey of a hidden class in a colour map without a photograph."""

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_WASHED_OUT_FROM = 0.6


def most_likely_class(probabilities: Float[Tensor, "*shape classes"]) -> Int[Tensor, "*shape"]:
    """Class id with the largest probability (or logit) of each pixel."""
    return probabilities.argmax(dim=-1)


def class_confidence(probabilities: Float[Tensor, "*shape classes"]) -> Float[Tensor, "*shape 1"]:
    """Probability of the most likely class, 0..1."""
    return probabilities.amax(dim=-1, keepdim=True)


def washed_out(rgb: Float[Tensor, "*shape 3"]) -> Float[Tensor, "*shape 3"]:
    """A pale grey version of a photograph in 0..1: luminance, squeezed into 0.6..1."""
    luminance = (rgb.clamp(0.0, 1.0) * rgb.new_tensor(_LUMA)).sum(dim=-1, keepdim=True)
    return (_WASHED_OUT_FROM + (1.0 - _WASHED_OUT_FROM) * luminance).expand_as(rgb)


def class_colormap(
    probabilities: Float[Tensor, "*shape classes"],
    colours: UInt8[Tensor, "classes 3"],
    visible: Bool[Tensor, "classes"] | None = None,
    rgb: Float[Tensor, "*shape 3"] | None = None,
) -> Float[Tensor, "*shape 3"]:
    """The colour of the most likely class of each pixel.

    Args:
        probabilities: class probabilities or logits.
        colours: display colours of the classes, 0..255.
        visible: which classes are drawn; None: all of them.
        rgb: the photograph, 0..1, that hidden classes are drawn with.

    Returns:
        RGB in 0..1.

    Raises:
        ValueError: the number of colours or of visibility flags is not the number of classes.
    """
    _check_classes(probabilities.shape[-1], colours, visible)
    ids = most_likely_class(probabilities)
    table = colours.to(probabilities.device, torch.float32) / 255.0
    picture = table[ids]
    if visible is None:
        return picture
    backdrop = torch.full_like(picture, HIDDEN_GREY) if rgb is None else washed_out(rgb.to(picture))
    return torch.where(visible.to(ids.device)[ids].unsqueeze(-1), picture, backdrop)


def class_overlay(
    rgb: Float[Tensor, "*shape 3"],
    probabilities: Float[Tensor, "*shape classes"],
    colours: UInt8[Tensor, "classes 3"],
    visible: Bool[Tensor, "classes"] | None = None,
    alpha: float = 0.5,
) -> Float[Tensor, "*shape 3"]:
    """The class colours laid over a photograph; hidden classes leave the photograph as it is.

    Args:
        rgb: photograph, 0..1.
        probabilities: class probabilities or logits.
        colours: display colours of the classes, 0..255.
        visible: which classes are drawn; None: all of them.
        alpha: share of the class colour, 0..1.

    Returns:
        RGB in 0..1.

    Raises:
        ValueError: alpha outside 0..1, or counts that differ as in :func:`class_colormap`.
    """
    if not 0.0 <= alpha <= 1.0:
        raise ValueError(f"alpha must lie in 0..1, not {alpha}")
    photograph = rgb.clamp(0.0, 1.0)
    blend = (1.0 - alpha) * photograph + alpha * class_colormap(probabilities, colours)
    if visible is None:
        return blend
    _check_classes(probabilities.shape[-1], colours, visible)
    ids = most_likely_class(probabilities)
    return torch.where(visible.to(ids.device)[ids].unsqueeze(-1), blend, photograph)


def label_colours(
    labels: Integer[Tensor, "*shape"],
    colours: UInt8[Tensor, "classes 3"],
    ignored: Float[Tensor, "3"],
) -> Float[Tensor, "*shape 3"]:
    """A label image in its display colours.

    Args:
        labels: class ids, 255 where there is no label.
        colours: display colours of the classes, 0..255.
        ignored: RGB in 0..1 of pixels without a label.

    Raises:
        ValueError: an id beyond the table.
    """
    ids = labels.to(torch.int64)
    beyond = ids[(ids != IGNORE) & ((ids < 0) | (ids >= len(colours)))]
    if beyond.numel():
        raise ValueError(f"label id {int(beyond[0])} is beyond the table, which has the ids 0..{len(colours) - 1}")
    unlabelled = ids == IGNORE
    table = colours.to(ids.device, torch.float32) / 255.0
    picture = table[ids.masked_fill(unlabelled, 0)]
    return torch.where(unlabelled.unsqueeze(-1), ignored.to(picture), picture)


def _check_classes(num_classes: int, colours: Tensor, visible: Tensor | None) -> None:
    if len(colours) != num_classes:
        raise ValueError(f"{num_classes} classes have {len(colours)} colours")
    if visible is not None and len(visible) != num_classes:
        raise ValueError(f"{num_classes} classes have {len(visible)} visibility flags")
