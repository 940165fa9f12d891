"""A mask that leaves out the corner of captured images where their source is named."""

from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.user_cache import user_cache
from nerfseg_ns.core.whole_file import replacing

Corner = Literal["none", "bottom-left", "bottom-right", "top-left", "top-right"]


def attribution_mask(width: int, height: int, corner: Corner, size: tuple[float, float]) -> Path:
    """A grey PNG of the images' size, 0 in the corner and 255 elsewhere; it is kept in the user's cache.

    Args:
        width, height: of the images, pixels.
        corner: which corner, not ``none``.
        size: of the rectangle there, as shares of width and height.

    Raises:
        InputError: a share that is not between 0 and 1, or the cache cannot be written.
    """
    if not all(0.0 < share < 1.0 for share in size):
        raise InputError(f"--attribution-size {size[0]:g} {size[1]:g}: expected two shares between 0 and 1")
    across, down = (max(1, round(share * side)) for share, side in zip(size, (width, height)))
    path = user_cache() / "masks" / f"attribution-{width}x{height}-{corner}-{across}x{down}.png"
    if not path.is_file():
        mask = np.full((height, width), 255, dtype=np.uint8)
        rows = slice(None, down) if corner.startswith("top") else slice(height - down, None)
        columns = slice(None, across) if corner.endswith("left") else slice(width - across, None)
        mask[rows, columns] = 0
        with replacing(path) as temporary:
            Image.fromarray(mask).save(temporary, format="PNG")
    return path
