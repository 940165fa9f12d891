"""Index PNGs with a palette: a pixel holds its class id, and viewers show the colour of the class."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from nerfseg_ns.core.class_table import IGNORE, ClassTable
from nerfseg_ns.core.palettes import UNLABELLED_COLOUR, Colour
from nerfseg_ns.core.whole_file import replacing


def write_index_png(
    path: Path, ids: UInt8[np.ndarray, "h w"], class_table: ClassTable, unlabelled: Colour = UNLABELLED_COLOUR
) -> None:
    """Write class ids as a PNG of 8 bits with the colours of the classes; an existing file is replaced.

    Args:
        path: the file.
        ids: of the table, :data:`~nerfseg_ns.core.class_table.IGNORE` where there is none.
        class_table: gives the colours.
        unlabelled: the colour of pixels without a class.

    Raises:
        ValueError: an id beyond the table.
        InputError: the folder cannot be written.
    """
    beyond = ids[(ids >= len(class_table)) & (ids != IGNORE)]
    if beyond.size:
        raise ValueError(f"id {int(beyond[0])} is beyond the table of {len(class_table)} classes")
    palette = np.zeros((256, 3), dtype=np.uint8)  # of full length: Pillow stores fewer bits with a shorter one
    palette[: len(class_table)] = class_table.colours.numpy()
    palette[IGNORE] = unlabelled
    image = Image.fromarray(ids).convert("L")
    image.putpalette(palette.tobytes())  # turns the mode into P, ids as they are
    with replacing(path) as temporary:
        image.save(temporary, format="PNG", optimize=False)
