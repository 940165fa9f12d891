"""Trains and scores one row of kind ``image-network``."""

import math
import shutil
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor
from torch.nn.functional import cross_entropy

from nerfseg_ns.benchmark.image_augmentation import Augmentation, LabelledImage
from nerfseg_ns.benchmark.image_network import ImageNetwork
from nerfseg_ns.benchmark.image_networks import ImageSegmenter
from nerfseg_ns.benchmark.row_kinds import RowPlace
from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.confusion import ConfusionMatrix
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.progress_bar import progress_bar
from nerfseg_ns.data.semantic_dataset import SemanticDataset
from nerfseg_ns.evaluation.report import semantic_figures

CURVE_POINTS = 20
"""The loss is noted as its mean over so many equal parts of the training."""
_WARMUP = 0.02
_WEIGHT_DECAY = 1e-4


def measure_image_network(settings: ImageNetwork, place: RowPlace) -> dict[str, Any]:
    """Train a network and score it on the test views, which are read only when it is trained.

    Returns:
        What :func:`~nerfseg_ns.evaluation.report.semantic_figures` says, ``test_views``, ``labelled_pixels``,
        ``train_views``, ``labelled_views``, ``rendered_views`` (new ones, listed by the export) and ``captured_views``
        (likewise, with predicted labels), ``image_size``, ``parameters``, ``training_seconds``, ``loss_curve``,
        ``device`` and ``remarks`` for the note of tables.

    Raises:
        InputError: a scene without labels, a missing package, or a row of ``rendered_from`` without a finished run.
    """
    train = settings.dataset(place, "train")
    views = train.semantic_views
    if views is None or not len(views.class_table) or not train.labelled_view_indices:
        raise InputError(f"{place.data}: no training view has a label, so there is nothing to learn from")
    captured = [labelled_image(train, index) for index in train.labelled_view_indices]
    rendered, predicted_in = ([], []) if settings.rendered_from is None else _rendered(settings, place, train)
    device = torch.device("cuda" if torch.cuda.is_available() and settings.device != "cpu" else "cpu")
    torch.manual_seed(settings.seed)
    network = ImageSegmenter(settings.network, len(views.class_table), settings.width, settings.pretrained)
    network = network.to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster on CPUs, the U-Net most
    start = time.perf_counter()
    curve = train_network(network, captured, [*rendered, *predicted_in], settings, len(views.class_table))
    seconds = time.perf_counter() - start

    test = settings.dataset(place, "test")
    confusion = ConfusionMatrix(len(views.class_table))
    network.eval()
    for index in test.labelled_view_indices:
        image = labelled_image(test, index)
        confusion.update(predicted(network, image), image.labels)
    width, height = int(test.cameras.width[0]), int(test.cameras.height[0])
    start_weights = "from ImageNet weights" if settings.pretrained else "from random weights, without pretraining"
    return {
        **semantic_figures(confusion, views.class_table),
        "test_views": len(test),
        "labelled_pixels": int(confusion.counts.sum()),
        "train_views": len(train),
        "labelled_views": len(captured),
        "rendered_views": len(rendered),
        "captured_views": len(predicted_in),
        "image_size": [width, height],
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "training_seconds": seconds,
        "loss_curve": curve,
        "device": str(device),
        "remarks": [f"starts {start_weights}"],
    }


def labelled_image(dataset: SemanticDataset, index: int) -> LabelledImage:
    """A view of a data set, without the labels of what its mask leaves out."""
    data = dataset.get_data(index, image_type="uint8")
    labels = data["semantics"][..., 0]
    if "mask" in data:
        labels = labels.masked_fill(~data["mask"][..., 0], IGNORE)
    return LabelledImage(data["image"][..., :3], labels)


