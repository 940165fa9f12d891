"""The air between neighbouring cameras, which is free of surfaces though no photo may show that it is."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

NEIGHBOURS = 4
"""Each camera looks to so many of its nearest ones."""
REACH = 0.5
"""How far the air reaches along the view from between two cameras, in their distance."""
SPREAD = 0.3
"""How far directions may lean away from the view: about the tangent of half a camera's field of view."""


class FreeAir:
    """Where cameras have flown, more of them could have flown, and would have seen what is below.

    Training rays of cameras across the scene end in such places, and a field can put the colour of their sky there:
    haze, in which a new view between two cameras sees nothing. No colour of a photo speaks against it.

    Args:
        c2w: camera-to-world poses in one frame, camera looking along -z; at least one.
    """

    def __init__(self, c2w: Float[Tensor, "cameras 3 4"]) -> None:
        self._origins, self._views = c2w[:, :, 3], -c2w[:, :, 2]
        distances = torch.cdist(self._origins, self._origins)
        distances[distances <= 1e-6 * distances.max()] = torch.inf  # the camera itself, and others at its place
        nearest, neighbours = distances.topk(min(NEIGHBOURS, len(c2w)), largest=False)
        first, rank = torch.nonzero(nearest.isfinite(), as_tuple=True)
        self._pairs: Int64[Tensor, "pairs 2"] = torch.stack([first, neighbours[first, rank]], dim=-1)

    def __len__(self) -> int:
        """Pairs of neighbouring cameras; without one, as with a single camera, there are no points."""
        return len(self._pairs)

    def points(self, count: int) -> tuple[Float[Tensor, "points 3"], Float[Tensor, "points 1"]]:
        """Random points of the air.

        Args:
            count: how many; there is at least one pair.

        Returns:
            points in the frame of the poses; the distance of the two cameras that each lies between.
        """
        device = self._origins.device
        first, second = self._pairs[torch.randint(len(self._pairs), (count,), device=device)].unbind(-1)
        share, along = torch.rand(count, 1, device=device), REACH * torch.rand(count, 1, device=device)
        places = torch.lerp(self._origins[first], self._origins[second], share)
        views = F.normalize(torch.lerp(self._views[first], self._views[second], share), dim=-1)
        views = F.normalize(views + SPREAD * torch.randn(count, 3, device=device), dim=-1)
        distances = (self._origins[first] - self._origins[second]).norm(dim=-1, keepdim=True)
        return places + along * distances * views, distances


def air_loss(density: Float[Tensor, "points 1"], distances: Float[Tensor, "points 1"]) -> Float[Tensor, ""]:
    """Mean of log(1 + density x distance) over points that should be free: dense haze is still told to thin out.

    Args:
        density: at the points, per unit of the distances.
        distances: as :meth:`FreeAir.points` returns them.
    """
    return torch.log1p(density * distances).mean()
