"""Lens distortion: OpenCV's radial and tangential model, with the radial terms that nerfstudio has."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

STEPS = 30
"""Of the fixed-point iteration that takes the distortion off; drone lenses need about ten."""


@dataclass(frozen=True)
class Lens:
    """How a lens moves points of the image plane at depth 1 (x right, y down).

    Args:
        radial: k1, k2, k3, k4: factors of r^2, r^4, r^6, r^8 in the stretch.
        tangential: p1, p2.
        reach: distance from the optical axis up to which the polynomial is trusted; farther points keep the stretch
            they have there, so that nothing beside the image is folded back into it.
    """

    radial: tuple[float, float, float, float]
    tangential: tuple[float, float]
    reach: float

    def distort(self, points: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 2"]:
        """Where points appear through the lens."""
        return points * self._stretch(points) + self._shift(points)

    def undistort(self, points: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 2"]:
        """Where points that appear through the lens are."""
        result = points
        for _ in range(STEPS):
            result = (points - self._shift(result)) / self._stretch(result)
        return result

    def _stretch(self, points: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 1"]:
        square = points.square().sum(dim=-1, keepdim=True).clamp(max=self.reach**2)
        k1, k2, k3, k4 = self.radial
        return 1.0 + square * (k1 + square * (k2 + square * (k3 + square * k4)))

    def _shift(self, points: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 2"]:
        length = points.norm(dim=-1, keepdim=True)
        x, y = (points * (self.reach / length.clamp(min=self.reach))).unbind(dim=-1)
        square = x * x + y * y
        p1, p2 = self.tangential
        across = 2.0 * p1 * x * y + p2 * (square + 2.0 * x * x)
        down = 2.0 * p2 * x * y + p1 * (square + 2.0 * y * y)
        return torch.stack([across, down], dim=-1)


def trusted_reach(radial: tuple[float, float, float, float], limit: float) -> float:
    """The distance from the axis, at most ``limit``, up to which a farther point also appears farther out.

    Beyond it a barrel's polynomial turns back: what is beside the image would be found in it.
    """
    # the derivative of r (1 + k1 r^2 + k2 r^4 + ...)
    distance = torch.linspace(0.0, limit, 2048, dtype=torch.float64)
    growth = torch.ones_like(distance)
    for power, k in zip((2, 4, 6, 8), radial):
        growth += (power + 1) * k * distance**power
    turned = (growth <= 0).nonzero()
    return limit if len(turned) == 0 else float(distance[turned[0, 0] - 1])
