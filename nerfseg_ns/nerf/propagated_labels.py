"""Classes of the training views' unlabelled pixels, from the labelled ones and the geometry of stage 1."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.label_propagation import MOST_EXAMPLES, LabelPropagation, SeenPixels
from nerfseg_ns.core.open_sky import away_from, sky_class, sky_examples
from nerfseg_ns.core.progress_bar import progress_bar
from nerfseg_ns.core.standing_things import with_blurred_shapes
from nerfseg_ns.data.labelled_views import SparseLabels
from nerfseg_ns.data.semantic_dataset import SemanticDataset
from nerfseg_ns.nerf.lattice_looks import (
    LEAST_STRIDE,
    Lattice,
    SeenSurface,
    land_of,
    lattice_looks,
    lattice_spacing,
    pixel_mask,
    seen_surface,
)
from nerfseg_ns.nerf.model import NerfSegModel

MOST_VIEWS = 128
"""Views that get propagated labels, the labelled ones among them, spread evenly over the trajectory."""
MOST_PIXELS = 1 << 20
"""Pixels of all views together whose surfaces are rendered: a minute or two on a CPU."""
FEW_KNOWN = 20_000
"""With fewer labelled pixels than this on the lattice (scribbles), the labelled views are looked at more closely: in
every pixel, or in as many as :data:`MOST_PIXELS` allows, labelled ones first."""
SKY_APART = 2.0
"""Spacings that examples of an unlabelled sky keep from labelled surfaces."""


@dataclass(frozen=True)
class PropagatedLabels:
    """What was propagated.

    Args:
        views: view -> classes of pixels that have no label.
        unlabelled_share: of all pixels of the views, masked ones aside: those without a label, 0..1.
    """

    views: dict[int, SparseLabels]
    unlabelled_share: float


def propagated_labels(
    model: NerfSegModel, dataset: SemanticDataset, seed: int = 0, shown: bool = True
) -> PropagatedLabels:
    """Class and certainty of pixels without a label, on a lattice in every view.

    Args:
        model: with the geometry of a finished stage 1.
        dataset: the training views.
        seed: of the choice of examples, and of the classifier of looks.
        shown: draw progress bars.

    Returns:
        Labels of lattice pixels that have none and are not masked; of no view at all when every pixel of every view has
        a label, or none has.
    """
    nothing = PropagatedLabels({}, 0.0)
    views, labelled = _spread(len(dataset), dataset.labelled_view_indices)
    sizes = {view: (int(dataset.cameras.height[view]), int(dataset.cameras.width[view])) for view in views}
    masks = {view: pixel_mask(dataset, view) for view in labelled}
    labels = {view: _label(dataset, view, masks[view]) for view in labelled}
    if len(dataset.labelled_view_indices) == len(dataset) and not any(
        _gaps(labels[view], masks[view]).any() for view in labels
    ):
        return nothing  # every pixel has a label
    if not any((label != IGNORE).any() for label in labels.values()):
        return nothing  # none has; stage 2 says so
    stride, close = _strides(sizes, labels)
    lattices = {
        view: Lattice.over(sizes[view], close, labels[view] if close != stride else None)
        if view in labels
        else Lattice.over(sizes[view], stride, None)
        for view in views
    }
    mode = model.training
    model.eval()
    try:
        with progress_bar(shown) as bar:
            surfaces = {
                view: seen_surface(model, dataset, view, lattices[view])
                for view in bar.track(views, description="surfaces of the views")
            }
            spacing = lattice_spacing(surfaces, lattices, stride)
            land = land_of(list(surfaces.values()), spacing)
            looks = {
                view: lattice_looks(dataset, view, lattices[view], surfaces[view], land, stride)
                for view in bar.track(views, description="looks of the views")
            }
            taking_part = {view: _taking_part(dataset, view, lattices[view]) for view in views}
            wanted = {
                view: taking_part[view] & (labels[view][lattices[view].y, lattices[view].x] == IGNORE)
                if view in labels
                else taking_part[view]
                for view in views
            }
            sky = _unlabelled_sky(dataset, labels)
            clicked = _outlined(dataset)
            learned = _learn(looks, lattices, surfaces, labels, wanted, sky, spacing, seed, clicked)
            found, asked, seen = {}, 0, 0
            for view in bar.track(views, description="classes of unlabelled pixels"):
                area = lattices[view].stride ** 2
                asked += int(wanted[view].sum()) * area
                seen += int(taking_part[view].sum()) * area
                if wanted[view].any():
                    beside = wanted[view] & (view in labels and clicked)
                    if sky is not None:  # which has examples, but no outline
                        beside &= ~surfaces[view].sky
                    found[view] = _classify(lattices[view], surfaces[view], looks[view], wanted[view], learned, beside)
    finally:
        model.train(mode)
    return PropagatedLabels(found, asked / max(seen, 1))


def _spread(count: int, labelled: Sequence[int]) -> tuple[list[int], list[int]]:
    """Views to look at, ascending, and the labelled ones among them.

    All labelled ones, or half of :data:`MOST_VIEWS` where that is fewer, and as many others as fit, each spread evenly.
    """
    others = sorted(set(range(count)) - set(labelled))
    room = max(MOST_VIEWS // 2, MOST_VIEWS - len(others))
    chosen = _evenly(labelled, room)
    return sorted([*chosen, *_evenly(others, MOST_VIEWS - len(chosen))]), chosen


def _evenly(views: Sequence[int], most: int) -> list[int]:
    room = min(most, len(views))
    return [views[int((i + 0.5) * len(views) / room)] for i in range(room)]


def _taking_part(dataset: SemanticDataset, view: int, lattice: Lattice) -> Bool[np.ndarray, "h w"]:
    mask = pixel_mask(dataset, view)
    return np.ones(lattice.y.shape, bool) if mask is None else mask[lattice.y, lattice.x]


def _label(
    dataset: SemanticDataset, view: int, mask: Bool[np.ndarray, "rows columns"] | None
) -> UInt8[np.ndarray, "rows columns"]:
    label: UInt8[np.ndarray, "rows columns"] = dataset.get_semantics(view).numpy()[..., 0]
    return label if mask is None else np.where(mask, label, np.uint8(IGNORE))


def _unlabelled_sky(dataset: SemanticDataset, labels: dict[int, UInt8[np.ndarray, "rows columns"]]) -> int | None:
    """The class of the sky where no label has it."""
    semantics = dataset.semantic_views
    if semantics is None:
        return None
    return sky_class(semantics.class_table, {int(found) for label in labels.values() for found in np.unique(label)})


def _outlined(dataset: SemanticDataset) -> bool:
    return dataset.semantic_views is not None and dataset.semantic_views.outlined


def _gaps(
    label: UInt8[np.ndarray, "rows columns"], mask: Bool[np.ndarray, "rows columns"] | None
) -> Bool[np.ndarray, "rows columns"]:
    return label == IGNORE if mask is None else (label == IGNORE) & mask


def _strides(
    sizes: dict[int, tuple[int, int]], labels: dict[int, UInt8[np.ndarray, "rows columns"]]
) -> tuple[int, int]:
    """Strides of the lattices: of unlabelled views, even, and of labelled ones, a divisor of it."""
    pixels = sum(height * width for height, width in sizes.values())
    stride = max(LEAST_STRIDE, 2 * math.ceil(math.sqrt(pixels / MOST_PIXELS) / 2))
    if sum(int((label[::stride, ::stride] != IGNORE).sum()) for label in labels.values()) >= FEW_KNOWN:
        return stride, stride
    closest = math.ceil(math.sqrt(sum(label.size for label in labels.values()) / MOST_PIXELS))
    return stride, next(close for close in range(1, stride + 1) if stride % close == 0 and close >= closest)


def _learn(
    looks: dict[int, tuple[np.ndarray, np.ndarray]],
    lattices: dict[int, Lattice],
    surfaces: dict[int, SeenSurface],
    labels: dict[int, UInt8[np.ndarray, "rows columns"]],
    wanted: dict[int, Bool[np.ndarray, "h w"]],
    sky: int | None,
    spacing: float,
    seed: int,
    clicked: bool,
) -> LabelPropagation:
    """From labelled pixels, others that show the same surfaces, what is sure without a label, and an unlabelled sky."""
    columns: list[list[np.ndarray]] = [[], [], [], []]
    for view, label in labels.items():
        classes = label[lattices[view].y, lattices[view].x]
        chosen = classes != IGNORE
        for column, values in zip(columns, (surfaces[view].points, *looks[view], classes)):
            column.append(values[chosen])
    points, colours, features, classes = (np.concatenate(column) for column in columns)
    unlabelled = _some_looks(looks, wanted, seed)
    if clicked:  # few things, and classes as frequent as somebody clicked them
        features = with_blurred_shapes(features, seed)
        unlabelled = with_blurred_shapes(unlabelled, seed + 1)
    bare_views = {view: of_view for view, of_view in wanted.items() if view not in labels}
    others = _pixels(bare_views, surfaces, looks)
    if sky is not None:
        open_air = {view: of_view & surfaces[view].sky for view, of_view in wanted.items()}
        total = sum(int(of_view.sum()) for of_view in wanted.values())
        above = _pixels(open_air, surfaces, looks)
        rows = sky_examples(away_from(points, above.points, SKY_APART * spacing), total, len(classes), seed)
        points = np.concatenate([points, above.points[rows]])
        colours = np.concatenate([colours, above.colours[rows]])
        features = np.concatenate([features, above.features[rows]])
        classes = np.concatenate([classes, np.full(len(rows), sky, classes.dtype)])
    return LabelPropagation(
        points, colours, features, classes, spacing, seed, others, frequencies_count=not clicked, unlabelled=unlabelled
    )


def _some_looks(
    looks: dict[int, tuple[np.ndarray, np.ndarray]], wanted: dict[int, Bool[np.ndarray, "h w"]], seed: int
) -> Float[np.ndarray, "pixels features"]:
    """Looks of as many unlabelled pixels as the classifier learns from, chosen evenly from all views."""
    generator, total = np.random.default_rng(seed), sum(int(of_view.sum()) for of_view in wanted.values())
    share = min(1.0, MOST_EXAMPLES / max(total, 1))
    chosen = [looks[view][1][of_view][generator.random(int(of_view.sum())) < share] for view, of_view in wanted.items()]
    return np.concatenate(chosen)


def _pixels(
    chosen: dict[int, Bool[np.ndarray, "h w"]],
    surfaces: dict[int, SeenSurface],
    looks: dict[int, tuple[np.ndarray, np.ndarray]],
) -> SeenPixels:
    """Pixels of several views together."""
    columns: list[list[np.ndarray]] = [[np.zeros((0, 3))], [np.zeros((0, 3))], []]
    for view, of_view in chosen.items():
        for column, values in zip(columns, (surfaces[view].points, *looks[view])):
            column.append(values[of_view])
    if not columns[2]:
        columns[2].append(np.zeros((0, 1)))
    return SeenPixels(*(np.concatenate(column) for column in columns))


def _classify(
    lattice: Lattice,
    surface: SeenSurface,
    look: tuple[Float[np.ndarray, "h w 3"], Float[np.ndarray, "h w features"]],
    wanted: Bool[np.ndarray, "h w"],
    learned: LabelPropagation,
    beside_outlines: Bool[np.ndarray, "h w"],
) -> SparseLabels:
    colours, features = look
    found = learned(surface.points[wanted], colours[wanted], features[wanted], beside_outlines[wanted])
    certainty = np.round(255 * found.confidence**2)  # half-sure classes teach little
    return SparseLabels(
        torch.from_numpy(np.stack([lattice.y[wanted], lattice.x[wanted]], axis=-1)),
        torch.from_numpy(found.classes.astype(np.uint8)),
        torch.from_numpy(certainty.astype(np.uint8)),
    )
