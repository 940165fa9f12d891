"""SAM's image frame: long side 1024, padded to a square on the right and at the bottom."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int, UInt8
from PIL import Image

from nerfseg_ns.segmenters.prompt import LOW_RESOLUTION, Prompt2D

NETWORK_SIDE = 1024
PIXEL_MEAN = np.array([123.675, 116.28, 103.53], dtype=np.float32)
PIXEL_STD = np.array([58.395, 57.12, 57.375], dtype=np.float32)
BOX_CORNERS = (2, 3)
"""The labels by which SAM knows the two corners of a box among the points."""


@dataclass(frozen=True)
class SamFrame:
    """The way between an image and the frame that the network sees.

    Args:
        height: of the image in pixels.
        width: of the image in pixels.
    """

    height: int
    width: int

    @property
    def resized(self) -> tuple[int, int]:
        """(height, width) of the image inside the square of 1024: the long side is 1024, the other rounded."""
        scale = NETWORK_SIDE / max(self.height, self.width)
        return max(1, int(self.height * scale + 0.5)), max(1, int(self.width * scale + 0.5))

    def network_input(self, image: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "1 3 1024 1024"]:
        """Resize, normalise, then pad with zeros, which therefore mean the mean colour."""
        height, width = self.resized
        resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
        padded = np.zeros((1, 3, NETWORK_SIDE, NETWORK_SIDE), dtype=np.float32)
        normalised = (np.asarray(resized, dtype=np.float32) - PIXEL_MEAN) / PIXEL_STD
        padded[0, :, :height, :width] = normalised.transpose(2, 0, 1)
        return padded

    def network_points(self, prompt: Prompt2D) -> tuple[Float32[np.ndarray, "n 2"], Int[np.ndarray, " n"]]:
        """The points of a prompt, the corners of its box after them, as SAM wants them.

        SAM counts pixel centres at whole numbers and adds the half itself. The half has to come off after the scaling:
        a pixel centre then stays the same place of the picture at every image size.

        Returns:
            (x, y) in pixels of the square, and labels: 0 outside, 1 inside, 2 and 3 the corners of a box.
        """
        points = np.asarray(prompt.points, dtype=np.float64)
        labels = np.asarray(prompt.labels, dtype=np.int64)
        if prompt.box is not None:
            points = np.concatenate([points, np.asarray(prompt.box, dtype=np.float64).reshape(2, 2)])
            labels = np.concatenate([labels, BOX_CORNERS])
        height, width = self.resized
        scaled = points * (width / self.width, height / self.height) - 0.5
        return scaled.astype(np.float32), labels

    def image_logits(
        self, low_resolution: Float32[np.ndarray, "candidates 256 256"], size: tuple[int, int] | None = None
    ) -> Float32[np.ndarray, "candidates h w"]:
        """Low-resolution logits read at the pixel centres of the image, bilinearly, without the padding.

        One step from 256 to the image, where SAM takes two by way of 1024; both agree to a fraction of a pixel of the
        low resolution.

        Args:
            low_resolution: what the decoder gives.
            size: (h, w) of another grid over the whole image, None for the pixels of the image.
        """
        rows, columns = size or (self.height, self.width)
        height, width = (side * LOW_RESOLUTION / NETWORK_SIDE for side in self.resized)
        above, down = _grid(rows, height)
        left, right = _grid(columns, width)
        down = down[:, None]
        by_row = low_resolution[:, above] * (1 - down) + low_resolution[:, above + 1] * down
        return by_row[:, :, left] * (1 - right) + by_row[:, :, left + 1] * right


def _grid(count: int, extent: float) -> tuple[Int[np.ndarray, " n"], Float32[np.ndarray, " n"]]:
    """Where ``count`` pixels that share ``extent`` low-resolution pixels have their centres: lower index and weight.

    Centres beyond the outermost pixel centres take the outermost value, as in every bilinear resize.
    """
    centre = (np.arange(count) + 0.5) * (extent / count) - 0.5
    last = int(np.ceil(extent)) - 1
    centre = np.clip(centre, 0, last)
    lower = np.minimum(centre.astype(np.int64), LOW_RESOLUTION - 2)
    return lower, (centre - lower).astype(np.float32)
