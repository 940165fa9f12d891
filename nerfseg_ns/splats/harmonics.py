"""Real spherical harmonics up to degree 3, in the order and with the signs of 3DGS and gsplat."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

HIGHEST_DEGREE = 3
COUNTS = tuple((degree + 1) ** 2 for degree in range(HIGHEST_DEGREE + 1))
"""Coefficients of each degree: 1, 4, 9, 16."""
CONSTANT = 0.28209479177387814
"""Value of the harmonic of degree 0: colour = 0.5 + CONSTANT * coefficient."""


def degree_of(coefficients: int) -> int:
    """The degree that has so many coefficients.

    Raises:
        ValueError: no degree up to 3 has.
    """
    if coefficients not in COUNTS:
        raise ValueError(f"{coefficients} coefficients of spherical harmonics; expected one of {COUNTS}")
    return COUNTS.index(coefficients)


def harmonic_basis(directions: Float[Tensor, "count 3"], degree: int) -> Float[Tensor, "count coefficients"]:
    """All harmonics up to a degree at unit directions."""
    x, y, z = directions.unbind(-1)
    basis = [torch.full_like(x, CONSTANT)]
    if degree > 0:
        basis += [-0.4886025119029199 * y, 0.4886025119029199 * z, -0.4886025119029199 * x]
    if degree > 1:
        xx, yy, zz = x * x, y * y, z * z
        basis += [
            1.0925484305920792 * x * y,
            -1.0925484305920792 * y * z,
            0.31539156525252005 * (2 * zz - xx - yy),
            -1.0925484305920792 * x * z,
            0.5462742152960396 * (xx - yy),
        ]
    if degree > 2:
        basis += [
            -0.5900435899266435 * y * (3 * xx - yy),
            2.890611442640554 * x * y * z,
            -0.4570457994644658 * y * (4 * zz - xx - yy),
            0.3731763325901154 * z * (2 * zz - 3 * xx - 3 * yy),
            -0.4570457994644658 * x * (4 * zz - xx - yy),
            1.445305721320277 * z * (xx - yy),
            -0.5900435899266435 * x * (xx - 3 * yy),
        ]
    return torch.stack(basis, dim=-1)


def turned(
    harmonics: Float[Tensor, "gaussians coefficients 3"], rotation: Float[Tensor, "3 3"]
) -> Float[Tensor, "gaussians coefficients 3"]:
    """The coefficients of the same colours after the scene is rotated: new(rotation @ d) = old(d).

    Each degree's harmonics rotate among themselves; the matrix follows from as many directions as determine it.
    """
    degree = degree_of(harmonics.shape[1])
    if degree == 0:
        return harmonics
    # a spiral over the sphere: more directions than coefficients, none of them special
    step = torch.arange(64, dtype=torch.float64)
    height, angle = 1 - (2 * step + 1) / 64, step * math.pi * (3 - math.sqrt(5))
    ring = (1 - height**2).sqrt()
    directions = torch.stack([ring * angle.cos(), ring * angle.sin(), height], dim=-1)
    old = harmonic_basis(directions, degree)
    new = harmonic_basis(directions @ rotation.double().cpu().T, degree)
    matrix = torch.linalg.lstsq(new, old).solution.to(harmonics)  # new @ matrix = old
    return torch.einsum("ij,gjc->gic", matrix, harmonics)
