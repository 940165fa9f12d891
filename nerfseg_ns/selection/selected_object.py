"""An object in 3D: votes on voxels or Gaussians, and a threshold."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nerfseg_ns.core.object_votes import ObjectVotes
from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.core.vote_sites import VoteSites
from nerfseg_ns.selection.prompts import ObjectPrompt


@dataclass(frozen=True, eq=False)
class SelectedObject:
    """The result of a selection. Immutable: another threshold makes another object that shares the votes.

    Args:
        prompt: what the user said.
        sites: voxels or Gaussians near the object.
        votes: of one object, on these.
        threshold: membership above which a point belongs to the object.
        report: what happened: views used and left out with reasons, agreement, seconds per stage.
    """

    has_place: ClassVar[bool] = True
    """False of the sky, which no point of the scene belongs to."""

    prompt: ObjectPrompt
    sites: VoteSites
    votes: ObjectVotes
    threshold: float = 0.5
    report: dict[str, Any] = field(default_factory=dict)

    def with_threshold(self, threshold: float) -> "SelectedObject":
        """The same votes with another threshold."""
        return replace(self, threshold=threshold)

    def membership(self, positions: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch"]:
        """Share of the votes that are for the object, 0..1, at points of the scene frame."""
        flat = positions.reshape(-1, 3)
        result = flat.new_zeros(len(flat))
        low, high = self.sites.bounds()
        near = ((flat >= low) & (flat <= high)).all(dim=-1)  # most of a scene is elsewhere
        result[near] = self.votes.membership(self.sites.at(flat[near]))[:, 0]
        return result.reshape(positions.shape[:-1])

    def contains(self, positions: Float[Tensor, "*batch 3"]) -> Bool[Tensor, "*batch"]:
        """Whether points of the scene frame belong to the object."""
        return self.membership(positions) > self.threshold

    def membership_of(self, samples: ViewSamples) -> Float[Tensor, " samples"]:
        """The membership of samples of a view."""
        if samples.primitives is None:
            return self.membership(samples.positions)
        return self.votes.membership(self.sites.near(samples))[:, 0]

    def holds(self, samples: ViewSamples) -> Bool[Tensor, " samples"]:
        """Whether samples of a view belong to the object."""
        return self.membership_of(samples) > self.threshold

    def share(self, samples: ViewSamples) -> Float[Tensor, "h w"]:
        """The share of each ray's weight that lies inside."""
        inside = self.holds(samples)
        return samples.per_pixel(inside[:, None].to(samples.weights))[..., 0]

    def vote(self, samples: ViewSamples) -> Float[Tensor, "h w"]:
        """How sure each pixel of a view is of the object: the membership along its ray by weight, 0..1."""
        membership = self.membership_of(samples)
        both = samples.per_pixel(torch.stack([membership, torch.ones_like(membership)], dim=1))
        return both[..., 0] / both[..., 1].clamp(min=1e-8)

    def mask(self, samples: ViewSamples) -> Bool[Tensor, "h w"]:
        """The object in a view: pixels whose ray has most of its weight inside."""
        return self.share(samples) > 0.5

    def bounds(self) -> tuple[Float[Tensor, "3"], Float[Tensor, "3"]] | None:
        """Corners of the box around the sites inside, scene frame; None when there are none."""
        centres = self.sites.centres()
        near = self.votes.inside[: self.sites.count, 0], self.votes.outside[: self.sites.count, 0]
        inside = near[0] > self.threshold * (near[0] + near[1]).clamp(min=1e-8)
        if not inside.any():
            return None
        kept = centres[inside]
        half = self.sites.cell / 2
        return kept.amin(dim=0) - half, kept.amax(dim=0) + half
