"""Images at a fraction of their size, with colours, labels and rays around the same points.

A reduced label is that of a single pixel, the nearest to the middle of the area that it stands for. With an even factor
the middle is a corner between pixels, so the label would lie half a pixel of the file beside colour and ray; on the
borders and thin classes of a city that costs a perfect prediction a sixth of its mIoU. So colours are averaged around
the picked pixel, and the principal point moves along.
"""

import numpy as np
import numpy.typing as npt
from jaxtyping import UInt8
from PIL import Image


def picked_offset(size: int, reduced: int) -> float:
    """How far picked pixels lie from the middles of their areas along one axis, in reduced pixels.

    Args:
        size: pixels of the file.
        reduced: pixels afterwards.
    """
    factor, rest = divmod(size, reduced)
    return 0.5 / factor if rest == 0 and factor % 2 == 0 else 0.0


def picked(ids: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Labels or masks at another size (width, height): each pixel that of the nearest, never a mixture."""
    return ids if ids.size == size else ids.resize(size, Image.Resampling.NEAREST)


def averaged(image: Image.Image, size: tuple[int, int]) -> UInt8[np.ndarray, "h w channels"]:
    """Colours averaged over areas as large as a reduced pixel, around the pixels that :func:`picked` takes.

    Args:
        image: RGB or RGBA; what is transparent has no share in the colour.
        size: width and height afterwards.
    """
    if image.size == size:
        return np.array(image)
    shifted = [picked_offset(before, after) > 0 for before, after in zip(image.size, size)]
    across, down = (before if moves else after for before, after, moves in zip(image.size, size, shifted))
    image = image.resize((across, down), Image.Resampling.BOX)
    if not any(shifted):
        return np.array(image)
    premultiplied = image.convert("RGBa") if image.mode == "RGBA" else image
    values = np.asarray(premultiplied).astype(np.float32)
    if shifted[0]:
        values = _averaged_rows(values.swapaxes(0, 1), size[0]).swapaxes(0, 1)
    if shifted[1]:
        values = _averaged_rows(values, size[1])
    pixels = np.ascontiguousarray((values + 0.5).astype(np.uint8))
    if image.mode != "RGBA":
        return pixels
    return np.array(Image.frombytes("RGBa", size, pixels.tobytes()).convert("RGBA"))


def _averaged_rows(values: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.float32]:
    """Rows around every factor-th one from factor / 2 on, the first and the last of each with half the weight."""
    factor = len(values) // count
    padded = np.concatenate([values, values[-1:]])
    total = sum(padded[k : k + factor * (count - 1) + 1 : factor] for k in range(1, factor))
    ends = padded[: factor * (count - 1) + 1 : factor] + padded[factor::factor]
    return (total + 0.5 * ends) / factor
