"""A renderer for a model that a viewer draws with, and that may be training, at the same time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jaxtyping import Float
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.models.base_model import Model
from torch import Tensor

from nerfseg_ns.core.view_samples import MINIMUM_WEIGHT, ViewSamples
from nerfseg_ns.selection.field_renderer import FieldRenderer

_SECONDS_BETWEEN_CALLS = 0.25


class SharedRenderer(FieldRenderer):
    """Borrows the model for one view at a time, so that pictures and training steps come in between.

    Args:
        model: see :class:`~nerfseg_ns.selection.field_renderer.FieldRenderer`.
        lock: nerfstudio's train lock.
        make_way: has pictures that keep the model for long begin again. One in full size would keep it from a click,
            and from every view of a selection, for many seconds.
    """

    def __init__(self, model: Model, lock: "threading.Lock", make_way: Callable[[], None] = lambda: None) -> None:
        super().__init__(model)
        self._lock = lock
        self._make_way = make_way

    def samples(self, rays: RayBundle, minimum_weight: float = MINIMUM_WEIGHT) -> ViewSamples:
        with self._borrowed():
            return super().samples(rays, minimum_weight)

    def density(self, positions: Float[Tensor, "points 3"]) -> Float[Tensor, " points"]:
        with self._borrowed():
            return super().density(positions)

    @contextmanager
    def _borrowed(self) -> Iterator[None]:
        taken = self._lock.acquire(blocking=False)
        while not taken:  # again and again: a picture in full size may begin while this waits
            self._make_way()
            taken = self._lock.acquire(timeout=_SECONDS_BETWEEN_CALLS)
        try:
            yield
        finally:
            self._lock.release()
