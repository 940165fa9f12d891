"""The masks that views gave, as votes that can be taken back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool
from torch import Tensor

from nerfseg_ns.core.mask_agreement import agreement
from nerfseg_ns.selection.neighbourhood import Neighbourhood


@dataclass(eq=False)
class Ballot:
    """The mask each view gave of one object, and how well it agrees with the votes of the other views."""

    masks: dict[int, Bool[Tensor, "h w"]] = field(default_factory=dict)
    agreements: dict[int, float] = field(default_factory=dict)

    def cast(self, view: int, mask: Bool[Tensor, "h w"], agreed: float) -> None:
        """Enter a view's mask."""
        self.masks[view], self.agreements[view] = mask, agreed

    def weight(self, view: int) -> float:
        """Trust in a view's mask; 0 for views that gave none."""
        return self.agreements.get(view, 0.0) ** 2

    @property
    def agreement(self) -> float:
        """Mean over the views; 0 without any."""
        return sum(self.agreements.values()) / max(1, len(self.agreements))

    def likeness(self, earlier: "Ballot") -> float | None:
        """Mean IoU with the masks that the same views gave earlier, None where no view gave one before."""
        shared = [(mask, earlier.masks[view]) for view, mask in self.masks.items() if view in earlier.masks]
        ious = [float((a & b).sum() / (a | b).sum().clamp(min=1)) for a, b in shared if a is not b]
        return sum(ious) / len(ious) if ious else None


def count(neighbourhood: Neighbourhood, ballots: Sequence[Ballot], view: int, sign: float = 1.0) -> None:
    """Add a view's votes for all objects of a neighbourhood, or with sign -1 take them back."""
    given = next((ballot.masks[view] for ballot in ballots if view in ballot.masks), None)
    if given is None:
        return
    none = torch.zeros_like(given)
    masks = torch.stack([ballot.masks.get(view, none) for ballot in ballots], dim=-1)
    weights = torch.tensor([sign * ballot.weight(view) for ballot in ballots], device=masks.device)
    neighbourhood.vote(view, masks, weights)


def without(
    neighbourhood: Neighbourhood, ballots: Sequence[Ballot], view: int
) -> tuple[Bool[Tensor, "h w objects"], Bool[Tensor, "h w objects"]]:
    """What all other views say of a view: see :meth:`~nerfseg_ns.selection.neighbourhood.Neighbourhood.render`."""
    count(neighbourhood, ballots, view, -1.0)
    rendered = neighbourhood.render(view)
    count(neighbourhood, ballots, view)
    return rendered


def settle(
    neighbourhood: Neighbourhood,
    ballots: Sequence[Ballot],
    candidates: Mapping[int, Bool[Tensor, "candidates h w"]],
) -> None:
    """Let every view choose, for each object, the candidate that agrees best with all others' votes; all at once."""
    chosen: dict[int, list[tuple[Tensor, float]]] = {}
    for view, masks in candidates.items():
        rendered, known = without(neighbourhood, ballots, view)
        chosen[view] = []
        for i in range(len(ballots)):
            scores = agreement(rendered[..., i], known[..., i], masks)
            best = int(scores.argmax())
            chosen[view].append((masks[best], float(scores[best])))
    for view, entries in chosen.items():
        count(neighbourhood, ballots, view, -1.0)
        for ballot, (mask, score) in zip(ballots, entries):
            ballot.cast(view, mask, score)
        count(neighbourhood, ballots, view)
