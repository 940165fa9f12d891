"""What a promptable segmenter is asked: points, a box, an earlier mask."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int

LOW_RESOLUTION = 256
"""Side of SAM's low-resolution logits."""


@dataclass(frozen=True, eq=False)
class Prompt2D:
    """A prompt on one image.

    Positions are (x, y) in pixels of the image as given to ``set_image``: (0, 0) is the outer corner of the upper left
    pixel, the centre of that pixel is (0.5, 0.5).

    Args:
        points: clicks; [0, 2] for none.
        labels: 1 for a click inside the object, 0 for one outside.
        box: x0, y0, x1, y1 around the object.
        mask_logits: ``Candidates.low_resolution[i]`` of an earlier prediction, to be refined.

    Raises:
        ValueError: a shape or label other than these, a number that is not finite, an empty box, or nothing at all.
    """

    points: Float32[np.ndarray, "n 2"]
    labels: Int[np.ndarray, " n"]
    box: Float32[np.ndarray, "4"] | None = None
    mask_logits: Float32[np.ndarray, "256 256"] | None = None

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[1] != 2 or not np.isfinite(self.points).all():
            raise ValueError(f"points of a prompt: expected finite numbers [n, 2], got shape {self.points.shape}")
        if self.labels.shape != self.points.shape[:1] or not np.isin(self.labels, (0, 1)).all():
            raise ValueError(f"labels of a prompt: expected {len(self.points)} of 0 and 1, got {self.labels.tolist()}")
        if self.box is not None and (
            self.box.shape != (4,) or not np.isfinite(self.box).all() or (self.box[:2] >= self.box[2:]).any()
        ):
            raise ValueError(f"box of a prompt: expected x0 < x1, y0 < y1 as x0, y0, x1, y1, got {self.box.tolist()}")
        if self.mask_logits is not None and self.mask_logits.shape != (LOW_RESOLUTION, LOW_RESOLUTION):
            raise ValueError(f"mask_logits of a prompt: expected shape [256, 256], got {self.mask_logits.shape}")
        if not len(self.points) and self.box is None and self.mask_logits is None:
            raise ValueError("a prompt needs a point, a box or a mask")
