"""The layers of a map, and their values in what vertical rays met."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.exports.orthographic_view import NO_HEIGHT, GroundPixels

LayerName = Literal["rgb", "class", "confidence", "height", "objects"]

NO_OBJECT = 0
NO_CONFIDENCE = 255


@dataclass(frozen=True)
class MapLayer:
    """How a layer is stored.

    Args:
        dtype: of its values.
        bands: what each band holds.
        nodata: value of pixels that no camera saw; None: the last band is opacity.
        resampling: GDAL's name of how its overviews are made.
        unit: of its values.
    """

    dtype: str
    bands: tuple[str, ...]
    nodata: float | None
    resampling: str
    unit: str = ""

    @property
    def bytes_per_pixel(self) -> int:
        """Uncompressed."""
        return len(self.bands) * np.dtype(self.dtype).itemsize


LAYERS: dict[str, MapLayer] = {
    "rgb": MapLayer("uint8", ("red", "green", "blue", "opacity"), None, "average"),
    "class": MapLayer("uint8", ("class",), IGNORE, "mode"),
    "confidence": MapLayer("uint8", ("confidence of the class",), NO_CONFIDENCE, "average", "percent"),
    "height": MapLayer("float32", ("height",), NO_HEIGHT, "average", "metre"),
    "objects": MapLayer("uint16", ("object",), NO_OBJECT, "mode"),
}
"""name of a layer -> how it is stored."""


def layer_values(
    names: Sequence[str],
    pixels: GroundPixels,
    seen: Bool[np.ndarray, " rays"],
    objects: Int[np.ndarray, " rays"] | None,
    shape: tuple[int, int],
) -> dict[str, np.ndarray]:
    """The layers of a tile, [bands, h, w] each.

    Args:
        names: of the layers; class and confidence are left out when the pixels have no classes.
        pixels: of the tile, row by row.
        seen: pixels that count; all others get the layers' nodata.
        objects: id of the object in each pixel, 0: none.
        shape: (h, w) of the tile.
    """
    values: dict[str, np.ndarray] = {}
    for name in names:
        layer = LAYERS[name]
        if name == "rgb":
            opacity = np.where(seen, 255, 0).astype(np.uint8)
            values[name] = np.concatenate([pixels.rgb * seen[:, None], opacity[:, None]], axis=1).T
        elif name == "class" and pixels.classes is not None:
            values[name] = np.where(seen, pixels.classes, IGNORE)[None]
        elif name == "confidence" and pixels.confidence is not None:
            values[name] = np.where(seen, np.rint(100 * pixels.confidence), NO_CONFIDENCE)[None]
        elif name == "height":
            values[name] = np.where(seen, pixels.height, NO_HEIGHT)[None]
        elif name == "objects" and objects is not None:
            values[name] = np.where(seen, objects, NO_OBJECT)[None]
        if name in values:
            values[name] = np.ascontiguousarray(values[name].reshape(-1, *shape)).astype(layer.dtype)
    return values
