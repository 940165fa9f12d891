"""The part of a scene around an object: its voxels or Gaussians, and the samples of some views inside it."""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nerfseg_ns.core.gaussian_sites import sites_of_gaussians
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.object_votes import ObjectVotes
from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.core.vote_sites import VoteSites
from nerfseg_ns.core.voxel_blocks import blocks_around, bytes_needed
from nerfseg_ns.selection.scene import Scene

MEMORY_LIMIT = 2 << 30
"""Bytes that the votes of one selection may take."""


class Neighbourhood:
    """Votes on what is in a box, for one or several objects at once, from the views given.

    They are counted on voxels, or on Gaussians where the scene's samples are theirs.

    Args:
        scene: gives the samples.
        views: numbers of the views.
        low: corner of the box, scene frame.
        high: the opposite corner.
        cell: edge of a voxel, scene units.
        objects: how many objects share them.

    Raises:
        InputError: the votes would not fit in memory, or no view has a sample in the box.
    """

    def __init__(
        self,
        scene: Scene,
        views: Sequence[int],
        low: Float[Tensor, "3"],
        high: Float[Tensor, "3"],
        cell: float,
        objects: int = 1,
    ) -> None:
        self.samples: dict[int, ViewSamples] = {}
        for view in views:
            samples = scene.samples(view)
            inside = ((samples.positions > low) & (samples.positions < high)).all(dim=-1)
            self.samples[view] = samples.where(inside)
        self.sites = _sites(list(self.samples.values()), low, high, cell, objects)
        self.near = {view: self.sites.near(samples) for view, samples in self.samples.items()}
        self.votes = ObjectVotes.none(self.sites, objects)
        self._decided: list[tuple[Bool[Tensor, " sites"], bool]] = []

    def vote(self, view: int, masks: Bool[Tensor, "h w objects"], weights: Float[Tensor, " objects"]) -> None:
        """Count a view's masks; negative weights take them back."""
        self.votes.add(self.samples[view], self.near[view], masks.to(weights), weights)

    def count(self, masks: Mapping[int, Bool[Tensor, "h w objects"]]) -> None:
        """Take the masks of some views, all of which count alike, in the place of all votes."""
        weights = self.votes.inside
        views = ((self.samples[view], self.near[view], mask.to(weights)) for view, mask in sorted(masks.items()))
        self.votes = ObjectVotes.of_views(self.sites, weights.shape[1], views)

    def oppose(self, apart: Callable[[Float[Tensor, "sites 3"]], Bool[Tensor, " sites"]], weight: float) -> None:
        """Votes against all objects on sites that cannot belong to them.

        Args:
            apart: which of some positions, scene frame, these are.
            weight: of the votes, in views that see a site head-on.
        """
        against = apart(self.sites.centres()).to(self.votes.outside) * self.sites.head_on * weight
        self.votes.outside[: self.sites.count] += against[:, None]

    def decide(self, sites: Bool[Tensor, " sites"], belongs: bool) -> None:
        """Let all votes on some sites count for the objects, or all against them; later decisions go before."""
        self._decided.append((sites, belongs))

    def result(self) -> ObjectVotes:
        """The votes, with what has been decided."""
        if not self._decided:
            return self.votes
        inside, every = self.votes.inside.clone(), self.votes.inside + self.votes.outside
        for sites, belongs in self._decided:
            inside[: self.sites.count][sites] = every[: self.sites.count][sites] if belongs else 0.0
        return ObjectVotes(inside, every - inside)

    def render(self, view: int) -> tuple[Bool[Tensor, "h w objects"], Bool[Tensor, "h w objects"]]:
        """What the votes say of a view: pixels inside each object, and pixels that have votes at all."""
        inside, outside = self.result().at(self.near[view])
        # a tenth of one voxel's vote: less is the rim of trilinear interpolation
        known = inside + outside > 1e-3
        samples = self.samples[view]
        pixels = samples.per_pixel(torch.cat([inside > outside, known], dim=-1).to(samples.weights))
        objects = inside.shape[-1]
        return pixels[..., :objects] > 0.5, pixels[..., objects:] > 0.5


def _sites(
    views: Sequence[ViewSamples], low: Float[Tensor, "3"], high: Float[Tensor, "3"], cell: float, objects: int
) -> VoteSites:
    if not any(len(samples.weights) for samples in views):
        raise InputError("there is nothing dense around the prompt")
    if views[0].primitives is not None:
        return sites_of_gaussians(views, cell)
    needed = bytes_needed(low, high, cell, objects)
    if needed > MEMORY_LIMIT:
        raise InputError(
            f"a grid of {cell:.4g} scene units over {[round(v, 3) for v in (high - low).tolist()]} would take "
            f"{needed / 2**30:.1f} GiB, more than {MEMORY_LIMIT / 2**30:.0f} GiB; use larger voxels"
        )
    return blocks_around(torch.cat([samples.positions for samples in views]), cell)
