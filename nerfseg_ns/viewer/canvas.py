"""The 3D canvas of a browser: its camera, and the rays through places on it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Canvas:
    """A browser's camera.

    Args:
        eye: where it stands, scene frame.
        rotation: camera to scene, nerfstudio's axes: x right, y up, looking along -z.
        fov: vertical field of view, radians.
        aspect: width / height.
    """

    eye: Float[Tensor, "3"]
    rotation: Float[Tensor, "3 3"]
    fov: float
    aspect: float

    @classmethod
    def of(cls, camera: Any) -> "Canvas":
        """The canvas of a viser client's camera."""
        import viser.transforms

        rotation = viser.transforms.SO3(np.asarray(camera.wxyz)).as_matrix() * [1.0, -1.0, -1.0]  # viser: y down, +z
        eye = scene_units(torch.tensor(np.asarray(camera.position), dtype=torch.float32))
        return cls(eye, torch.tensor(rotation, dtype=torch.float32), float(camera.fov), float(camera.aspect))

    @property
    def axis(self) -> Float[Tensor, "3"]:
        """Unit viewing direction of the canvas's middle."""
        return -self.rotation[:, 2]

    def directions(self, places: Float[Tensor, "places 2"]) -> Float[Tensor, "places 3"]:
        """Unit directions through places on the canvas: (0, 0) is its upper left corner, (1, 1) the lower right."""
        half = float(np.tan(self.fov / 2))
        x = (places[:, 0] - 0.5) * 2 * half * self.aspect
        y = -(places[:, 1] - 0.5) * 2 * half
        rays = torch.stack([x, y, -torch.ones_like(x)], dim=-1) @ self.rotation.T
        return torch.nn.functional.normalize(rays, dim=-1)

    def facing(self, places: Float[Tensor, "places 2"], through: Float[Tensor, "3"]) -> Float[Tensor, "places 3"]:
        """Points that the places show on the plane through a point that faces the camera, scene frame."""
        rays = self.directions(places)
        depth = ((through - self.eye) * self.axis).sum()
        return self.eye + rays * (depth / (rays @ self.axis))[:, None]


def scene_units(positions: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """Positions of viser's world in nerfstudio's scene frame."""
    from nerfstudio.viewer.viewer import VISER_NERFSTUDIO_SCALE_RATIO

    return positions / VISER_NERFSTUDIO_SCALE_RATIO
