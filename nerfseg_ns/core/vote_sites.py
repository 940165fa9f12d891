"""What votes are counted on: the voxels of a radiance field, or the Gaussians of a splat scene."""

from typing import NamedTuple, Protocol

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from nerfseg_ns.core.view_samples import ViewSamples


class NearSites(NamedTuple):
    """The sites near each position, and how much each counts: eight voxels around it, or one Gaussian.

    Args:
        sites: their indices; :attr:`VoteSites.count` where there is none.
        shares: they sum to 1 for each position.
    """

    sites: Int64[Tensor, "positions near"]
    shares: Float[Tensor, "positions near"]


class VoteSites(Protocol):
    """Sites near an object."""

    @property
    def count(self) -> int:
        """How many there are."""

    @property
    def cell(self) -> float:
        """Size of the smallest thing to tell apart: the edge of a voxel, scene units."""

    @property
    def device(self) -> torch.device:
        """Where they are."""

    @property
    def head_on(self) -> Float[Tensor, " sites"] | float:
        """Votes that a view puts on a site that it sees head-on."""

    def near(self, samples: ViewSamples) -> NearSites:
        """The sites that samples vote on."""

    def at(self, positions: Float[Tensor, "positions 3"]) -> NearSites:
        """The sites that speak for any point of the scene frame."""

    def centres(self) -> Float[Tensor, "sites 3"]:
        """Position of every site, scene frame."""

    def bounds(self) -> tuple[Float[Tensor, "3"], Float[Tensor, "3"]]:
        """Corners of the box in which :meth:`at` finds any."""
