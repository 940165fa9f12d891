"""What the rays of a camera meet in the density field of a nerfstudio model."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.models.base_model import Model
from torch import Tensor

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.view_samples import MINIMUM_WEIGHT, ViewSamples, weighty_samples
from nerfseg_ns.nerf.compilation import eager_under_trace

SKY = 100.0
"""What lies farther away is sky, scene units: a hundred times the spread of the cameras."""
_PARTS = ("field", "proposal_sampler", "proposal_networks")
_POINTS_AT_ONCE = 1 << 16


class FieldRenderer:
    """Samples and densities of any model with a density field and proposal sampling.

    Args:
        model: nerfseg, nerfacto, or a model with the same parts.
        method: the name of its method, for messages.

    Raises:
        InputError: the model has no density field along rays.
    """

    def __init__(self, model: Model, method: str | None = None) -> None:
        missing = [name for name in _PARTS if not hasattr(model, name)]
        if missing or not hasattr(model.field, "get_density"):
            raise InputError(
                f"method {method or type(model).__name__}: its model has no density field that rays can be sampled in "
                f"(it lacks {', '.join(missing) or 'field.get_density'}); selection in 3D takes runs of nerfseg, "
                "nerfseg-big, nerfseg-lite, nerfseg-splat, nerfacto and splatfacto"
            )
        self.model = model

    @property
    def primitives(self) -> None:
        """A field has none."""

    @property
    def worth_keeping(self) -> bool:
        """It takes seconds a view."""
        return True

    def view(self, camera: Cameras, pinhole: Pinhole) -> ViewSamples:
        """See :class:`~nerfseg_ns.selection.sample_renderer.SampleRenderer`."""
        return self.samples(camera.generate_rays(camera_indices=0, keep_shape=True))

    def samples(self, rays: RayBundle, minimum_weight: float = MINIMUM_WEIGHT) -> ViewSamples:
        """Render the rays of one view; what is farther than :data:`SKY` is left out.

        Args:
            rays: [h, w], nerfstudio's scene frame.
            minimum_weight: samples above it are kept.
        """
        height, width = rays.shape
        flat, count = rays.flatten(), height * width
        size = self.model.config.eval_num_rays_per_chunk
        compiled = getattr(self.model, "compiled", False)
        kept = []
        with evaluating(self.model), eager_under_trace():
            for start in range(0, count, size):
                # compiled code is made for one number of rays: fill the last piece up and cut it off again
                stop = start + size if compiled else min(start + size, count)
                rows = torch.arange(start, stop).clamp(max=count - 1)
                positions, weights, middles = self._piece(flat[rows].to(self.model.device))
                rest = slice(0, min(size, count - start))
                kept.append(weighty_samples(positions[rest], weights[rest], middles[rest], start, minimum_weight))
        positions, weights, pixels, distance = (torch.cat(parts) for parts in zip(*kept))
        elevation = rays.directions[..., 2].to(distance)
        return ViewSamples(positions, weights, pixels, distance.reshape(height, width), elevation=elevation)

    def _piece(self, rays: RayBundle) -> tuple[Tensor, Tensor, Tensor]:
        model = self.model
        if model.collider is not None:
            rays = model.collider(rays)
        samples, _, _ = model.proposal_sampler(rays, density_fns=[n.density_fn for n in model.proposal_networks])
        density, _ = model.field.get_density(samples)
        weights = samples.get_weights(density)[..., 0]
        middles = (samples.frustums.starts + samples.frustums.ends)[..., 0] / 2
        far = middles > SKY
        # light that goes on into the sky meets nothing, so it must not make a surface either
        return samples.frustums.get_positions(), weights.masked_fill(far, 0.0), middles

    def density(self, positions: Float[Tensor, "points 3"]) -> Float[Tensor, " points"]:
        """Density at points of the scene frame, per scene unit."""
        pieces = []
        with evaluating(self.model), torch.compiler.set_stance("force_eager"):  # any number of points
            for piece in positions.split(_POINTS_AT_ONCE):
                found = self.model.field.density_fn(piece.to(self.model.device)[:, None])
                pieces.append(found.reshape(-1).to(positions))
        return torch.cat(pieces) if pieces else positions.new_zeros(0)


@contextmanager
def evaluating(model: Model) -> Iterator[None]:
    """Evaluation mode without gradients; a model in training goes back to it."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)
