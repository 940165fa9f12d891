"""docs/few-labels.md's picture: python scripts/few_labels_picture.py RUN/config.yml [OUT.png].

RUN: a finished nerfseg or nerfseg-lite run on square images with few labelled views, such as a benchmark's of 1 view.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.data.labelled_views import SparseLabels
from nerfseg_ns.data.semantic_dataset import SemanticDataset
from nerfseg_ns.evaluation.trained_run import LoadedRun, load_run
from nerfseg_ns.nerf.model import NerfSegModel
from nerfseg_ns.nerf.propagated_labels import propagated_labels

SIDE, GAP, CAPTION = 320, 6, 28
COLUMNS = ("a view", "its classes: painted, or propagated", "how sure they are", "rendered classes")
APART = 0.5
"""The second view is so far along the flight from the labelled one."""


def main(config: Path, out: Path) -> None:
    """Compose a labelled view and one without labels: image, classes to learn from, and what came of them."""
    run = load_run(config, "train")
    dataset, model, table = run.dataset, run.pipeline.model, run.class_table
    if not isinstance(dataset, SemanticDataset) or not isinstance(model, NerfSegModel) or table is None:
        sys.exit(f"{config}: not a run of nerfseg, nerfseg-big or nerfseg-lite with classes")
    found = propagated_labels(model, dataset, run.config.machine.seed)
    painted = next(iter(dataset.labelled_view_indices), None)
    bare = [view for view in found.views if view not in dataset.labelled_view_indices]
    if painted is None or not bare:
        sys.exit(
            f"{config}: some of its training views, not all, have to be labelled; train one with --labelled-views 1"
        )
    other = min(bare, key=lambda view: abs((view - painted) % len(dataset) - APART * len(dataset)))
    colours = np.concatenate([table.colours.numpy(), np.zeros((256 - len(table), 3), np.uint8)])
    rows = []
    for view in (painted, other):
        image = (255 * dataset.get_image_float32(view)[..., :3]).round().byte().numpy()
        classes, sure = _painted(dataset, view) if view == painted else _spread(found.views[view], image.shape[:2])
        shade = (255 * sure).astype(np.uint8)
        rows.append((image, colours[classes], np.stack([shade] * 3, axis=-1), _rendered(run, model, view)))

    size = (len(COLUMNS) * (SIDE + GAP) - GAP, CAPTION + len(rows) * (SIDE + GAP) - GAP)
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    for column, title in enumerate(COLUMNS):
        draw.text((column * (SIDE + GAP) + SIDE // 2, CAPTION // 2), title, "black", font=font, anchor="mm")
    for row, tiles in enumerate(rows):
        for column, tile in enumerate(tiles):
            kernel = Image.Resampling.LANCZOS if column == 0 else Image.Resampling.NEAREST
            picture = Image.fromarray(tile).resize((SIDE, SIDE), kernel)
            sheet.paste(picture, (column * (SIDE + GAP), CAPTION + row * (SIDE + GAP)))
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(256, kmeans=2).save(out, optimize=True)
    print(out)


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
def _rendered(run: LoadedRun, model: NerfSegModel, view: int) -> np.ndarray:
    camera = run.dataset.cameras[view : view + 1].to(model.device)
    return (255 * model.get_outputs_for_camera(camera)["semantics_colormap"]).round().byte().cpu().numpy()


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "docs/pictures/few-labels.png"))
