"""A renderer for a model that a viewer draws with, and that may be training, at the same time."""

import threading

from jaxtyping import Float
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.models.base_model import Model
from torch import Tensor

from nerfseg_ns.core.view_samples import MINIMUM_WEIGHT, ViewSamples
from nerfseg_ns.selection.field_renderer import FieldRenderer


class SharedRenderer(FieldRenderer):
    """Borrows the model for one view at a time, so that pictures and training steps come in between.

    Args:
        model: see :class:`~nerfseg_ns.selection.field_renderer.FieldRenderer`.
        lock: nerfstudio's train lock.
    """

    def __init__(self, model: Model, lock: "threading.Lock") -> None:
        super().__init__(model)
        self._lock = lock

    def samples(self, rays: RayBundle, minimum_weight: float = MINIMUM_WEIGHT) -> ViewSamples:
        with self._lock:
            return super().samples(rays, minimum_weight)

    def density(self, positions: Float[Tensor, "points 3"]) -> Float[Tensor, " points"]:
        with self._lock:
            return super().density(positions)
