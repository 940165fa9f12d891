"""Gaussians near an object as what votes are counted on."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.core.vote_sites import NearSites

_REACH = 4.0  # cells around a Gaussian's centre in which it speaks for a point
_PAIRS_AT_ONCE = 1 << 24


@dataclass(frozen=True, eq=False)
class GaussianSites:
    """See :class:`~nerfseg_ns.core.vote_sites.VoteSites`.

    Args:
        gaussians: index of each in the scene, ascending.
        positions: their centres, scene frame.
        head_on: the votes of a view that sees it, on average over the views.
        cell: what counts as near, scene units.
    """

    gaussians: Int64[Tensor, " sites"]
    positions: Float[Tensor, "sites 3"]
    head_on: Float[Tensor, " sites"]
    cell: float

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.gaussians)

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return self.positions.device

    def near(self, samples: ViewSamples) -> NearSites:
        """Each sample's own Gaussian."""
        assert samples.primitives is not None
        return self.numbered(samples.primitives)

    def numbered(self, gaussians: Int64[Tensor, " positions"]) -> NearSites:
        """The sites of Gaussians by their index in the scene."""
        place = torch.searchsorted(self.gaussians, gaussians).clamp(max=self.count - 1)
        place = torch.where(self.gaussians[place] == gaussians, place, self.count)
        return NearSites(place[:, None], torch.ones_like(place[:, None], dtype=self.positions.dtype))

    def at(self, positions: Float[Tensor, "positions 3"]) -> NearSites:
        """The Gaussian with the nearest centre, if any is near."""
        pieces = []
        for piece in positions.to(self.positions).split(max(1, _PAIRS_AT_ONCE // self.count)):
            distance, place = torch.cdist(piece, self.positions).min(dim=1)
            pieces.append(torch.where(distance <= _REACH * self.cell, place, self.count))
        place = torch.cat(pieces) if pieces else self.gaussians[:0]
        return NearSites(place[:, None], torch.ones_like(place[:, None], dtype=self.positions.dtype))

    def centres(self) -> Float[Tensor, "sites 3"]:
        """The centres of the Gaussians."""
        return self.positions

    def bounds(self) -> tuple[Float[Tensor, "3"], Float[Tensor, "3"]]:
        """The box around the centres and what is near to them."""
        reach = _REACH * self.cell
        return self.positions.amin(dim=0) - reach, self.positions.amax(dim=0) + reach


def sites_of_gaussians(views: Sequence[ViewSamples], cell: float) -> GaussianSites:
    """The Gaussians that some samples belong to.

    Args:
        views: samples of each view, with ``primitives``; at least one sample.
        cell: see :class:`GaussianSites`.
    """
    primitives = torch.cat([_primitives(samples) for samples in views])
    gaussians, place = primitives.unique(return_inverse=True)
    positions = torch.empty(len(gaussians), 3, dtype=views[0].positions.dtype, device=gaussians.device)
    positions[place] = torch.cat([samples.positions for samples in views])  # all of one Gaussian are alike
    weight = positions.new_zeros(len(gaussians)).index_add_(0, place, torch.cat([s.weights for s in views]))
    seen = torch.zeros_like(weight)
    for samples in views:
        seen += torch.isin(gaussians, _primitives(samples)).to(seen)
    return GaussianSites(gaussians, positions, weight / seen.clamp(min=1.0), cell)


def _primitives(samples: ViewSamples) -> Int64[Tensor, " samples"]:
    assert samples.primitives is not None
    return samples.primitives
