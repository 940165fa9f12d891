"""A scene of 3D Gaussians (Kerbl et al., SIGGRAPH 2023)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from nerfseg_ns.splats.harmonics import degree_of, harmonic_basis


@dataclass(frozen=True, eq=False)
class Gaussians:
    """Gaussians as they are stored and learned.

    Args:
        means: centres, scene units.
        log_scales: natural logarithm of the standard deviations along each Gaussian's own axes.
        quaternions: w, x, y, z of its rotation; of any length but 0.
        opacity_logits: before the sigmoid.
        harmonics: colour by direction, coefficients of spherical harmonics of degree 0 to 3: 1, 4, 9 or 16.
    """

    means: Float[Tensor, "gaussians 3"]
    log_scales: Float[Tensor, "gaussians 3"]
    quaternions: Float[Tensor, "gaussians 4"]
    opacity_logits: Float[Tensor, " gaussians"]
    harmonics: Float[Tensor, "gaussians coefficients 3"]

    def __len__(self) -> int:
        return len(self.means)

    @property
    def degree(self) -> int:
        """Of the spherical harmonics."""
        return degree_of(self.harmonics.shape[1])

    @property
    def scales(self) -> Float[Tensor, "gaussians 3"]:
        """Standard deviations, scene units."""
        return self.log_scales.exp()

    @property
    def opacities(self) -> Float[Tensor, " gaussians"]:
        """Opacity at the centre, 0..1."""
        return self.opacity_logits.sigmoid()

    def rotations(self) -> Float[Tensor, "gaussians 3 3"]:
        """From each Gaussian's own axes to those of the scene."""
        return rotation_matrices(self.quaternions)

    def covariances(self) -> Float[Tensor, "gaussians 3 3"]:
        """Covariance matrices, scene units squared."""
        axes = self.rotations() * self.scales[:, None, :]
        return axes @ axes.transpose(1, 2)

    def colours(self, eye: Float[Tensor, "3"]) -> Float[Tensor, "gaussians 3"]:
        """RGB as seen from a place, not below 0; 1 is white."""
        basis = harmonic_basis(F.normalize(self.means - eye, dim=-1), self.degree)
        return ((basis[:, :, None] * self.harmonics).sum(dim=1) + 0.5).clamp(min=0.0)

    def where(self, kept: Tensor) -> "Gaussians":
        """The Gaussians of a boolean mask or of indices."""
        return Gaussians(*(getattr(self, field.name)[kept] for field in fields(self)))

    def to(self, device: torch.device | str) -> "Gaussians":
        """The same on another device."""
        return Gaussians(*(getattr(self, field.name).to(device) for field in fields(self)))

    def detached(self) -> "Gaussians":
        """The same without a history of gradients."""
        return Gaussians(*(getattr(self, field.name).detach() for field in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence["Gaussians"]) -> "Gaussians":
        """One after the other; all of one degree."""
        return cls(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(cls)))


def rotation_matrices(quaternions: Float[Tensor, "count 4"]) -> Float[Tensor, "count 3 3"]:
    """Rotation matrices of quaternions w, x, y, z of any length but 0."""
    w, x, y, z = F.normalize(quaternions, dim=-1).unbind(-1)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
