"""How well a 2D mask agrees with what the votes of other views say, and which of several does best."""

from collections.abc import Sequence

from jaxtyping import Bool, Float
from torch import Tensor


def agreement(
    rendered: Bool[Tensor, "h w"], known: Bool[Tensor, "h w"], masks: Bool[Tensor, "candidates h w"]
) -> Float[Tensor, " candidates"]:
    """IoU of each mask with the rendered one, over the pixels that somebody has voted on.

    A view that sees the object's far side must not be called wrong for what nobody else has seen.

    Args:
        rendered: pixels that the votes call the object.
        known: pixels with votes.
        masks: candidates.
    """
    seen, said = masks & known, rendered & known
    both = (seen & said).sum(dim=(1, 2)).float()
    return both / (seen | said).sum(dim=(1, 2)).clamp(min=1)


def largest_of_the_best(scores: Sequence[float], areas: Sequence[float], ratio: float) -> int:
    """The largest among the candidates whose score is nearly the best: parts agree as well as the whole object does.

    Args:
        scores: agreement of each candidate; at least one.
        areas: their sizes.
        ratio: share of the best score that still counts as nearly the best, 0..1.
    """
    enough = ratio * max(scores)
    return max((i for i, score in enumerate(scores) if score >= enough), key=lambda i: areas[i])
