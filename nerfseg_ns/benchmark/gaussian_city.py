"""A city of known Gaussians, small enough for the reference rasteriser, with true labels in every view."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.harmonics import CONSTANT

_EDGE = 0.016
"""Edge of the cubes that get one Gaussian each, as a share of the width of the built-up square; outside of it the cubes
grow with their distance from the middle."""
_RADIUS = 0.45
"""Standard deviation of a Gaussian in the plane of its surface, in edges of its cube."""
_THIN = 0.1
"""The same across the surface."""
_OPACITY = 3.0
"""Before the sigmoid: 0.95."""


@dataclass(frozen=True, eq=False)
class GaussianCity:
    """The demonstration city (``nerfseg scene``) as Gaussians on its surfaces.

    Args:
        gaussians: one for each cube in which a training view sees a surface: the mean place, normal and colour there;
            scene frame (cameras within distance 1 of the origin).
        class_ids: the most frequent true class in each cube.
        class_table: of the city.
        cameras: of all views, in the order of the flight.
        labels: true class ids of each view.
        test: views that nothing is learned from.
    """

    gaussians: Gaussians
    class_ids: UInt8[Tensor, " gaussians"]
    class_table: ClassTable
    cameras: tuple[Pinhole, ...]
    labels: tuple[UInt8[Tensor, "h w"], ...]
    test: tuple[int, ...]

    @property
    def train(self) -> tuple[int, ...]:
        """The other views."""
        return tuple(view for view in range(len(self.cameras)) if view not in self.test)


def gaussian_city(views: int, size: int, seed: int, colour_noise: float = 0.05) -> GaussianCity:
    """Make the city.

    Args:
        views: training views; a quarter as many test views come besides.
        size: of the views, pixels.
        seed: of the city and of the noise.
        colour_noise: standard deviation of what is added to each Gaussian's colour (1: white), which no training gets
            exactly right either.

    Raises:
        InputError: embreex is not installed.
    """
    from nerfseg_ns.scene.city import build_city
    from nerfseg_ns.scene.city_mesh import CLASS_NAMES
    from nerfseg_ns.scene.command import split_flight
    from nerfseg_ns.scene.ray_caster import RayCaster
    from nerfseg_ns.scene.renderer import Renderer
    from nerfseg_ns.scene.scene_writer import PALETTE
    from nerfseg_ns.scene.trajectory import plan_flight

    city = build_city(seed)
    renderer, caster = Renderer(city), RayCaster(city.mesh)
    splits = split_flight(views)
    flight = plan_flight(len(splits), size, city.grid.half_size, city.roof_height, seed)
    scale = 1.0 / max(float(np.abs(camera.pose[:3, 3]).max()) for camera in flight)
    points, normals, colours, ids, labels = [], [], [], [], []
    for split, camera in zip(splits, flight, strict=True):
        view = renderer.render(camera)
        labels.append(torch.from_numpy(view.labels))
        if split != "train":
            continue
        origins, directions = camera.rays()
        hits = caster.cast(origins, directions)
        seen = hits.face >= 0
        points.append(origins[seen] + directions[seen] * hits.depth[seen, None])
        normals.append(caster.normals[hits.face[seen]])
        colours.append(view.colour.reshape(-1, 3)[seen] / 255.0)
        ids.append(view.labels.reshape(-1)[seen])
    place, normal, colour = (np.concatenate(parts) for parts in (points, normals, colours))
    outwards = np.abs(place[:, :2]).max(axis=-1) / city.grid.half_size
    level = np.floor(np.log2(np.maximum(outwards, 0.6) / 0.6))
    edges = _EDGE * 2 * city.grid.half_size * 2.0**level
    keys = np.concatenate([np.floor(place / edges[:, None]), level[:, None]], axis=-1).astype(np.int64)
    cubes, cube = np.unique(keys, axis=0, return_inverse=True)
    cube = cube.reshape(-1)
    count = np.bincount(cube)[:, None]

    def mean(values: np.ndarray) -> np.ndarray:
        return np.stack([np.bincount(cube, column) for column in values.T], axis=-1) / count

    frequency = np.zeros((len(cubes), len(CLASS_NAMES)), dtype=np.int64)
    np.add.at(frequency, (cube, np.concatenate(ids)), 1)
    noise = np.random.default_rng(seed).normal(0.0, colour_noise, (len(cubes), 3))
    thickness = np.array([_RADIUS, _RADIUS, _THIN]) * mean(edges[:, None]) * scale
    gaussians = Gaussians(
        torch.from_numpy(mean(place) * scale).float(),
        torch.from_numpy(np.log(thickness)).float(),
        _facing(torch.from_numpy(mean(normal)).float()),
        torch.full((len(cubes),), _OPACITY),
        torch.from_numpy((mean(colour) + noise - 0.5) / CONSTANT).float()[:, None],
    )
    cameras = tuple(_pinhole(camera.pose, camera.intrinsics, size, scale) for camera in flight)
    test = tuple(view for view, split in enumerate(splits) if split == "test")
    return GaussianCity(
        gaussians,
        torch.from_numpy(frequency.argmax(axis=-1).astype(np.uint8)),
        ClassTable.from_names(CLASS_NAMES, PALETTE),
        cameras,
        tuple(labels),
        test,
    )


def _facing(normals: Tensor) -> Tensor:
    """Quaternions that turn the z axis to the normals."""
    z = torch.nn.functional.normalize(normals + torch.tensor([0.0, 0.0, 1e-6]), dim=-1)
    half = torch.stack([1.0 + z[:, 2], -z[:, 1], z[:, 0], torch.zeros_like(z[:, 0])], dim=-1)
    upside_down = half.norm(dim=-1, keepdim=True) < 1e-4
    return torch.where(upside_down, half.new_tensor([0.0, 1.0, 0.0, 0.0]), half)


def _pinhole(pose: np.ndarray, intrinsics: np.ndarray, size: int, scale: float) -> Pinhole:
    opengl = pose[:3] * np.array([1.0, -1.0, -1.0, scale])
    fx, fy, cx, cy = (float(intrinsics[i]) for i in ((0, 0), (1, 1), (0, 2), (1, 2)))
    return Pinhole(torch.from_numpy(opengl).float(), fx, fy, cx, cy, (size, size))
