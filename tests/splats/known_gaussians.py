"""A scene of Gaussians whose objects are known: two balls and a box on the ground, seen from a circle above.

Objects are shells with some filling that no view sees; the ground's Gaussians are broad and flat.
"""

import math

import numpy as np
import torch

from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.harmonics import CONSTANT

COLOURS = ((120, 160, 90), (220, 30, 30), (30, 60, 220), (230, 200, 40))
"""Of the ground, the red ball, the blue ball and the yellow box."""


class KnownGaussians:
    """The scene: ``gaussians``, ``ids`` (0 the ground, 1..3 the objects), cameras and their true masks."""

    def __init__(self, count: int = 3000, views: int = 12, size: int = 128, seed: int = 0) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        each = count // 5
        centres = [self._ball((0.0, 0.0, 0.2), 0.2, each), self._ball((0.5, 0.25, 0.13), 0.13, each)]
        centres += [self._box((-0.25, 0.45, 0.12), (0.16, 0.1, 0.12), each)]
        ground = count - 3 * each
        flat = (torch.rand(ground, 3, generator=self.generator) - 0.5) * torch.tensor([2.2, 2.2, 0.0])
        means = torch.cat([flat, *centres])
        self.ids = torch.cat([torch.full((len(part),), i) for i, part in enumerate([flat, *centres])])
        # what lies under an object is the ground's and shows nowhere: not a question of votes
        spread = torch.tensor([0.03, 0.012, 0.01, 0.012])[self.ids]
        scales = spread[:, None] * (0.7 + 0.6 * torch.rand(count, 3, generator=self.generator))
        scales[self.ids == 0, 2] = 0.002
        quaternions = torch.randn(count, 4, generator=self.generator)
        quaternions[self.ids == 0] = torch.tensor([1.0, 0.0, 0.0, 0.0])
        colours = torch.tensor(COLOURS)[self.ids] / 255.0
        self.gaussians = Gaussians(
            means, scales.log(), quaternions, torch.full((count,), 3.0), ((colours - 0.5) / CONSTANT)[:, None]
        )
        self.cameras = [self._camera(2 * math.pi * (view + 0.5) / views, size) for view in range(views)]

    def _ball(self, centre: tuple[float, float, float], radius: float, count: int) -> torch.Tensor:
        directions = torch.nn.functional.normalize(torch.randn(count, 3, generator=self.generator), dim=-1)
        return torch.tensor(centre) + radius * self._depth(count) * directions

    def _box(self, centre: tuple[float, float, float], half: tuple[float, float, float], count: int) -> torch.Tensor:
        inside = 2 * torch.rand(count, 3, generator=self.generator) - 1
        on_side = inside / inside.abs().amax(dim=-1, keepdim=True)
        return torch.tensor(centre) + torch.tensor(half) * self._depth(count) * on_side

    def _depth(self, count: int) -> torch.Tensor:
        """Nine of ten lie on the surface, the others anywhere inside."""
        filling = torch.rand(count, 1, generator=self.generator) < 0.1
        return torch.where(filling, 0.9 * torch.rand(count, 1, generator=self.generator), 1.0)

    @staticmethod
    def _camera(angle: float, size: int) -> Pinhole:
        centre = np.array([1.3 * np.cos(angle), 1.3 * np.sin(angle), 1.1])
        back = centre / np.linalg.norm(centre)
        right = np.cross((0.0, 0.0, 1.0), back)
        right /= np.linalg.norm(right)
        c2w = torch.tensor(np.stack([right, np.cross(back, right), back, centre], axis=1), dtype=torch.float32)
        return Pinhole(c2w, 1.2 * size, 1.2 * size, size / 2, size / 2, (size, size))

    def masks(self, rasteriser, view: int) -> torch.Tensor:
        """True masks [h, w, 3]: where an object has most of a pixel's light."""
        shares, _ = rasteriser.render(
            self.gaussians, torch.nn.functional.one_hot(self.ids, 4).float(), self.cameras[view]
        )
        return shares[..., 1:] > 0.5


class KnownScene:
    """The scene as :class:`nerfseg_ns.selection.scene.Scene`: its images are its renders."""

    def __init__(self, known: KnownGaussians, rasteriser) -> None:
        self.known, self.rasteriser = known, rasteriser
        self.names = [f"{view:03d}" for view in range(len(known.cameras))]
        self.frame = SceneFrame(torch.tensor([[0.0, -1, 0, 2], [1, 0, 0, -3], [0, 0, 1, 0.5]]), 0.25)
        self._samples, self._images = {}, {}

    def camera(self, view: int) -> Pinhole:
        return self.known.cameras[view]

    def image(self, view: int) -> np.ndarray:
        if view not in self._images:
            camera, gaussians = self.camera(view), self.known.gaussians
            with torch.no_grad():
                rgb, _ = self.rasteriser.render(gaussians, gaussians.colours(camera.centre), camera)
            self._images[view] = (rgb.clamp(0, 1) * 255).round().byte().numpy()
        return self._images[view]

    def image_key(self, view: int) -> tuple[int, int]:
        return id(self), view

    def samples(self, view: int):
        if view not in self._samples:
            gaussians, camera = self.known.gaussians, self.camera(view)
            self._samples[view] = self.rasteriser.contributions(gaussians, camera).samples(gaussians, camera)
        return self._samples[view]

    def middle(self, mask: torch.Tensor) -> tuple[float, float]:
        """(x, y) of a pixel's centre in the middle of a mask."""
        rows, columns = mask.nonzero().float().unbind(-1)
        nearest = ((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2).argmin()
        return float(columns[nearest]) + 0.5, float(rows[nearest]) + 0.5


def quantised(image: np.ndarray) -> np.ndarray:
    """Each pixel in the nearest of the scene's colours, or black."""
    palette = np.array([*COLOURS, (0, 0, 0)])
    nearest = ((image[..., None, :].astype(float) - palette) ** 2).sum(axis=-1).argmin(axis=-1)
    return palette[nearest].astype(np.uint8)
