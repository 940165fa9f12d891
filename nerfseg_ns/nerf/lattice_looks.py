"""What training views show on a lattice of their pixels: surfaces of the geometry, and what these look like."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.ground_height import GroundHeight
from nerfseg_ns.core.open_sky import open_sky
from nerfseg_ns.core.pixel_features import image_features, surface_features
from nerfseg_ns.core.standing_things import StandingThings
from nerfseg_ns.data.semantic_dataset import SemanticDataset
from nerfseg_ns.nerf.model import NerfSegModel

LEAST_STRIDE = 2
"""Every other pixel at most: its neighbours teach nothing that it does not."""
OPAQUE = 0.5
"""Rays that meet less are taken to go to the sky."""


@dataclass(frozen=True)
class Lattice:
    """The pixels of a view that are looked at, one of each square of ``stride`` x ``stride``."""

    stride: int
    y: Int[np.ndarray, "h w"]
    x: Int[np.ndarray, "h w"]

    @classmethod
    def over(cls, size: tuple[int, int], stride: int, label: UInt8[np.ndarray, "rows columns"] | None) -> "Lattice":
        """The first labelled pixel of each square, or else its first one."""
        y, x = np.mgrid[0 : size[0] : stride, 0 : size[1] : stride]
        if label is not None:
            padded = np.pad(label, [(0, -length % stride) for length in size], constant_values=IGNORE)
            squares = padded.reshape(len(y), stride, -1, stride).swapaxes(1, 2).reshape(*y.shape, -1)
            first = (squares != IGNORE).argmax(axis=-1)  # 0 where none is labelled
            y, x = y + first // stride, x + first % stride
        return cls(stride, y, x)


@dataclass(frozen=True)
class SeenSurface:
    """What the rays of a view's lattice meet, in the contracted scene."""

    points: Float[np.ndarray, "h w 3"]
    opacity: Float[np.ndarray, "h w"]
    distance: Float[np.ndarray, "h w"]
    sky: Bool[np.ndarray, "h w"]
    """Where it is surely the sky, whatever else may be."""


@dataclass(frozen=True)
class Land:
    """What the surfaces of all views say of the ground and of what stands on it."""

    ground: GroundHeight
    things: StandingThings


def seen_surface(model: NerfSegModel, dataset: SemanticDataset, view: int, lattice: Lattice) -> SeenSurface:
    """What the rays of a lattice meet in the geometry of a finished stage 1."""
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
    return SeenSurface(arrays[0], arrays[1], arrays[2], open_sky(arrays[0], rays.directions.cpu().numpy()))


def lattice_spacing(surfaces: dict[int, SeenSurface], lattices: dict[int, Lattice], stride: int) -> float:
    """Distance between the surface points of neighbours on the coarsest lattice, in the median."""
    steps = [
        np.linalg.norm(np.diff(surface.points, axis=1), axis=-1).reshape(-1) / lattices[view].stride
        for view, surface in surfaces.items()
    ]
    return max(1e-6, stride * float(np.median(np.concatenate(steps))))


def land_of(surfaces: Sequence[SeenSurface], spacing: float) -> Land:
    """The ground and the things of a scene, from the surfaces of its views.

    Args:
        surfaces: of all views.
        spacing: see :func:`lattice_spacing`.
    """
    points = np.concatenate([surface.points[surface.opacity > OPAQUE] for surface in surfaces])
    if len(points) == 0:  # a geometry of fog
        points = np.concatenate([surface.points.reshape(-1, 3) for surface in surfaces])
    ground = GroundHeight(points)
    return Land(ground, StandingThings(points, ground(points), spacing))


def lattice_looks(
    dataset: SemanticDataset, view: int, lattice: Lattice, surface: SeenSurface, land: Land, stride: int
) -> tuple[Float[np.ndarray, "h w 3"], Float[np.ndarray, "h w features"]]:
    """Colours and features of a view's lattice; what surrounds a pixel is as large in all of them.

    Args:
        stride: of the coarsest lattice, even.
    """
    image, mask = dataset.get_image_float32(view)[..., :3].numpy(), pixel_mask(dataset, view)
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


def pixel_mask(dataset: SemanticDataset, view: int) -> Bool[np.ndarray, "rows columns"] | None:
    """The pixels of a view that take part; None where the data has no masks."""
    mask = dataset.get_mask(view)
    return None if mask is None else mask.numpy()[..., 0]
