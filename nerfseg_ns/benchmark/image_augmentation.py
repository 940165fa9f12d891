"""Random crops of labelled images, scaled, turned, mirrored and of other colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, exp, log, radians, sin

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.nn.functional import grid_sample

from nerfseg_ns.core.class_table import IGNORE


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """An image with the class of every pixel, 255 without one.

    Args:
        colours: RGB.
        labels: class ids.
    """

    colours: UInt8[Tensor, "h w 3"]
    labels: UInt8[Tensor, "h w"]


@dataclass(frozen=True)
class Augmentation:
    """How crops differ from the images they come from.

    Args:
        scale: least and greatest magnification, drawn evenly on a log scale.
        degrees: greatest rotation either way; the sky of oblique views stays up.
        jitter: greatest change of brightness, contrast and saturation, as a share.
        hue: greatest change of hue, as a share of the colour circle.
    """

    scale: tuple[float, float] = (0.5, 2.0)
    degrees: float = 10.0
    jitter: float = 0.3
    hue: float = 0.05

    def crops(
        self, images: Sequence[LabelledImage], size: int, generator: torch.Generator
    ) -> tuple[Float[Tensor, "images 3 size size"], Int64[Tensor, "images size size"]]:
        """One square crop of each image: colours in 0..1 and class ids, 255 outside the image.

        Args:
            images: of any sizes.
            size: side of the crops in pixels.
            generator: of the random numbers that choose the crops; colours use torch's own.
        """
        from torchvision.transforms import ColorJitter

        jitter = ColorJitter(self.jitter, self.jitter, self.jitter, self.hue)
        colours, labels = [], []
        for image in images:
            height, width = image.labels.shape
            grid = self._grid(height, width, size, generator)
            picture = image.colours.permute(2, 0, 1)[None].float() / 255.0
            # ids are moved up by one, so that the zeros outside the image tell themselves from class 0
            ids = (image.labels.float() + 1.0)[None, None]
            colours.append(jitter(grid_sample(picture, grid, padding_mode="reflection", align_corners=False)[0]))
            found = grid_sample(ids, grid, mode="nearest", padding_mode="zeros", align_corners=False)[0, 0].long()
            labels.append(torch.where(found == 0, IGNORE, found - 1))
        return torch.stack(colours), torch.stack(labels)

    def _grid(self, height: int, width: int, size: int, generator: torch.Generator) -> Float[Tensor, "1 size size 2"]:
        """Where in the image, -1..1 across it, each pixel of a crop comes from."""
        across, where_x, where_y, turn, flip = torch.rand(5, generator=generator).tolist()
        low, high = self.scale
        magnified = exp(log(low) + across * (log(high) - log(low)))
        angle = radians(self.degrees * (2 * turn - 1))
        mirrored = -1.0 if flip < 0.5 else 1.0
        half = size / magnified / 2  # half the crop's side in pixels of the image
        centre = [
            side / 2 + (2 * where - 1) * max(side / 2 - half, 0.0)
            for side, where in ((width, where_x), (height, where_y))
        ]
        steps = ((torch.arange(size) + 0.5) / size * 2 - 1) * half
        y, x = torch.meshgrid(steps, steps * mirrored, indexing="ij")
        column = centre[0] + cos(angle) * x - sin(angle) * y
        row = centre[1] + sin(angle) * x + cos(angle) * y
        return torch.stack([2 * column / width - 1, 2 * row / height - 1], dim=-1)[None]
