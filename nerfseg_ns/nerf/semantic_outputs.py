"""What the models of both kinds, fields and Gaussians, say of classes: outputs, losses, records of views."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from nerfstudio.utils import colormaps
from torch import Tensor

from nerfseg_ns.core.class_colours import class_colormap, class_confidence, class_overlay, label_colours
from nerfseg_ns.core.class_table import IGNORE, ClassTable
from nerfseg_ns.core.confusion import ConfusionMatrix
from nerfseg_ns.core.image_quality import psnr, ssim
from nerfseg_ns.core.semantic_network import semantic_loss


def class_outputs(
    logits: Float[Tensor, "*pixels classes"],
    rgb: Float[Tensor, "*pixels 3"],
    class_table: ClassTable,
    visible: Bool[Tensor, " classes"],
) -> dict[str, Tensor]:
    """The outputs ``semantics`` (probabilities), ``semantics_colormap``, ``_confidence`` and ``_overlay``.

    Args:
        logits: of each pixel.
        rgb: its rendered colour.
        class_table: the classes.
        visible: those that the viewer shows.
    """
    probabilities = torch.softmax(logits.float(), dim=-1)
    colours = class_table.colours
    if len(class_table) == 2:  # nerfstudio cannot show two channels: a third, empty one
        probabilities = F.pad(probabilities, (0, 1))
        colours, visible = F.pad(colours, (0, 0, 0, 1)), F.pad(visible, (0, 1), value=True)
    return {
        "semantics": probabilities,
        "semantics_colormap": class_colormap(probabilities, colours, visible, rgb),
        "semantics_confidence": class_confidence(probabilities),
        "semantics_overlay": class_overlay(rgb, probabilities, colours, visible),
    }


def class_losses(
    logits: Float[Tensor, "rays classes"],
    colour_logits: Float[Tensor, "rays classes"] | None,
    labels: UInt8[Tensor, "rays 1"],
    c2s_loss_mult: float,
    certainty: Float[Tensor, "rays 1"] | None = None,
) -> dict[str, Tensor]:
    """Cross-entropies of both heads; see :func:`~nerfseg_ns.core.semantic_network.semantic_loss`."""
    labels = labels.to(logits.device)
    losses = {"semantic_loss": semantic_loss(logits, labels, certainty)}
    if colour_logits is not None:
        losses["colour_semantic_loss"] = c2s_loss_mult * semantic_loss(colour_logits, labels, certainty)
    return losses


def label_accuracy(logits: Float[Tensor, "rays classes"], labels: UInt8[Tensor, "rays 1"]) -> Float[Tensor, ""]:
    """Share of the labelled rays whose class is right."""
    labels = labels.to(logits.device).squeeze(-1)
    labelled = labels != IGNORE
    return ((logits.argmax(dim=-1) == labels) & labelled).sum() / labelled.sum().clamp(min=1)


def view_record(
    outputs: dict[str, Any], batch: dict[str, Any], class_table: ClassTable | None, confusion: ConfusionMatrix | None
) -> tuple[dict[str, float], dict[str, Tensor]]:
    """PSNR and SSIM of an evaluated view, and its pictures; its labels go into the confusion matrix, if there is one.

    Args:
        outputs: of the whole view.
        batch: ``image``, and where the data has them ``semantics`` and ``mask``.
        class_table: the classes, None without any.
        confusion: of a whole data set.
    """
    rgb = outputs["rgb"]
    image = batch["image"].to(rgb)[..., :3]
    metrics = {"psnr": psnr(rgb, image), "ssim": ssim(rgb, image)}
    pictures = {
        "img": torch.cat([image, rgb], dim=1),
        "accumulation": colormaps.apply_colormap(outputs["accumulation"]),
        "depth": colormaps.apply_depth_colormap(outputs["depth"], accumulation=outputs["accumulation"]),
    }
    if "semantics" in outputs and class_table is not None:
        labels = batch["semantics"].to(rgb.device).squeeze(-1)
        if "mask" in batch:
            labels = labels.masked_fill(~batch["mask"].to(rgb.device).squeeze(-1).bool(), IGNORE)
        if confusion is not None:
            confusion.update(outputs["semantics"].argmax(dim=-1), labels)
        colours = class_table.colours
        # not the output semantics_colormap: a class hidden in the viewer is not hidden in the records
        pictures["semantics"] = torch.cat(
            [label_colours(labels, colours, torch.ones(3)), class_colormap(outputs["semantics"], colours)], dim=1
        )
    return metrics, pictures
