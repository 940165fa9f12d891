"""The confusion matrix of a segmentation and the scores derived from it."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor

from nerfseg_ns.core.class_table import IGNORE

PROTOCOL = (
    "One confusion matrix over all labelled pixels of all views (pixels with label 255 are not counted). "
    "Means are taken over the classes that occur in the labels; classes absent from the labels are left out. "
    "IoU = TP / (TP + FP + FN), accuracy of a class = TP / (TP + FN), F1 = 2 TP / (2 TP + FP + FN), "
    "overall accuracy = correct pixels / labelled pixels, average accuracy = mean accuracy of the classes."
)
"""How the scores are counted, in words; written into every report."""


@dataclass(frozen=True)
class SegmentationScores:
    """Scores of one confusion matrix, all in 0..1, counted as :data:`PROTOCOL` says.

    Args:
        miou: mean intersection over union.
        overall_accuracy: correct pixels / labelled pixels ("total accuracy" in the paper).
        average_accuracy: mean recall of the classes.
        mean_f1: mean F1 of the classes.
        iou: per class; NaN for a class without a labelled pixel.
        accuracy: recall per class; NaN for a class without a labelled pixel.
        f1: per class; NaN for a class without a labelled pixel.
        pixels: labelled pixels per class.
    """

    miou: float
    overall_accuracy: float
    average_accuracy: float
    mean_f1: float
    iou: Float[Tensor, "classes"]
    accuracy: Float[Tensor, "classes"]
    f1: Float[Tensor, "classes"]
    pixels: Int[Tensor, "classes"]


class ConfusionMatrix:
    """Counts of (label, prediction) pairs, kept on the CPU.

    Args:
        num_classes: K, 1..255.

    Attributes:
        counts: int64 [K, K]; row = label, column = prediction.

    Raises:
        ValueError: K outside 1..255.
    """

    counts: Int[Tensor, "classes classes"]

    def __init__(self, num_classes: int) -> None:
        if not 1 <= num_classes <= IGNORE:
            raise ValueError(f"a confusion matrix needs 1..{IGNORE} classes, not {num_classes}")
        self.num_classes = num_classes
        self.counts = torch.zeros(num_classes, num_classes, dtype=torch.int64)

    def update(self, prediction: Integer[Tensor, "*shape"], label: Integer[Tensor, "*shape"]) -> None:
        """Count the pixels of one or more views.

        Args:
            prediction: class ids 0..K-1; what stands at an ignored pixel does not matter.
            label: class ids 0..K-1, or 255 where the pixel has no label.

        Raises:
            ValueError: unlike sizes, values that are not integers, or an id outside 0..K-1.
        """
        if prediction.shape != label.shape:
            raise ValueError(f"prediction {tuple(prediction.shape)} and label {tuple(label.shape)} differ in shape")
        for name, values in (("prediction", prediction), ("label", label)):
            if values.is_floating_point() or values.is_complex() or values.dtype == torch.bool:
                raise ValueError(f"{name} must hold integer class ids, not {values.dtype}")
        counted = label != IGNORE
        rows = label[counted].to(torch.int64)
        columns = prediction[counted].to(torch.int64)
        for name, values in (("prediction", columns), ("label", rows)):
            outside = values[(values < 0) | (values >= self.num_classes)]
            if outside.numel():
                raise ValueError(
                    f"{name} holds class id {int(outside[0])}; the table has the ids 0..{self.num_classes - 1}"
                )
        pairs = torch.bincount(rows * self.num_classes + columns, minlength=self.num_classes**2)
        self.counts += pairs.reshape(self.num_classes, self.num_classes).cpu()

    def scores(self) -> SegmentationScores:
        """The scores of everything counted so far.

        Raises:
            ValueError: no labelled pixel was counted, so no score is defined.
        """
        pixels = self.counts.sum(dim=1)
        if int(pixels.sum()) == 0:
            raise ValueError("no labelled pixel was counted: the scores are not defined")
        labelled = pixels.double()
        predicted = self.counts.sum(dim=0).double()
        correct = self.counts.diagonal().double()
        present = pixels > 0
        absent = torch.full_like(labelled, torch.nan)
        # The divisions are 0/0 only where a class is absent, and torch.where drops exactly those.
        iou = torch.where(present, correct / (labelled + predicted - correct), absent)
        accuracy = torch.where(present, correct / labelled, absent)
        f1 = torch.where(present, 2 * correct / (labelled + predicted), absent)
        return SegmentationScores(
            miou=float(iou.nanmean()),
            overall_accuracy=float(correct.sum() / labelled.sum()),
            average_accuracy=float(accuracy.nanmean()),
            mean_f1=float(f1.nanmean()),
            iou=iou,
            accuracy=accuracy,
            f1=f1,
            pixels=pixels,
        )
