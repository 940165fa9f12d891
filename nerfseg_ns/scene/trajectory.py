"""The flight over the city: three rings of views, from low obliques to nearly straight down."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

HORIZONTAL_FOV = 50.0
"""Degrees."""
CLEARANCE = 4.0
"""Least height of a camera above the highest roof [m]."""


@dataclass(frozen=True)
class Camera:
    """A pinhole view.

    Args:
        pose: camera-to-world, OpenCV axes (x right, y down, z forward), metres.
        intrinsics: pixels; pixel centres at +0.5.
        size: side of the square image in pixels.
    """

    pose: Float[np.ndarray, "4 4"]
    intrinsics: Float[np.ndarray, "4 4"]
    size: int

    def rays(
        self, per_pixel_axis: int = 1, first_row: int = 0, last_row: int | None = None
    ) -> tuple[Float[np.ndarray, "rays 3"], Float[np.ndarray, "rays 3"]]:
        """Origins and unit directions, row by row.

        Args:
            per_pixel_axis: rays along each side of a pixel, evenly spread; with an odd number the middle one passes
                through the pixel's centre.
            first_row, last_row: only the pixel rows first_row to last_row - 1.
        """
        rows = (first_row, self.size if last_row is None else last_row)
        across, down = (
            (np.arange(low * per_pixel_axis, high * per_pixel_axis) + 0.5) / per_pixel_axis
            for low, high in ((0, self.size), rows)
        )
        x, y = np.meshgrid(across, down)
        k = self.intrinsics
        local = np.stack([(x - k[0, 2]) / k[0, 0], (y - k[1, 2]) / k[1, 1], np.ones_like(x)], -1).reshape(-1, 3)
        directions = local @ self.pose[:3, :3].T
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        return np.broadcast_to(self.pose[:3, 3], directions.shape), directions

    def project(
        self, points: Float[np.ndarray, "points 3"]
    ) -> tuple[Float[np.ndarray, "points 2"], Float[np.ndarray, " points"]]:
        """Pixel coordinates and z-depth [m] of world points."""
        local = (points - self.pose[:3, 3]) @ self.pose[:3, :3]
        image = local @ self.intrinsics[:3, :3].T
        return image[:, :2] / image[:, 2:3], local[:, 2]


def look_at(position: Float[np.ndarray, " 3"], target: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "4 4"]:
    """Camera-to-world pose, OpenCV axes, image upright as far as the world's z axis allows."""
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = position
    return pose


def plan_flight(views: int, size: int, half_size: float, roof_height: float, seed: int) -> list[Camera]:
    """Views in the order of the flight: a spiral with three level turns, neighbours in time being neighbours in space.

    Args:
        views: how many.
        size: side of the images in pixels.
        half_size: half the side of the built-up square [m].
        roof_height: highest roof [m].
        seed: chooses where the flight starts and which way round it goes.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 20]))
    start, way = float(rng.uniform(0, 2 * np.pi)), float(rng.choice([-1.0, 1.0]))
    floor = roof_height + CLEARANCE
    # per turn: distance from the middle, height, how far beyond the middle (negative: before it) the view aims
    radius = half_size * np.array([0.98, 0.74, 0.28])
    height = np.array([max(floor, 37.0), max(floor + 18.0, 60.0), max(floor + 45.0, 90.0)])
    aim = half_size * np.array([0.12, 0.04, -0.06])
    focal = size / 2 / np.tan(np.radians(HORIZONTAL_FOV / 2))
    intrinsics = np.array(
        [[focal, 0, size / 2, 0], [0, focal, size / 2, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=np.float64
    )
    cameras = []
    for i in range(views):
        t = (i + 0.5) / views
        turn = (
            min(t / 0.42, 1.0)
            if t < 0.42
            else 1.0 + min((t - 0.42) / 0.36, 1.0)
            if t < 0.78
            else 2.0 + (t - 0.78) / 0.22
        )
        ring = min(int(turn), 2)
        ease = np.clip((turn - ring - 0.8) / 0.2, 0.0, 1.0) if ring < 2 else 0.0
        blend = ease * ease * (3 - 2 * ease)
        upper = min(ring + 1, 2)
        r, z, beyond = ((1 - blend) * a[ring] + blend * a[upper] for a in (radius, height, aim))
        angle = start + way * 2 * np.pi * turn
        sway = np.sin(5.0 * angle + 1.0)
        outward = np.array([np.cos(angle), np.sin(angle), 0.0])
        sideways = np.array([-np.sin(angle), np.cos(angle), 0.0])
        position = outward * r * (1 + 0.08 * sway) + np.array(
            [0, 0, z + (2.5 * (1 + sway) if ring == 0 else 2.0 * sway)]
        )
        lift = (
            7.0 * (1 + np.sin(2.0 * angle)) - 1.0 if ring == 0 else 3.0
        )  # some of the low views look up to the horizon
        target = -outward * beyond + sideways * 6.0 * sway + np.array([0, 0, lift])
        cameras.append(Camera(look_at(position, target), intrinsics, size))
    return cameras
