"""Row kind ``image-network``: a 2D network trained on the labelled views alone, or on rendered views as well."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nerfseg_ns.benchmark.label_budget import LabelBudget
from nerfseg_ns.benchmark.row_kinds import MeasuredRow, RowKind, RowPlace, TableText
from nerfseg_ns.core.input_error import InputError


@dataclass(frozen=True)
class ImageNetwork(LabelBudget):
    """What a row of this kind measures, besides its :class:`LabelBudget`.

    Args:
        network: see :class:`~nerfseg_ns.benchmark.image_networks.ImageSegmenter`.
        width: channels of the U-Net's first level.
        pretrained: start the DeepLabv3 encoder from ImageNet weights.
        steps: of training.
        batch: crops in a step.
        crop: side of the crops in pixels.
        learning_rate: of AdamW at its highest; it falls to 0 by the power 0.9.
        precision: of the training; ``bfloat16``: twice as fast on CPUs and GPUs that have it, slower on others.
        balance: classes count in the loss by their frequency to minus this power; 0: every pixel counts the same.
        rendered_from: name of an earlier row whose run renders further views with labels; never from the test cameras.
        rendered_views: how many.
        with_captured: the captured training views without labels, with those that this run predicts, count among them.
        rendered_share: share of the crops that come from them.
        seed: of all random numbers.
        device: where to train; ``auto``: the GPU when there is one.

    Raises:
        InputError: a number out of range.
    """

    network: Literal["unet", "deeplabv3-mobilenet", "deeplabv3-resnet50"] = "unet"
    width: int = 16
    pretrained: bool = False
    steps: int = 1500
    batch: int = 4
    crop: int = 128
    learning_rate: float = 1e-3
    precision: Literal["float32", "bfloat16"] = "float32"
    balance: float = 0.5
    rendered_from: str | None = None
    rendered_views: int = 60
    with_captured: bool = False
    rendered_share: float = 0.5
    seed: int = 42
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("width", 1), ("steps", 1), ("batch", 2), ("crop", 32), ("rendered_views", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} {getattr(self, name)}: expected {least} or more")
        if self.with_captured and self.rendered_from is None:
            raise InputError("with_captured: expected rendered_from as well, the run that labels the captured views")
        if not self.learning_rate > 0:
            raise InputError(f"learning_rate {self.learning_rate:g}: expected above 0")
        for name in ("balance", "rendered_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InputError(f"{name} {getattr(self, name):g}: expected 0 to 1")


def _check(settings: ImageNetwork, data: Path | None) -> None:
    import torch

    from nerfseg_ns.benchmark.image_networks import ImageSegmenter

    if settings.device == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda: torch finds no GPU here; accepted: auto, cpu")
    if settings.network == "unet":  # the others are torchvision's; their weights are fetched when the row is measured
        ImageSegmenter(settings.network, 2, 1, settings.pretrained)


def _measure(settings: ImageNetwork, place: RowPlace) -> dict[str, Any]:
    from nerfseg_ns.benchmark.image_network_run import measure_image_network  # imports nerfstudio

    return measure_image_network(settings, place)


def _table(rows: Sequence[MeasuredRow], baseline: MeasuredRow | None) -> TableText:
    cells = [["", "mIoU", "overall accuracy", "labelled views", "rendered views", "steps", "training"]]
    for row in rows:
        result = row.result
        cells.append(
            [
                row.name,
                f"{result['miou']:.3f}",
                f"{result['overall_accuracy']:.3f}",
                str(result["labelled_views"]),
                " + ".join(
                    [str(result["rendered_views"] or "–")]
                    + [f"{count} captured" for count in [result.get("captured_views", 0)] if count]
                ),
                str(row.settings["steps"]),
                f"{result['training_seconds']:.0f} s",
            ]
        )
    remarks = dict.fromkeys(remark for row in rows for remark in row.result["remarks"])
    note = "2D networks, scored on the captured images of the test views."
    return TableText(cells, " ".join([note, *(f"{remark.capitalize()}." for remark in remarks)]))


image_network = RowKind(
    settings=ImageNetwork,
    check=_check,
    measure=_measure,
    table=_table,
    references=("rendered_from", "labels_of"),
)
