"""Classes of the training views' unlabelled pixels, from the labelled ones and the geometry of stage 1."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.ground_height import GroundHeight
from nerfseg_ns.core.label_propagation import LabelPropagation, SeenPixels
from nerfseg_ns.core.open_sky import away_from, open_sky, sky_class, sky_examples
from nerfseg_ns.core.pixel_features import image_features, surface_features
from nerfseg_ns.core.progress_bar import progress_bar
from nerfseg_ns.core.standing_things import StandingThings, with_blurred_shapes
from nerfseg_ns.data.labelled_views import SparseLabels
from nerfseg_ns.data.semantic_dataset import SemanticDataset
from nerfseg_ns.nerf.model import NerfSegModel

MOST_VIEWS = 128
"""Views that get propagated labels, the labelled ones among them, spread evenly over the trajectory."""
MOST_PIXELS = 1 << 20
"""Pixels of all views together whose surfaces are rendered: a minute or two on a CPU."""
LEAST_STRIDE = 2
"""Every other pixel at most: its neighbours teach nothing that it does not."""
FEW_KNOWN = 20_000
"""With fewer labelled pixels than this on the lattice (scribbles), the labelled views are looked at more closely: in
every pixel, or in as many as :data:`MOST_PIXELS` allows, labelled ones first."""
SKY_APART = 2.0
"""Spacings that examples of an unlabelled sky keep from labelled surfaces."""
OPAQUE = 0.5
"""Rays that meet less are taken to go to the sky."""


@dataclass(frozen=True)
class PropagatedLabels:
    """What was propagated.

    Args:
        views: view -> classes of pixels that have no label.
        unlabelled_share: of all pixels of the views, masked ones aside: those without a label, 0..1.
    """

    views: dict[int, SparseLabels]
    unlabelled_share: float


@dataclass(frozen=True)
class _Lattice:
    """The pixels of a view that are looked at, one of each square of ``stride`` x ``stride``."""

    stride: int
    y: Int[np.ndarray, "h w"]
    x: Int[np.ndarray, "h w"]

    @classmethod
    def over(cls, size: tuple[int, int], stride: int, label: UInt8[np.ndarray, "rows columns"] | None) -> "_Lattice":
        """The first labelled pixel of each square, or else its first one."""
        y, x = np.mgrid[0 : size[0] : stride, 0 : size[1] : stride]
        if label is not None:
            padded = np.pad(label, [(0, -length % stride) for length in size], constant_values=IGNORE)
            squares = padded.reshape(len(y), stride, -1, stride).swapaxes(1, 2).reshape(*y.shape, -1)
            first = (squares != IGNORE).argmax(axis=-1)  # 0 where none is labelled
            y, x = y + first // stride, x + first % stride
        return cls(stride, y, x)


@dataclass(frozen=True)
class _Surface:
    """What the rays of a view's lattice meet, in the contracted scene."""

    points: Float[np.ndarray, "h w 3"]
    opacity: Float[np.ndarray, "h w"]
    distance: Float[np.ndarray, "h w"]
    sky: Bool[np.ndarray, "h w"]
    """Where it is surely the sky, whatever else may be."""


