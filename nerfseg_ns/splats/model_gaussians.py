"""The Gaussians of a nerfstudio model, as it learns them."""

import torch
from nerfstudio.models.base_model import Model

from nerfseg_ns.splats.gaussians import Gaussians


def model_gaussians(model: Model) -> Gaussians:
    """The Gaussians of Splatfacto or of a model with the same parts: views into its parameters, scene frame."""
    parts = model.gauss_params
    return Gaussians(
        parts["means"],
        parts["scales"],
        parts["quats"],
        parts["opacities"][:, 0],
        torch.cat([model.shs_0[:, None], parts["features_rest"]], dim=1),
    )


def set_gaussians(model: Model, gaussians: Gaussians) -> None:
    """Put other Gaussians into a model; its degree of spherical harmonics must be theirs, and above 0."""
    values = {
        "means": gaussians.means,
        "scales": gaussians.log_scales,
        "quats": gaussians.quaternions,
        "features_dc": gaussians.harmonics[:, 0],
        "features_rest": gaussians.harmonics[:, 1:],
        "opacities": gaussians.opacity_logits[:, None],
    }
    device = model.gauss_params["means"].device
    for name, value in values.items():
        model.gauss_params[name] = torch.nn.Parameter(value.detach().float().contiguous().to(device))
