"""Views of a model made of Gaussians by a rasteriser of ours: on any device, and at full size in training too."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.models.base_model import Model
from torch import Tensor

from nerfseg_ns.data.pinhole_cameras import pinhole_of
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.model_gaussians import model_gaussians
from nerfseg_ns.splats.rasteriser import Rasteriser, make_rasteriser


def visible_gaussians(model: Model) -> tuple[Gaussians, Tensor | slice]:
    """The Gaussians inside the viewer's crop, without gradients, and which they are."""
    gaussians = model_gaussians(model).detached()
    if model.crop_box is None or model.training:
        return gaussians, slice(None)
    inside = model.crop_box.within(model.means).reshape(-1)
    return gaussians.where(inside), inside


@torch.no_grad()
def gaussian_outputs(model: Model, camera: Cameras, rasteriser: Rasteriser) -> dict[str, Any]:
    """Splatfacto's outputs.

    Args:
        model: Splatfacto, or a model with the same parts.
        camera: one, in nerfstudio's scene frame.
        rasteriser: of the model's device.

    Returns:
        rgb, depth (along the viewing axis), accumulation and background.
    """
    gaussians, _ = visible_gaussians(model)
    view = pinhole_of(camera, model.device)
    depth = (gaussians.means - view.centre) @ -view.c2w[:, 2:3]
    drawn, alpha = rasteriser.render(gaussians, torch.cat([gaussians.colours(view.centre), depth], dim=-1), view)
    background = model._get_background_color()
    alpha = alpha[..., None]
    expected = drawn[..., 3:] / alpha.clamp(min=1e-6)
    return {
        "rgb": (drawn[..., :3] + (1.0 - alpha) * background).clamp(0.0, 1.0),
        "depth": torch.where(alpha > 0, expected, expected.max()),
        "accumulation": alpha,
        "background": background if model.training else background.expand(*alpha.shape[:2], 3),
    }


@contextmanager
def kept_gaussians(model: Model, kept: Bool[Tensor, " gaussians"]) -> Iterator[None]:
    """While the block runs, the model shows only some of the Gaussians inside the viewer's crop.

    Args:
        model: Splatfacto, or a model with the same parts.
        kept: which.
    """
    crop = model.crop_box
    model.crop_box = _Kept(crop, kept)
    try:
        yield
    finally:
        model.crop_box = crop


@dataclass(frozen=True, eq=False)
class _Kept:
    """As much of nerfstudio's OrientedBox as Splatfacto asks for."""

    crop: Any
    kept: Bool[Tensor, " gaussians"]

    def within(self, means: Tensor) -> Tensor:
        return self.kept if self.crop is None else self.kept & self.crop.within(means).reshape(-1)


@torch.no_grad()
def shares_of_pixels(
    model: Model, camera: Cameras, values: Float[Tensor, "gaussians channels"]
) -> Float[Tensor, "h w channels"]:
    """Values of the Gaussians, composited over a view.

    Args:
        model: Splatfacto, or a model with the same parts.
        camera: one, in nerfstudio's scene frame.
        values: of all Gaussians; those outside of the viewer's crop are left out.
    """
    gaussians, which = visible_gaussians(model)
    view = pinhole_of(camera, model.device)
    if len(gaussians) == 0:
        return values.new_zeros(*view.size, values.shape[1])
    return make_rasteriser(model.device, len(gaussians)).render(gaussians, values[which], view)[0]


def draw_without_cuda(model: Model) -> None:
    """Let a model of Splatfacto on a CPU be drawn by the reference rasteriser; other models stay as they are.

    Splatfacto itself calls CUDA; NerfSegSplatModel chooses for itself.
    """
    from nerfstudio.models.splatfacto import SplatfactoModel

    if isinstance(model, SplatfactoModel) and type(model).get_outputs is SplatfactoModel.get_outputs:
        model.get_outputs = partial(_drawn, model)  # type: ignore[method-assign]


def _drawn(model: Model, camera: Cameras) -> dict[str, Any]:
    return gaussian_outputs(model, camera, make_rasteriser(model.device, len(model.gauss_params["means"])))
