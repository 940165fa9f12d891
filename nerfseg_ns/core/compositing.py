"""Volume rendering: densities along a ray to weights, and weights to what is composited with them."""

import torch
from jaxtyping import Float
from torch import Tensor

MAX_OPTICAL_DEPTH = 1e10
"""Far beyond opaque, and far from infinite."""


def composite_weights(
    density: Float[Tensor, "*rays samples 1"], deltas: Float[Tensor, "*rays samples 1"]
) -> Float[Tensor, "*rays samples 1"]:
    """Volume-rendering weights w_i = T_i (1 - exp(-sigma_i delta_i)), T_i = exp(-sum_{j<i} sigma_j delta_j).

    Args:
        density: non-negative density at each sample, per scene unit.
        deltas: length of each sample's interval, in scene units.

    Returns:
        Weights, each in 0..1, summing to at most 1 along the samples (NeRF, Eq. 3).
    """
    # not infinite: inf - inf below would make the weight of an opaque sample 0 and every gradient of its ray NaN
    optical_depth = (density * deltas).clamp(max=MAX_OPTICAL_DEPTH)
    before = torch.cumsum(optical_depth, dim=-2) - optical_depth
    return torch.nan_to_num(torch.exp(-before) * -torch.expm1(-optical_depth))


def absorb_remainder(weights: Float[Tensor, "*rays samples 1"]) -> Float[Tensor, "*rays samples 1"]:
    """Give the last sample the light that passed all others, so that the weights of every ray sum to 1.

    It is the sample at the far plane that stands for what is behind the scene: without it the sky would have neither
    a colour nor a class.
    """
    remainder = (1.0 - weights.sum(dim=-2, keepdim=True)).clamp(min=0.0)
    return torch.cat([weights[..., :-1, :], weights[..., -1:, :] + remainder], dim=-2)


def composite(
    weights: Float[Tensor, "*rays samples 1"], values: Float[Tensor, "*rays samples channels"]
) -> Float[Tensor, "*rays channels"]:
    """Weighted sum of per-sample values along each ray."""
    return (weights * values).sum(dim=-2)
