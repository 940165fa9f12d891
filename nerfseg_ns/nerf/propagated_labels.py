"""Classes of the training views' unlabelled pixels, from the labelled ones and the geometry of stage 1."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.ground_height import GroundHeight
from nerfseg_ns.core.label_propagation import LabelPropagation
from nerfseg_ns.core.pixel_features import image_features, surface_features
from nerfseg_ns.core.progress_bar import progress_bar
from nerfseg_ns.data.semantic_dataset import SemanticDataset
from nerfseg_ns.nerf.model import NerfSegModel

MOST_VIEWS = 128
"""Views that get propagated labels, the labelled ones among them, spread evenly over the trajectory."""
MOST_PIXELS = 1 << 20
"""Pixels of all views together whose surfaces are rendered: a minute or two on a CPU."""
LEAST_STRIDE = 2
"""Every other pixel at most: its neighbours teach nothing that it does not."""
FEW_KNOWN = 20_000
"""With fewer labelled pixels than this on the lattice (scribbles), every pixel of the labelled views is looked at."""
OPAQUE = 0.5
"""Rays that meet less are taken to go to the sky."""


@dataclass(frozen=True)
class _Surface:
    """The lattice of one view."""

    stride: int
    points: Float[np.ndarray, "h w 3"]
    opacity: Float[np.ndarray, "h w"]
    distance: Float[np.ndarray, "h w"]


def propagated_labels(
    model: NerfSegModel, dataset: SemanticDataset, seed: int = 0
) -> dict[int, tuple[UInt8[Tensor, "h w 1"], UInt8[Tensor, "h w 1"]]]:
    """Class and certainty of pixels without a label, on a lattice in every view.

    Args:
        model: with the geometry of a finished stage 1.
        dataset: the training views.
        seed: of the choice of examples.

    Returns:
        View -> class ids, 255 where there is none, and their certainty, 0..255. Labelled pixels and those off the
        lattice have none; no view at all when every pixel of every view has a label, or none has.
    """
    views = _spread(len(dataset), dataset.labelled_view_indices)
    size = sum(int(dataset.cameras.width[view]) * int(dataset.cameras.height[view]) for view in views)
    stride = max(LEAST_STRIDE, 2 * math.ceil(math.sqrt(size / MOST_PIXELS) / 2))
    labels = {view: dataset.get_semantics(view).numpy()[..., 0] for view in dataset.labelled_view_indices}
    if len(labels) == len(dataset) and not any((label == IGNORE).any() for label in labels.values()):
        return {}  # every pixel has a label
    if not any((label != IGNORE).any() for label in labels.values()):
        return {}  # none has; stage 2 says so
    known = sum(int((label[::stride, ::stride] != IGNORE).sum()) for label in labels.values())
    strides = {view: 1 if view in labels and known < FEW_KNOWN else stride for view in views}
    mode = model.training
    model.eval()
    with progress_bar() as bar:
        surfaces = {
            view: _surface(model, dataset, view, strides[view])
            for view in bar.track(views, description="surfaces of the views")
        }
        ground = GroundHeight(np.concatenate([s.points[s.opacity > OPAQUE] for s in surfaces.values()]))
        looks = {view: _looks(dataset, view, surfaces[view], ground) for view in labels}
        learned = _learn(looks, surfaces, labels, stride, seed)
        result = {}
        for view in bar.track(views, description="classes of unlabelled pixels"):
            colours, features = looks[view] if view in looks else _looks(dataset, view, surfaces[view], ground)
            result[view] = _classify(dataset, view, surfaces[view], colours, features, labels.get(view), learned)
    model.train(mode)
    return result


def _spread(count: int, labelled: tuple[int, ...]) -> list[int]:
    """The labelled views and, spread evenly, as many others as :data:`MOST_VIEWS` allows, ascending."""
    others = [view for view in range(count) if view not in labelled]
    room = min(max(MOST_VIEWS - len(labelled), 0), len(others))
    return sorted({*labelled, *(others[int((i + 0.5) * len(others) / room)] for i in range(room))})


def _surface(model: NerfSegModel, dataset: SemanticDataset, view: int, stride: int) -> _Surface:
    rays = dataset.cameras.generate_rays(view, keep_shape=True)[::stride, ::stride]
    found = model.surfaces(rays.flatten().to(model.device))
    points, opacity, distance = found["points"], found["accumulation"], found["depth"]
    # the sky lies on the border of the contracted scene, all around
    sky = (rays.origins + 1e3 * rays.directions).reshape(-1, 3).to(points)
    points = 4.0 * model.field.in_grid(torch.where(opacity > OPAQUE, points, sky)) - 2.0
    values = (points, opacity[..., 0], distance[..., 0].clamp(max=10.0))
    return _Surface(stride, *(value.reshape(*rays.shape, *value.shape[1:]).cpu().numpy() for value in values))


def _looks(
    dataset: SemanticDataset, view: int, surface: _Surface, ground: GroundHeight
) -> tuple[Float[np.ndarray, "h w 3"], Float[np.ndarray, "h w features"]]:
    """Colours and features of a view's lattice."""
    image = dataset.get_image_float32(view)[..., :3].numpy()
    stride = surface.stride
    colours = image[::stride, ::stride]
    if stride > LEAST_STRIDE:  # so that the surroundings of a pixel are as large on the lattice in views of any size
        factor = stride // 2
        padded = np.pad(image, ((0, -image.shape[0] % factor), (0, -image.shape[1] % factor), (0, 0)), mode="edge")
        image = padded.reshape(padded.shape[0] // factor, factor, -1, factor, 3).mean(axis=(1, 3))
        stride = 2
    appearance = image_features(image)[::stride, ::stride]
    surroundings = surface_features(surface.points, ground(surface.points), surface.opacity, surface.distance)
    return colours, np.concatenate([appearance, surroundings], axis=-1)


def _learn(
    looks: dict[int, tuple[np.ndarray, np.ndarray]],
    surfaces: dict[int, _Surface],
    labels: dict[int, UInt8[np.ndarray, "h w"]],
    stride: int,
    seed: int,
) -> LabelPropagation:
    columns: list[list[np.ndarray]] = [[], [], [], []]
    for view, label in labels.items():
        classes = label[:: surfaces[view].stride, :: surfaces[view].stride]
        chosen = classes != IGNORE
        for column, values in zip(columns, (surfaces[view].points, *looks[view], classes)):
            column.append(values[chosen])
    steps = [np.linalg.norm(np.diff(s.points, axis=1), axis=-1) / s.stride for s in surfaces.values()]
    spacing = stride * float(np.median(np.concatenate([step.reshape(-1) for step in steps])))
    points, colours, features, classes = (np.concatenate(column) for column in columns)
    return LabelPropagation(points, colours, features, classes, max(spacing, 1e-6), seed)


def _classify(
    dataset: SemanticDataset,
    view: int,
    surface: _Surface,
    colours: Float[np.ndarray, "h w 3"],
    features: Float[np.ndarray, "h w features"],
    label: UInt8[np.ndarray, "h w"] | None,
    learned: LabelPropagation,
) -> tuple[UInt8[Tensor, "h w 1"], UInt8[Tensor, "h w 1"]]:
    size = int(dataset.cameras.height[view]), int(dataset.cameras.width[view])
    classes, certainty = np.full(size, IGNORE, np.uint8), np.zeros(size, np.uint8)
    lattice = np.zeros(size, bool)
    lattice[:: surface.stride, :: surface.stride] = True
    if label is not None:
        lattice &= label == IGNORE
    asked: Bool[np.ndarray, "h w"] = lattice[:: surface.stride, :: surface.stride]
    if asked.any():
        found = learned(surface.points[asked], colours[asked], features[asked])
        classes[lattice] = found.classes
        certainty[lattice] = np.round(255 * found.confidence**2)  # half-sure classes teach little
    return torch.from_numpy(classes)[..., None], torch.from_numpy(certainty)[..., None]
