"""What the layers of a map say about a region: heights, confidence, class."""

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from jaxtyping import Bool
from scipy.ndimage import distance_transform_edt

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.exports.geotiff import raster_io
from nerfseg_ns.exports.map_folder import MapFolder
from nerfseg_ns.exports.map_layers import NO_CONFIDENCE
from nerfseg_ns.exports.orthographic_view import NO_HEIGHT

RING = 5.0
"""Metres of the map around a region in which its ground is looked for; three pixels at least."""
TOP, GROUND = 90, 10
"""Percentiles of the heights inside and around."""
_PIXELS_AT_ONCE = 16_000_000


@dataclass(frozen=True)
class RegionFigures:
    """Figures of a region; None where the map does not say.

    Args:
        top: percentile :data:`TOP` of the heights inside.
        ground: percentile :data:`GROUND` of the heights around it.
        confidence: mean of the class confidence inside, 0..1.
        class_id: the most frequent class inside.
    """

    top: float | None
    ground: float | None
    confidence: float | None
    class_id: int | None

    @property
    def height(self) -> float | None:
        """How far the region stands out of its surroundings."""
        return None if self.top is None or self.ground is None else self.top - self.ground


class RegionSurvey:
    """Reads the pixels of regions; use it in a ``with``.

    Args:
        folder: the map.
    """

    def __init__(self, folder: MapFolder) -> None:
        self._rasterio = raster_io()
        names = [name for name in ("height", "confidence", "class") if name in folder.layers]
        self._files = {name: folder.layer(name) for name in names}
        self._grid = folder.grid
        self._open: dict[str, Any] = {}

    def __enter__(self) -> "RegionSurvey":
        self._open = {name: self._rasterio.open(path) for name, path in self._files.items()}
        return self

    def __exit__(self, *error: Any) -> None:
        for file in self._open.values():
            file.close()

    def figures(self, outline: Any) -> RegionFigures:
        """The figures of a region; of a very large one from every n-th pixel.

        Args:
            outline: polygon in map coordinates.
        """
        from rasterio.features import geometry_mask

        grid, ring = self._grid, max(RING, 3 * self._grid.gsd)
        west, south, east, north = outline.bounds
        column, row = (max(0, int(value / grid.gsd)) for value in (west - ring - grid.west, grid.north - north - ring))
        right = min(grid.width, ceil((east + ring - grid.west) / grid.gsd))
        lower = min(grid.height, ceil((grid.north - south + ring) / grid.gsd))
        window = self._rasterio.windows.Window(column, row, right - column, lower - row)
        step = ceil((window.width * window.height / _PIXELS_AT_ONCE) ** 0.5)
        shape = ceil(window.height / step), ceil(window.width / step)
        corner = grid.west + column * grid.gsd, grid.north - row * grid.gsd
        pixel = window.width / shape[1] * grid.gsd, window.height / shape[0] * grid.gsd
        place = self._rasterio.transform.from_origin(*corner, *pixel)
        inside = geometry_mask([outline], shape, place, invert=True)

        def values(name: str) -> np.ndarray | None:
            file = self._open.get(name)
            return None if file is None else file.read(1, window=window, out_shape=shape)

        height, confidence, classes = values("height"), values("confidence"), values("class")
        top = ground = None
        if height is not None:
            known = height != NO_HEIGHT
            around = _near(inside, ring / pixel[0]) & ~inside
            top, ground = _percentile(height[inside & known], TOP), _percentile(height[around & known], GROUND)
        sure = None
        if confidence is not None and (inside & (confidence != NO_CONFIDENCE)).any():
            sure = float(confidence[inside & (confidence != NO_CONFIDENCE)].mean()) / 100
        most = None
        if classes is not None and (inside & (classes != IGNORE)).any():
            most = int(np.bincount(classes[inside & (classes != IGNORE)]).argmax())
        return RegionFigures(top, ground, sure, most)


def _near(inside: Bool[np.ndarray, "h w"], pixels: float) -> Bool[np.ndarray, "h w"]:
    near = distance_transform_edt(~inside) <= pixels
    assert isinstance(near, np.ndarray)
    return near


def _percentile(values: np.ndarray, percent: int) -> float | None:
    return float(np.percentile(values, percent)) if len(values) else None
