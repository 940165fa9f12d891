"""A mask drawn over its view, with the clicks and the box that made it."""

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageDraw

from nerfseg_ns.selection.prompts import ViewPrompt

WIDTH = 640
"""Width of the picture, pixels: twice that of the viewer's panel."""


def mask_picture(
    image: UInt8[np.ndarray, "h w 3"],
    mask: Bool[np.ndarray, "mask_h mask_w"],
    prompt: ViewPrompt,
    colour: tuple[int, int, int],
) -> Image.Image:
    """Image, mask and prompt in one picture.

    Args:
        image: of the view, RGB.
        mask: at the size of the view's camera.
        prompt: in pixels of that camera.
        colour: of the mask, RGB 0..255.
    """
    height = round(WIDTH * mask.shape[0] / mask.shape[1])
    size = (WIDTH, height)
    picture = np.asarray(Image.fromarray(image).resize(size), dtype=np.float32)
    shown = np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize(size)) > 127
    inner = shown.copy()
    for axis in (0, 1):
        for step in (-2, 2):
            inner &= np.roll(shown, step, axis=axis)
    picture *= np.where(shown, 1.0, 0.55)[..., None]  # what is left out is darker: it shows on any ground
    picture[inner] = 0.6 * picture[inner] + 0.4 * np.asarray(colour)
    picture[shown & ~inner] = colour
    result = Image.fromarray(picture.astype(np.uint8))
    draw = ImageDraw.Draw(result)
    scale = WIDTH / mask.shape[1]
    if prompt.box is not None:
        draw.rectangle([value * scale for value in prompt.box], outline=(255, 255, 255), width=3)
    for x, y, label in prompt.points:
        x, y, radius = x * scale, y * scale, 9
        fill = (60, 200, 90) if label else (225, 60, 60)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill, outline=(255, 255, 255), width=2)
        draw.line((x - 4, y, x + 4, y), fill=(255, 255, 255), width=2)
        if label:
            draw.line((x, y - 4, x, y + 4), fill=(255, 255, 255), width=2)
    return result
