"""The nearest Gaussians of each."""

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.spatial import cKDTree
from torch import Tensor


def nearest_gaussians(means: Float[Tensor, "gaussians 3"], count: int) -> Int64[Tensor, "gaussians near"]:
    """Indices of the nearest others, at most ``count`` of them, on the device of the means.

    Args:
        means: centres.
        count: at least 1.
    """
    positions = means.detach().double().cpu().numpy()
    near = min(count, len(positions) - 1)
    if near < 1:
        return torch.zeros(len(positions), 0, dtype=torch.long, device=means.device)
    _, index = cKDTree(positions).query(positions, k=np.arange(2, near + 2), workers=-1)
    return torch.from_numpy(index).long().to(means.device)
