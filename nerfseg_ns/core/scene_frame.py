"""Nerfstudio's scene frame and the frame of the input poses."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class SceneFrame:
    """How a dataparser moved and scaled the input: scene = scale * (transform @ input).

    Args:
        transform: the dataparser's transform, from the frame of the input poses.
        scale: the dataparser's scale: scene units per input unit.
    """

    transform: Float[Tensor, "3 4"]
    scale: float

    @classmethod
    def identity(cls) -> "SceneFrame":
        """The scene frame is that of the input."""
        return cls(torch.eye(4)[:3], 1.0)

    def to_input(self, points: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
        """Points of the scene frame in the frame of the input poses; float64, as those can be far from the origin."""
        transform = self.transform.to(points.device, torch.float64)
        moved = points.to(torch.float64) / self.scale - transform[:, 3]
        return moved @ torch.linalg.inv(transform[:, :3]).T

    def to_scene(self, points: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
        """Points of the input frame in the scene frame, float32."""
        transform = self.transform.to(points.device, torch.float64)
        return (self.scale * (points.to(torch.float64) @ transform[:, :3].T + transform[:, 3])).float()
