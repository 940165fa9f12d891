"""A renderer for a model that a viewer draws with, and that may be training, at the same time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from jaxtyping import Float
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.models.base_model import Model
from torch import Tensor

from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.selection.sample_renderer import SampleRenderer

_SECONDS_BETWEEN_CALLS = 0.25


class SharedRenderer:
    """Borrows the model for one view at a time, so that pictures and training steps come in between.

    Args:
        renderer: of the model.
        lock: nerfstudio's train lock.
        make_way: has pictures that keep the model for long begin again. One in full size would keep it from a click,
            and from every view of a selection, for many seconds.
    """

    def __init__(
        self, renderer: SampleRenderer, lock: "threading.Lock", make_way: Callable[[], None] = lambda: None
    ) -> None:
        self._renderer = renderer
        self._lock = lock
        self._make_way = make_way

    @property
    def model(self) -> Model:
        """See :class:`~nerfseg_ns.selection.sample_renderer.SampleRenderer`, as all of these."""
        return self._renderer.model

    @property
    def primitives(self) -> Float[Tensor, "primitives 3"] | None:
        """See there."""
        return self._renderer.primitives

    @property
    def worth_keeping(self) -> bool:
        """See there."""
        return self._renderer.worth_keeping

    def view(self, camera: Cameras, pinhole: Pinhole) -> ViewSamples:
        """See there."""
        with self._borrowed():
            return self._renderer.view(camera, pinhole)

    def samples(self, rays: RayBundle) -> ViewSamples:
        """See there."""
        with self._borrowed():
            return self._renderer.samples(rays)

    def density(self, positions: Float[Tensor, "points 3"]) -> Float[Tensor, " points"]:
        """See there."""
        with self._borrowed():
            return self._renderer.density(positions)

    def _borrowed(self) -> AbstractContextManager[None]:
        return borrowed(self._lock, self._make_way)


@contextmanager
def borrowed(lock: "threading.Lock", make_way: Callable[[], None]) -> Iterator[None]:
    """Hold the model alone.

    Args:
        lock: nerfstudio's train lock.
        make_way: see :class:`SharedRenderer`.
    """
    taken = lock.acquire(blocking=False)
    while not taken:  # again and again: a picture in full size may begin while this waits
        make_way()
        taken = lock.acquire(timeout=_SECONDS_BETWEEN_CALLS)
    try:
        yield
    finally:
        lock.release()
