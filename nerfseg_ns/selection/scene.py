"""What selection needs of a trained scene: cameras, images and the samples along the rays."""

from collections.abc import Hashable, Sequence
from typing import Protocol

import numpy as np
from jaxtyping import UInt8

from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.view_samples import ViewSamples


class Scene(Protocol):
    """Views of a scene whose rays can be sampled. The engines know nothing else of a model."""

    names: Sequence[str]
    """Name of each view; a view's number is its place here."""

    def camera(self, view: int) -> Pinhole:
        """The camera the view is rendered with."""

    def image(self, view: int) -> UInt8[np.ndarray, "h w 3"]:
        """What a segmenter sees of the view, RGB: of the camera's size, or larger by one factor in x and y."""

    def image_key(self, view: int) -> Hashable:
        """A name for that image, for :meth:`~nerfseg_ns.segmenters.segmenter.Segmenter.set_image`.

        Another image, of any scene, has another one; it must not hold on to the scene.
        """

    def samples(self, view: int) -> ViewSamples:
        """The samples that carry weight along the view's rays; asked for again and again, so cached."""
