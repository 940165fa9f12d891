"""gsplat behind the rasteriser's interface: CUDA only."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.splats.contributions import Contributions, light_before
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.projection import NEAR
from nerfseg_ns.splats.rasteriser import view_matrix

_TILE = 16
_MOST_ALPHA = 0.999


class GsplatRasteriser:
    """See :class:`~nerfseg_ns.splats.rasteriser.Rasteriser`."""

    def render(
        self, gaussians: Gaussians, features: Float[Tensor, "gaussians channels"], camera: Pinhole
    ) -> tuple[Float[Tensor, "h w channels"], Float[Tensor, "h w"]]:
        """See there."""
        rendered, alpha, _ = self._rasterise(gaussians, features, camera)
        return rendered[0], alpha[0, ..., 0]

    @torch.no_grad()
    def contributions(self, gaussians: Gaussians, camera: Pinhole) -> Contributions:
        """See there."""
        from gsplat.cuda._wrapper import rasterize_to_indices_in_range

        _, _, meta = self._rasterise(gaussians, gaussians.means[:, :1], camera)
        height, width = camera.size
        centres, conics, opacities = meta["means2d"], meta["conics"], meta["opacities"]
        index, pixels, _ = rasterize_to_indices_in_range(
            0,
            1 << 30,
            torch.ones(1, height, width, device=centres.device),
            centres,
            conics,
            opacities,
            width,
            height,
            _TILE,
            meta["isect_offsets"],
            meta["flatten_ids"],
        )
        order = pixels.argsort(stable=True)
        index, pixels = index[order].long(), pixels[order].long()
        x = pixels % width + 0.5 - centres[0, index, 0]
        y = pixels // width + 0.5 - centres[0, index, 1]
        xx, xy, yy = conics[0, index].unbind(-1)
        falloff = torch.exp(-(0.5 * (xx * x * x + yy * y * y) + xy * x * y))
        alpha = (opacities[0, index] * falloff).clamp(max=_MOST_ALPHA)
        return Contributions(index, pixels, alpha * light_before(alpha, pixels))

    def _rasterise(self, gaussians: Gaussians, features: Tensor, camera: Pinhole) -> tuple[Tensor, Tensor, Any]:
        from gsplat.rendering import rasterization

        height, width = camera.size
        intrinsics = [[camera.fx, 0.0, camera.cx], [0.0, camera.fy, camera.cy], [0.0, 0.0, 1.0]]
        return rasterization(
            means=gaussians.means,
            quats=gaussians.quaternions,
            scales=gaussians.scales,
            opacities=gaussians.opacities,
            colors=features,
            viewmats=view_matrix(camera)[None].to(gaussians.means),
            Ks=gaussians.means.new_tensor(intrinsics)[None],
            width=width,
            height=height,
            near_plane=NEAR,
            tile_size=_TILE,
            packed=False,
        )
