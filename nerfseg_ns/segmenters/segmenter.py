"""The interface of a promptable 2D segmenter."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float32, UInt8

from nerfseg_ns.segmenters.prompt import Prompt2D


@dataclass(frozen=True, eq=False)
class Candidates:
    """The masks that a prompt may have meant; a mask is where ``logits > 0``.

    SAM gives four, in its own order: the one for prompts that leave no doubt, then three for a single click, which are
    mostly part, object and surroundings.

    Args:
        logits: at the size of the image, or at the size asked for.
        scores: the network's own estimate of each mask's IoU.
        low_resolution: in SAM's frame, padding included; one of them can be the ``mask_logits`` of the next prompt.
    """

    logits: Float32[np.ndarray, "candidates h w"]
    scores: Float32[np.ndarray, " candidates"]
    low_resolution: Float32[np.ndarray, "candidates 256 256"]


class Segmenter(Protocol):
    """A promptable segmenter: an image once, then any number of prompts on it."""

    name: str

    def set_image(self, image: UInt8[np.ndarray, "h w 3"], key: Hashable = None, on_disk: bool = True) -> None:
        """Make an image the current one: encode it, or take its embedding from memory or from the disk.

        Args:
            image: RGB.
            key: the caller's name for the image; one key must always mean the same image. It is kept, so it must not
                hold on to anything large. It saves hashing the pixels, about a millisecond for 512x512.
            on_disk: keep a new embedding for later runs; not worth 2 MiB for a part of an image.

        Raises:
            ValueError: not an RGB image of bytes.
        """

    def predict(self, prompt: Prompt2D, size: tuple[int, int] | None = None) -> Candidates:
        """Segment the current image.

        Args:
            prompt: in pixels of the current image.
            size: (h, w) of ``Candidates.logits``, None for the size of the image. Small sizes are faster.

        Raises:
            ValueError: there is no current image.
        """
