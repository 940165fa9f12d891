"""Where single rays meet the surface of a trained model."""

import torch
from jaxtyping import Float
from nerfstudio.cameras.rays import RayBundle
from torch import Tensor

from nerfseg_ns.selection.sample_renderer import SampleRenderer


def surface_distance(
    renderer: SampleRenderer, origins: Float[Tensor, "rays 3"], directions: Float[Tensor, "rays 3"]
) -> Float[Tensor, " rays"]:
    """Distance along each ray of the surface it meets, scene units; infinite where it meets none.

    Args:
        renderer: of the model.
        origins: scene frame.
        directions: unit length.
    """
    each = origins[:, None]  # one column of pixels
    bundle = RayBundle(
        origins=each,
        directions=directions[:, None],
        pixel_area=torch.full_like(each[..., :1], 1e-6),
        camera_indices=torch.zeros_like(each[..., :1], dtype=torch.long),
        metadata={"directions_norm": torch.ones_like(each[..., :1])},
    )
    with torch.compiler.set_stance("force_eager"):  # few rays: not worth the half minute of a compilation
        return renderer.samples(bundle).distance[:, 0].cpu()
