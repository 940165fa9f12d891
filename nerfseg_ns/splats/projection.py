"""Gaussians on the image plane (EWA splatting, Zwicker et al. 2001), with gsplat's constants."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.rasteriser import view_matrix

NEAR = 0.01
"""Gaussians nearer to the camera's plane, or behind it, are left out (Splatfacto's near plane)."""
BLUR = 0.3
"""Added to the variance along both image axes, pixels squared: no Gaussian is thinner than a pixel."""
_SIDEWAYS = 0.3  # of the half field of view: farther out, the projection's slope is that at this border


@dataclass(frozen=True, eq=False)
class ProjectedGaussians:
    """The Gaussians that reach a view, from front to back.

    Args:
        index: of each in the scene.
        centres: x, y in pixels.
        conics: inverse covariance in pixels: entries xx, xy, yy.
        depths: along the viewing axis, scene units.
        radii: three standard deviations along the longer axis, whole pixels.
    """

    index: Int64[Tensor, " visible"]
    centres: Float[Tensor, "visible 2"]
    conics: Float[Tensor, "visible 3"]
    depths: Float[Tensor, " visible"]
    radii: Float[Tensor, " visible"]

    def __len__(self) -> int:
        return len(self.index)


def project(gaussians: Gaussians, camera: Pinhole) -> ProjectedGaussians:
    """Project Gaussians; differentiable.

    Args:
        gaussians: the scene.
        camera: without a lens.
    """
    height, width = camera.size
    view = view_matrix(camera).to(gaussians.means)
    local = gaussians.means @ view[:3, :3].T + view[:3, 3]
    front = (local[:, 2] > NEAR).nonzero()[:, 0]
    order = front[local[front, 2].detach().argsort(stable=True)]
    local, x_y_z = local[order], local[order].unbind(-1)
    x, y, z = x_y_z
    fx, fy, cx, cy = camera.fx, camera.fy, camera.cx, camera.cy
    across, up = _SIDEWAYS * 0.5 * width / fx, _SIDEWAYS * 0.5 * height / fy
    slope_x = (x / z).clamp(-(cx / fx + across), (width - cx) / fx + across)
    slope_y = (y / z).clamp(-(cy / fy + up), (height - cy) / fy + up)
    zero = torch.zeros_like(z)
    jacobian = torch.stack(
        [torch.stack([fx / z, zero, -fx * slope_x / z], -1), torch.stack([zero, fy / z, -fy * slope_y / z], -1)], -2
    )
    onto = jacobian @ view[:3, :3]
    covariances = gaussians.where(order).covariances()
    plane = onto @ covariances @ onto.transpose(1, 2)
    xx, yy = plane[:, 0, 0] + BLUR, plane[:, 1, 1] + BLUR
    xy = (plane[:, 0, 1] + plane[:, 1, 0]) / 2
    determinant = (xx * yy - xy * xy).clamp(min=1e-10)
    middle = (xx + yy) / 2
    radii = (3.0 * (middle + (middle**2 - determinant).clamp(min=0.01).sqrt()).sqrt()).ceil().detach()
    centres = torch.stack([fx * x / z + cx, fy * y / z + cy], dim=-1)
    borders = centres.new_tensor([width, height])
    inside = ((centres + radii[:, None] > 0) & (centres - radii[:, None] < borders)).all(dim=-1).detach()
    conics = torch.stack([yy, -xy, xx], dim=-1) / determinant[:, None]
    return ProjectedGaussians(order[inside], centres[inside], conics[inside], z[inside], radii[inside])
