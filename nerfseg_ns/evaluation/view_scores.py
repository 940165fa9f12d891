"""Rendering the views of a split and scoring them."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from jaxtyping import UInt8
from torch import Tensor

from nerfseg_ns.core.class_table import IGNORE, ClassTable
from nerfseg_ns.core.confusion import ConfusionMatrix
from nerfseg_ns.core.image_quality import psnr, ssim


class RendersCameras(Protocol):
    """What is scored: anything with nerfstudio's rendering method."""

    def get_outputs_for_camera(self, camera: Any) -> dict[str, Tensor]:
        """rgb [h, w, 3] in 0..1 and, once semantics is learned, semantics [h, w, classes] (probabilities)."""


@dataclass(frozen=True)
class ViewScore:
    """Figures of one view.

    Args:
        name: file stem of the view.
        psnr: decibels.
        ssim: -1..1.
        overall_accuracy: share of its labelled pixels that are right; None without labels or semantics.
    """

    name: str
    psnr: float
    ssim: float
    overall_accuracy: float | None


@dataclass(frozen=True)
class ShownView:
    """Pictures of one view, kept for the contact sheet.

    Args:
        score: its figures.
        image: captured RGB.
        rendered: rendered RGB.
        label: class ids, 255 unlabelled; None when the view has no label image.
        prediction: class ids; None when the model renders no semantics.
    """

    score: ViewScore
    image: UInt8[Tensor, "h w 3"]
    rendered: UInt8[Tensor, "h w 3"]
    label: UInt8[Tensor, "h w"] | None
    prediction: UInt8[Tensor, "h w"] | None


@dataclass
class SplitScores:
    """Scores of all views of a split.

    Args:
        confusion: over all labelled pixels; None when the model renders no semantics.
        views: figures of each view.
        shown: the views kept for the contact sheet.
        labelled_views: how many views had a labelled pixel.
        seconds: wall time of rendering and scoring.
    """

    confusion: ConfusionMatrix | None = None
    views: list[ViewScore] = field(default_factory=list)
    shown: list[ShownView] = field(default_factory=list)
    labelled_views: int = 0
    seconds: float = 0.0

    @property
    def psnr(self) -> float:
        """Mean PSNR of the views, decibels."""
        return sum(view.psnr for view in self.views) / len(self.views)

    @property
    def ssim(self) -> float:
        """Mean SSIM of the views."""
        return sum(view.ssim for view in self.views) / len(self.views)


def evenly_spread(candidates: Sequence[int], count: int) -> list[int]:
    """At most ``count`` of the candidates, evenly spread, first and last among them.

    Example:
        >>> evenly_spread(range(16), 4)
        [0, 5, 10, 15]
    """
    if len(candidates) <= count:
        return list(candidates)
    if count == 1:
        return [candidates[len(candidates) // 2]]
    return [candidates[round(i * (len(candidates) - 1) / (count - 1))] for i in range(count)]


@torch.no_grad()
def score_views(
    model: RendersCameras,
    views: Iterable[tuple[Any, dict[str, Any]]],
    names: Sequence[str],
    class_table: ClassTable | None,
    shown: Collection[int] = (),
    after_view: Callable[[], None] = lambda: None,
) -> SplitScores:
    """Render every view and score it.

    PSNR and SSIM are taken over whole views. Pixels that a view's mask leaves out do not count for semantics.

    Args:
        model: renders the views.
        views: camera and batch of each view; batch holds ``image`` [h, w, 3 or 4] float in 0..1 and, for a labelled
            view, ``semantics`` [h, w, 1] uint8; optionally ``mask`` [h, w, 1].
        names: file stems of the views, in the same order.
        class_table: the scene's classes; None: no semantics is scored.
        shown: indices of the views whose pictures are kept.
        after_view: called after each view (progress).

    Raises:
        ValueError: a rendered view whose size is not its image's, or a class id beyond the table.
    """
    result = SplitScores()
    start = time.perf_counter()
    for index, (camera, batch) in enumerate(views):
        outputs = model.get_outputs_for_camera(camera)
        rendered = outputs["rgb"].float().cpu()
        image = batch["image"][..., :3].float().cpu()
        if rendered.shape != image.shape:
            raise ValueError(f"view {names[index]}: rendered {tuple(rendered.shape)}, image {tuple(image.shape)}")
        label = _label_of(batch)
        prediction = accuracy = None
        if class_table is not None and "semantics" in outputs:
            prediction = outputs["semantics"].argmax(dim=-1).cpu()
            if result.confusion is None:
                result.confusion = ConfusionMatrix(len(class_table))
            if label is not None and bool((label != IGNORE).any()):
                result.confusion.update(prediction, label)
                result.labelled_views += 1
                labelled = label != IGNORE
                accuracy = float((prediction == label)[labelled].double().mean())
        score = ViewScore(names[index], psnr(rendered, image), ssim(rendered, image), accuracy)
        result.views.append(score)
        if index in shown:
            pictures = [(picture.clamp(0.0, 1.0) * 255.0).round().to(torch.uint8) for picture in (image, rendered)]
            ids = None if prediction is None else prediction.to(torch.uint8)
            result.shown.append(ShownView(score, pictures[0], pictures[1], label, ids))
        after_view()
    result.seconds = time.perf_counter() - start
    return result


def _label_of(batch: dict[str, Any]) -> UInt8[Tensor, "h w"] | None:
    if "semantics" not in batch:
        return None
    label = batch["semantics"].squeeze(-1).cpu()
    if "mask" in batch:
        label = label.masked_fill(~batch["mask"].squeeze(-1).bool().cpu(), IGNORE)
    return label
