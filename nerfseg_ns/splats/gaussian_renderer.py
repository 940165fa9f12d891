"""Samples of a model made of Gaussians: what selection asks of any model."""

import torch
from jaxtyping import Float
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.models.base_model import Model
from torch import Tensor

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.splats.gaussian_rays import contributions_of_rays
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.model_gaussians import model_gaussians
from nerfseg_ns.splats.rasteriser import Rasteriser, make_rasteriser

_PAIRS_AT_ONCE = 1 << 22
_POINTS_AT_ONCE = 1 << 14


class GaussianRenderer:
    """See :class:`~nerfseg_ns.selection.sample_renderer.SampleRenderer`.

    Args:
        model: Splatfacto, or a model with the same parts.
        rasteriser: in the place of the one for the model's device.

    Raises:
        InputError: more Gaussians than can be rendered without a CUDA GPU.
    """

    worth_keeping = False

    def __init__(self, model: Model, rasteriser: Rasteriser | None = None) -> None:
        self.model = model
        self.rasteriser = rasteriser or make_rasteriser(model.device, len(model.gauss_params["means"]))

    @property
    def gaussians(self) -> Gaussians:
        """The model's, without gradients."""
        return model_gaussians(self.model).detached()

    @property
    def primitives(self) -> Float[Tensor, "gaussians 3"]:
        """Their centres."""
        return self.gaussians.means

    def view(self, camera: Cameras, pinhole: Pinhole) -> ViewSamples:
        """See there.

        Raises:
            InputError: the camera's lens is distorted.
        """
        if pinhole.lens is not None:
            raise InputError(
                "the views have lens distortion, and Gaussians are rendered without: undistort the images (COLMAP's "
                "image_undistorter does) and train on them, or import the PLY file with the cameras of those"
            )
        gaussians = self.gaussians
        return self.rasteriser.contributions(gaussians, pinhole).samples(gaussians, pinhole)

    @torch.no_grad()
    def samples(self, rays: RayBundle) -> ViewSamples:
        """A few rays, each against all Gaussians in space; views are much quicker by :meth:`view`."""
        gaussians, shape = self.gaussians, rays.shape
        origins, directions = (value.reshape(-1, 3).to(gaussians.means) for value in (rays.origins, rays.directions))
        found = contributions_of_rays(gaussians, origins, directions)
        return found.samples_of_rays(gaussians, origins, directions, (shape[0], shape[1]))

    @torch.no_grad()
    def density(self, positions: Float[Tensor, "points 3"]) -> Float[Tensor, " points"]:
        """Sum of opacity x falloff of all Gaussians."""
        gaussians = self.gaussians
        inward = gaussians.rotations().transpose(1, 2) / gaussians.scales[:, :, None]
        reach = 3.0 * gaussians.scales.amax(dim=-1, keepdim=True)
        low, high = gaussians.means - reach, gaussians.means + reach
        result = []
        for points in positions.to(gaussians.means).split(_POINTS_AT_ONCE):
            near = ((high > points.amin(dim=0)) & (low < points.amax(dim=0))).all(dim=-1).nonzero()[:, 0]
            total = points.new_zeros(len(points))
            for some in near.split(max(1, _PAIRS_AT_ONCE // len(points))):
                away = torch.einsum("gij,pgj->pgi", inward[some], points[:, None] - gaussians.means[some])
                total += (gaussians.opacities[some] * torch.exp(-0.5 * away.square().sum(dim=-1))).sum(dim=-1)
            result.append(total)
        return torch.cat(result).to(positions) if result else positions.new_zeros(0)
