"""Weighted voting: what SA3D's mask inverse rendering amounts to, in closed form.

With learning rate 1, a loss linear in the grid and one step per view, SA3D's training adds
``w * M - lambda * w * (1 - M)`` to every voxel near a sample: votes for and against. Kept apart, the two sums need no
order of views, no optimiser and no fixed threshold.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.core.vote_sites import NearSites, VoteSites


@dataclass(eq=False)
class ObjectVotes:
    """Votes for and against each object at each site: a voxel or a Gaussian (A1 and A0).

    Args:
        inside: sum of share x rendering weight x mask; the last row takes what falls on no site.
        outside: the same of 1 - mask.
    """

    inside: Float[Tensor, "sites objects"]
    outside: Float[Tensor, "sites objects"]

    @classmethod
    def none(cls, sites: VoteSites, objects: int) -> "ObjectVotes":
        """No votes yet."""
        return cls(*(torch.zeros(sites.count + 1, objects, device=sites.device) for _ in range(2)))

    @classmethod
    def of_views(
        cls,
        sites: VoteSites,
        objects: int,
        views: Iterable[tuple[ViewSamples, NearSites, Float[Tensor, "h w objects"]]],
    ) -> "ObjectVotes":
        """The votes of several views that count alike, in one pass: further objects cost little.

        Args:
            sites: where votes are counted.
            objects: how many.
            views: samples, their sites and masks, as :meth:`add` takes them.
        """
        votes = cls.none(sites, objects)
        every = torch.zeros_like(votes.inside[:, 0])
        for samples, near, masks in views:
            mask = masks.flatten(0, 1)[samples.pixels]
            shares = near.shares * samples.weights[:, None]
            every.index_add_(0, near.sites.reshape(-1), shares.reshape(-1))
            on_mask = (mask != 0).any(dim=1).nonzero()[:, 0]
            inside = (shares[on_mask, :, None] * mask[on_mask, None]).flatten(0, 1)
            votes.inside.index_add_(0, near.sites[on_mask].reshape(-1), inside)
        votes.outside = every[:, None] - votes.inside
        return votes

    def add(
        self,
        samples: ViewSamples,
        near: NearSites,
        masks: Float[Tensor, "h w objects"],
        weights: Float[Tensor, " objects"] | float = 1.0,
    ) -> None:
        """Count the votes of one view.

        Args:
            samples: of the view, those near the sites.
            near: their sites.
            masks: 1 where a pixel shows the object, 0 elsewhere.
            weights: trust in this view's mask of each object; its negative takes a vote back.
        """
        mask = masks.flatten(0, 1)[samples.pixels]
        shares = near.shares * samples.weights[:, None]
        # Objects cover few pixels: every sample is counted once for all objects together, and those on a mask again.
        every = torch.zeros_like(self.inside[:, 0]).index_add_(0, near.sites.reshape(-1), shares.reshape(-1))
        on_mask = (mask != 0).any(dim=1).nonzero()[:, 0]
        votes = (shares[on_mask, :, None] * mask[on_mask, None]).flatten(0, 1)
        inside = torch.zeros_like(self.inside).index_add_(0, near.sites[on_mask].reshape(-1), votes)
        self.inside += inside * weights
        self.outside += (every[:, None] - inside) * weights

    def of(self, channel: int) -> "ObjectVotes":
        """The votes on one of several objects alone."""
        return ObjectVotes(
            self.inside[:, channel : channel + 1].clone(), self.outside[:, channel : channel + 1].clone()
        )

    def score(self, against: float = 1.0) -> Float[Tensor, "sites objects"]:
        """SA3D's grid: votes for, less ``against`` (lambda) times the votes against it."""
        return self.inside - against * self.outside

    def at(self, near: NearSites) -> tuple[Float[Tensor, "positions objects"], Float[Tensor, "positions objects"]]:
        """Both sums, interpolated at positions."""
        sites, shares = near.sites, near.shares[..., None]
        return (self.inside[sites] * shares).sum(dim=1), (self.outside[sites] * shares).sum(dim=1)

    def membership(self, near: NearSites) -> Float[Tensor, "positions objects"]:
        """Share of the votes at each position that are for the object, 0..1; 0 where nobody voted.

        SA3D's ``score(lambda) > 0`` is ``membership > lambda / (1 + lambda)``.
        """
        inside, outside = self.at(near)
        return inside / (inside + outside).clamp(min=1e-8)
