"""From objects with classes to the class ids of a view's pixels."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from nerfseg_ns.core.class_table import IGNORE


def object_labels(
    masks: Bool[Tensor, "objects h w"],
    votes: Float[Tensor, "objects h w"],
    classes: Sequence[int],
    confidence: float,
) -> UInt8[Tensor, "h w"]:
    """The class of every pixel; where objects of several classes overlap, that of the highest vote.

    Objects of one class do not compete: a class has the vote of its strongest object there.

    Args:
        masks: the pixels that show each object.
        votes: how sure each pixel is of each object, 0..1.
        classes: the class id of each object, 0..254.
        confidence: pixels whose highest vote is below it get no class.

    Returns:
        Class ids; :data:`~nerfseg_ns.core.class_table.IGNORE` where no object shows, where the highest vote is too low,
        and where two classes have the same.
    """
    ids = torch.full(masks.shape[1:], IGNORE, dtype=torch.uint8, device=masks.device)
    best = torch.full(masks.shape[1:], -1.0, device=masks.device)
    for class_id in sorted(set(classes)):
        own = [number for number, each in enumerate(classes) if each == class_id]
        vote = votes[own].masked_fill(~masks[own], -1.0).amax(dim=0)
        ids[vote > best] = class_id
        ids[(vote == best) & (vote >= 0)] = IGNORE
        best = torch.maximum(best, vote)
    ids[best < confidence] = IGNORE
    return ids
