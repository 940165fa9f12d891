"""Pictures of few labels: python scripts/few_labels_picture.py RUN/config.yml [OUT.png].

RUN: a finished nerfseg or nerfseg-lite run on square images, with few labelled views, such as a benchmark's of 1 view
(docs/few-labels.md), or with labels of clicked objects, such as its 30 clicks (docs/clicking.md).
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.data.labelled_views import SparseLabels
from nerfseg_ns.data.semantic_dataset import SemanticDataset
from nerfseg_ns.evaluation.trained_run import load_run
from nerfseg_ns.nerf.model import NerfSegModel
from nerfseg_ns.nerf.propagated_labels import propagated_labels

SIDE, GAP, CAPTION = 320, 6, 28
APART = 0.5
"""The second view is so far along the flight from the labelled one."""


Row = list[tuple[str, np.ndarray]]
"""Captions and pictures."""


def main(config: Path, out: Path | None) -> None:
    """Compose what the labels are, what stage 2 learns from and what comes of it."""
    run = load_run(config, "train")
    dataset, model, table = run.dataset, run.pipeline.model, run.class_table
    if not isinstance(dataset, SemanticDataset) or not isinstance(model, NerfSegModel) or table is None:
        sys.exit(f"{config}: not a run of nerfseg, nerfseg-big or nerfseg-lite with classes")
    colours = np.concatenate([table.colours.numpy(), np.zeros((256 - len(table), 3), np.uint8)])
    if dataset.semantic_views is not None and dataset.semantic_views.outlined:
        rows, name = _clicked(config, dataset, colours), "clicked-classes.png"
    else:
        rows, name = _few(config, dataset, model, run.config.machine.seed, colours), "few-labels.png"
    out = out or Path("docs/pictures") / name
    out.parent.mkdir(parents=True, exist_ok=True)
    _sheet(rows).quantize(256, kmeans=2).save(out, optimize=True)
    print(out)


def _few(config: Path, dataset: SemanticDataset, model: NerfSegModel, seed: int, colours: np.ndarray) -> list[Row]:
    """A labelled view and one without labels: image, classes to learn from, and what came of them."""
    found = propagated_labels(model, dataset, seed)
    painted = next(iter(dataset.labelled_view_indices), None)
    bare = [view for view in found.views if view not in dataset.labelled_view_indices]
    if painted is None or not bare:
        sys.exit(
            f"{config}: some of its training views, not all, have to be labelled; train one with --labelled-views 1"
        )
    other = min(bare, key=lambda view: abs((view - painted) % len(dataset) - APART * len(dataset)))
    rows = []
    for view in (painted, other):
        image = _image(dataset, view)
        classes, sure = _painted(dataset, view) if view == painted else _spread(found.views[view], image.shape[:2])
        shade = np.stack([(255 * sure).astype(np.uint8)] * 3, axis=-1)
        how = "its classes, painted" if view == painted else "its classes, propagated"
        tiles = image, colours[classes], shade, _rendered(model, dataset, view)
        rows.append(list(zip(("a view", how, "how sure they are", "rendered classes"), tiles)))
    return rows


def _clicked(config: Path, dataset: SemanticDataset, colours: np.ndarray) -> list[Row]:
    """The training view that clicks label best, and the test view in the middle of the flight with its true classes."""
    labelled = [(_painted(dataset, view)[1].mean(), view) for view in dataset.labelled_view_indices]
    if not labelled:
        sys.exit(f"{config}: no click labels any of its views")
    test = load_run(config, "test")
    assert isinstance(test.dataset, SemanticDataset) and isinstance(test.pipeline.model, NerfSegModel)
    model, best, middle = test.pipeline.model, max(labelled)[1], len(test.dataset) // 2
    captions = ("a training view", "what clicks labelled", "rendered classes")
    tiles = _image(dataset, best), colours[_painted(dataset, best)[0]], _rendered(model, dataset, best)
    others = _image(test.dataset, middle), _rendered(model, test.dataset, middle)
    truth = colours[_painted(test.dataset, middle)[0]]
    return [
        list(zip(captions, tiles)),
        list(zip(("a test view", "rendered classes", "true classes"), (*others, truth))),
    ]


def _sheet(rows: list[Row]) -> Image.Image:
    """The rows below each other, each picture under its caption."""
    columns = max(len(row) for row in rows)
    sheet = Image.new("RGB", (columns * (SIDE + GAP) - GAP, len(rows) * (CAPTION + SIDE)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    for number, row in enumerate(rows):
        for column, (caption, tile) in enumerate(row):
            left, top = column * (SIDE + GAP), number * (CAPTION + SIDE)
            draw.text((left + SIDE // 2, top + CAPTION // 2), caption, "black", font=font, anchor="mm")
            kernel = Image.Resampling.LANCZOS if column == 0 else Image.Resampling.NEAREST
            sheet.paste(Image.fromarray(tile).resize((SIDE, SIDE), kernel), (left, top + CAPTION))
    return sheet


def _image(dataset: SemanticDataset, view: int) -> np.ndarray:
    return (255 * dataset.get_image_float32(view)[..., :3]).round().byte().numpy()


def _painted(dataset: SemanticDataset, view: int) -> tuple[np.ndarray, np.ndarray]:
    classes = dataset.get_semantics(view)[..., 0].numpy()
    return classes, (classes != IGNORE).astype(np.float32)


def _spread(labels: SparseLabels, size: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Classes and certainty of a lattice, each pixel those of the lattice pixel before it."""
    y, x = labels.pixels.numpy().T
    rows, columns = np.unique(y), np.unique(x)
    classes, sure = np.full(size, IGNORE, np.uint8), np.zeros(size, np.float32)
    classes[y, x], sure[y, x] = labels.classes.numpy(), labels.certainty.numpy() / 255
    down = rows[np.searchsorted(rows, np.arange(size[0]), side="right") - 1]
    across = columns[np.searchsorted(columns, np.arange(size[1]), side="right") - 1]
    return classes[down[:, None], across], sure[down[:, None], across]


@torch.no_grad()
def _rendered(model: NerfSegModel, dataset: SemanticDataset, view: int) -> np.ndarray:
    camera = dataset.cameras[view : view + 1].to(model.device)
    return (255 * model.get_outputs_for_camera(camera)["semantics_colormap"]).round().byte().cpu().numpy()


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