@dataclass(frozen=True)
class _Land:
    """What the surfaces of all views say of the ground and of what stands on it."""

    ground: GroundHeight
    things: StandingThings


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
    masks = {view: _mask(dataset, view) for view in labelled}
    labels = {view: _label(dataset, view, masks[view]) for view in labelled}
    if len(dataset.labelled_view_indices) == len(dataset) and not any(
        _gaps(labels[view], masks[view]).any() for view in labels
    ):
        return nothing  # every pixel has a label
    if not any((label != IGNORE).any() for label in labels.values()):
        return nothing  # none has; stage 2 says so
    stride, close = _strides(sizes, labels)
    lattices = {
        view: _Lattice.over(sizes[view], close, labels[view] if close != stride else None)
        if view in labels
        else _Lattice.over(sizes[view], stride, None)
        for view in views
    }
    mode = model.training
    model.eval()
    try:
        with progress_bar(shown) as bar:
            surfaces = {
                view: _surface(model, dataset, view, lattices[view])
                for view in bar.track(views, description="surfaces of the views")
            }
            spacing = _spacing(surfaces, lattices, stride)
            land = _land(list(surfaces.values()), spacing)
            looks = {
                view: _looks(dataset, view, lattices[view], surfaces[view], land, stride)
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


def _mask(dataset: SemanticDataset, view: int) -> Bool[np.ndarray, "rows columns"] | None:
    mask = dataset.get_mask(view)
    return None if mask is None else mask.numpy()[..., 0]


def _taking_part(dataset: SemanticDataset, view: int, lattice: _Lattice) -> Bool[np.ndarray, "h w"]:
    mask = _mask(dataset, view)
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


def _surface(model: NerfSegModel, dataset: SemanticDataset, view: int, lattice: _Lattice) -> _Surface:
    # a ray for each pixel of a photo of 12 megapixels would take gigabytes
    coords = torch.from_numpy(np.stack([lattice.y, lattice.x], axis=-1)).float() + 0.5
    rays = dataset.cameras.generate_rays(view, coords=coords)
    found = model.surfaces(rays.flatten().to(model.device))
    points, opacity, distance = found["points"], found["accumulation"], found["depth"]
    # the sky lies on the border of the contracted scene, all around
    sky = (rays.origins + 1e3 * rays.directions).reshape(-1, 3).to(points)
    points = 4.0 * model.field.in_grid(torch.where(opacity > OPAQUE, points, sky)) - 2.0
    values = (points, opacity[..., 0], distance[..., 0].clamp(max=10.0))
    arrays = [value.reshape(*rays.shape, *value.shape[1:]).cpu().numpy() for value in values]
    return _Surface(arrays[0], arrays[1], arrays[2], open_sky(arrays[0], rays.directions.cpu().numpy()))


def _spacing(surfaces: dict[int, _Surface], lattices: dict[int, _Lattice], stride: int) -> float:
    """Distance between the surface points of neighbours on the coarsest lattice, in the median."""
    steps = [
        np.linalg.norm(np.diff(surface.points, axis=1), axis=-1).reshape(-1) / lattices[view].stride
        for view, surface in surfaces.items()
    ]
    return max(1e-6, stride * float(np.median(np.concatenate(steps))))


def _land(surfaces: Sequence[_Surface], spacing: float) -> _Land:
    points = np.concatenate([surface.points[surface.opacity > OPAQUE] for surface in surfaces])
    if len(points) == 0:  # a geometry of fog
        points = np.concatenate([surface.points.reshape(-1, 3) for surface in surfaces])
    ground = GroundHeight(points)
    return _Land(ground, StandingThings(points, ground(points), spacing))


def _looks(
    dataset: SemanticDataset, view: int, lattice: _Lattice, surface: _Surface, land: _Land, stride: int
) -> tuple[Float[np.ndarray, "h w 3"], Float[np.ndarray, "h w features"]]:
    """Colours and features of a view's lattice; what surrounds a pixel is as large in all of them.

    Args:
        stride: of the coarsest lattice, even.
    """
    image, mask = dataset.get_image_float32(view)[..., :3].numpy(), _mask(dataset, view)
    if mask is not None and mask.any():  # what is masked takes no part in the surroundings of a pixel either
        image = np.where(mask[..., None], image, image[mask].mean(axis=0))
    colours, factor = image[lattice.y, lattice.x], stride // LEAST_STRIDE
    if factor > 1:
        padded = np.pad(image, ((0, -image.shape[0] % factor), (0, -image.shape[1] % factor), (0, 0)), mode="edge")
        image = padded.reshape(padded.shape[0] // factor, factor, -1, factor, 3).mean(axis=(1, 3))
    appearance = image_features(image)[lattice.y // factor, lattice.x // factor]
    height = land.ground(surface.points)
    step = stride // lattice.stride
    surroundings = surface_features(surface.points, height, surface.opacity, surface.distance, step)
    return colours, np.concatenate([appearance, surroundings, land.things(surface.points, height)], axis=-1)


def _learn(
    looks: dict[int, tuple[np.ndarray, np.ndarray]],
    lattices: dict[int, _Lattice],
    surfaces: dict[int, _Surface],
    labels: dict[int, UInt8[np.ndarray, "rows columns"]],
    wanted: dict[int, Bool[np.ndarray, "h w"]],
    sky: int | None,
    spacing: float,
    seed: int,
    clicked: bool,
) -> LabelPropagation:
    """From the labelled pixels, those of other views that show the same surfaces, and the sky where no label has it."""
    columns: list[list[np.ndarray]] = [[], [], [], []]
    for view, label in labels.items():
        classes = label[lattices[view].y, lattices[view].x]
        chosen = classes != IGNORE
        for column, values in zip(columns, (surfaces[view].points, *looks[view], classes)):
            column.append(values[chosen])
    points, colours, features, classes = (np.concatenate(column) for column in columns)
    gaps = None
    if clicked:  # few things, and classes as frequent as somebody clicked them
        features = with_blurred_shapes(features, seed)
        gaps = with_blurred_shapes(_pixels(wanted, surfaces, looks).features, seed)
    unlabelled = {view: of_view for view, of_view in wanted.items() if view not in labels}
    others = _pixels(unlabelled, surfaces, looks)
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
        points, colours, features, classes, spacing, seed, others, frequencies_count=not clicked, unlabelled=gaps
    )


def _pixels(
    chosen: dict[int, Bool[np.ndarray, "h w"]],
    surfaces: dict[int, _Surface],
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
    lattice: _Lattice,
    surface: _Surface,
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
