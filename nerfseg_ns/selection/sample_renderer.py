"""The interface of what gives a model's samples, and the choice by the kind of model."""

from typing import Protocol

from jaxtyping import Float
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.models.base_model import Model
from torch import Tensor

from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.view_samples import ViewSamples


class SampleRenderer(Protocol):
    """Samples and densities of a model."""

    @property
    def model(self) -> Model:
        """The model."""

    @property
    def primitives(self) -> Float[Tensor, "primitives 3"] | None:
        """Centres of the model's Gaussians, which its samples refer to; None for a field."""

    @property
    def worth_keeping(self) -> bool:
        """Whether reading a view's samples from a disk is quicker than rendering them."""

    def view(self, camera: Cameras, pinhole: Pinhole) -> ViewSamples:
        """The samples of one view.

        Args:
            camera: one in a batch, with its distortion.
            pinhole: the same.
        """

    def samples(self, rays: RayBundle) -> ViewSamples:
        """The samples of any rays [h, w]."""

    def density(self, positions: Float[Tensor, "points 3"]) -> Float[Tensor, " points"]:
        """Density at points of the scene frame."""


def make_renderer(model: Model, method: str | None = None) -> SampleRenderer:
    """The renderer of a model: of its Gaussians, or of its density field.

    Args:
        model: any of nerfstudio's.
        method: the name of its method, for messages.

    Raises:
        InputError: the model has neither; or more Gaussians than can be rendered without a CUDA GPU.
    """
    if hasattr(model, "gauss_params"):
        from nerfseg_ns.splats.gaussian_renderer import GaussianRenderer

        return GaussianRenderer(model)
    from nerfseg_ns.selection.field_renderer import FieldRenderer

    return FieldRenderer(model, method)