def train_network(
    network: ImageSegmenter,
    captured: Sequence[LabelledImage],
    rendered: Sequence[LabelledImage],
    settings: ImageNetwork,
    num_classes: int,
) -> list[float]:
    """Train a network in place.

    Args:
        network: on the device where it is trained.
        captured: labelled views.
        rendered: rendered views with predicted labels; may be empty.
        settings: of the row.
        num_classes: of the scene.

    Returns:
        The mean loss over each of :data:`CURVE_POINTS` equal parts of the training.

    Raises:
        InputError: no crop had a label, or the training diverged.
    """
    device = network.mean.device
    generator = torch.Generator().manual_seed(settings.seed)
    augmentation = Augmentation()
    weights = class_weights([*captured, *rendered], settings.balance, num_classes).to(device)
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=_WEIGHT_DECAY)
    warmup = max(1, round(_WARMUP * settings.steps))

    def rate(step: int) -> float:
        rising = min(1.0, (step + 1) / warmup)
        return float(rising * (1.0 - step / settings.steps) ** 0.9)

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    network.train()
    losses = []
    with progress_bar() as progress:
        task = progress.add_task(f"training {settings.network}", total=settings.steps)
        for _ in range(settings.steps):
            chosen = []
            for _ in range(settings.batch):
                where, which = torch.rand(2, generator=generator).tolist()
                source = rendered if rendered and where < settings.rendered_share else captured
                chosen.append(source[int(which * len(source))])
            colours, labels = augmentation.crops(chosen, settings.crop, generator)
            if bool((labels != IGNORE).any()):
                with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
                    scores = network(colours.to(device, memory_format=torch.channels_last))
                loss = cross_entropy(scores.float(), labels.to(device), weights, ignore_index=IGNORE)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(float(loss.detach()))
                if not math.isfinite(losses[-1]):
                    raise InputError(f"the loss is {losses[-1]} after {len(losses)} steps; lower learning_rate")
            schedule.step()
            progress.advance(task)
    if not losses:
        raise InputError("no crop had a labelled pixel; raise crop, or give more labels")
    parts = np.array_split(np.array(losses), min(CURVE_POINTS, len(losses)))
    return [round(float(statistics.fmean(part)), 4) for part in parts]


def class_weights(images: Sequence[LabelledImage], balance: float, classes: int) -> Float[Tensor, " classes"]:
    """Weights of classes in the loss: frequency to the power of -balance; their mean over the labelled pixels is 1."""
    counts = sum(torch.bincount(image.labels.reshape(-1).int(), minlength=256) for image in images)
    assert isinstance(counts, Tensor)
    shares = counts[:classes].double() / counts[:classes].sum().clamp(min=1)
    weights = torch.where(shares > 0, shares.clamp(min=1e-12) ** -balance, 0.0)
    return (weights / (weights * shares).sum()).float()


@torch.no_grad()
def predicted(network: ImageSegmenter, image: LabelledImage) -> Tensor:
    """The class ids [h, w] that a network gives to the pixels of an image, on the CPU."""
    colours = image.colours.permute(2, 0, 1)[None].float() / 255.0
    return network(colours.to(network.mean.device))[0].argmax(dim=0).cpu()


def _rendered(
    settings: ImageNetwork, place: RowPlace, train: SemanticDataset
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """New views of the run of ``rendered_from`` and, if asked, captured ones without labels: both with its labels."""
    from nerfseg_ns.exports.dataset import DatasetOptions, export_dataset
    from nerfseg_ns.exports.dataset_views import CAPTURED
    from nerfseg_ns.selection.view_names import view_names

    assert settings.rendered_from is not None
    folder = place.run_folder(place.name) / "rendered"
    if folder.exists():
        shutil.rmtree(folder)
    export_dataset(
        DatasetOptions(
            load_config=place.finished_run(settings.rendered_from),
            output_dir=folder,
            views=settings.rendered_views,
            with_captured=settings.with_captured,
            val_share=0.0,
            seed=settings.seed,
        )
    )
    listed = [name for name in (folder / "train.txt").read_text(encoding="utf-8").split("\n") if name]
    captured = {f"{CAPTURED}/{name}": index for index, name in enumerate(view_names(train.image_filenames))}
    unlabelled = {name: index for name, index in captured.items() if index not in train.labelled_view_indices}
    return (
        [_exported(folder, name) for name in listed if name not in captured],
        [_masked(_exported(folder, name), train.get_mask(unlabelled[name])) for name in listed if name in unlabelled],
    )


def _masked(image: LabelledImage, mask: Bool[Tensor, "h w 1"] | None) -> LabelledImage:
    return image if mask is None else LabelledImage(image.colours, image.labels.masked_fill(~mask[..., 0], IGNORE))


def _exported(folder: Path, name: str) -> LabelledImage:
    with Image.open(folder / "images" / f"{name}.png") as image, Image.open(folder / "masks" / f"{name}.png") as mask:
        return LabelledImage(torch.from_numpy(np.array(image.convert("RGB"))), torch.from_numpy(np.array(mask)))
