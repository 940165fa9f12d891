"""Cloud-Optimised GeoTIFF: layers of a map for GIS programs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import replacing, write_whole_text
from nerfseg_ns.exports.map_grid import MapGrid, Tile
from nerfseg_ns.exports.map_layers import MapLayer

BLOCK = 256
"""Pixels of a side of the blocks that a file is read in."""


@dataclass(frozen=True)
class Category:
    """What one value of a layer means.

    Args:
        name: for legends.
        rgb: 0..255.
    """

    name: str
    rgb: tuple[int, int, int]


def raster_io() -> Any:
    """The package rasterio.

    Raises:
        InputError: it is not installed.
    """
    try:
        import rasterio
        import rasterio.shutil
    except ImportError:
        raise InputError(
            "GeoTIFF needs the package rasterio, which is not installed: pip install 'nerfseg-ns[geo]', or in a "
            "checkout: bash scripts/setup.sh"
        ) from None
    return rasterio


def sidecar(path: Path) -> Path:
    """Where GDAL and QGIS look for the names of a file's values."""
    return path.with_name(f"{path.name}.aux.xml")


def write_cog(
    path: Path,
    layer: MapLayer,
    grid: MapGrid,
    crs: str | None,
    tiles: Iterable[tuple[Tile, np.ndarray]],
    work: Path,
    categories: Sequence[Category] = (),
    tags: dict[str, str] | None = None,
) -> None:
    """Write a layer, a tile at a time, replacing the file at once.

    Args:
        path: NAME.tif; names of values go to NAME.tif.aux.xml, the form of GDAL that QGIS reads.
        layer: how it is stored.
        grid: its pixels.
        crs: of the grid; None: local metres.
        tiles: each with its values [bands, h, w].
        work: a folder for the file before it is optimised.
        categories: meaning and colour of the values 0, 1, ...
        tags: further metadata.

    Raises:
        InputError: rasterio is missing, or the file cannot be written.
    """
    rasterio = raster_io()
    plain = work / f"{path.stem}-plain.tif"
    profile = {
        "driver": "GTiff",
        "width": grid.width,
        "height": grid.height,
        "count": len(layer.bands),
        "dtype": layer.dtype,
        "crs": crs,
        "transform": rasterio.transform.from_origin(grid.west, grid.north, grid.gsd, grid.gsd),
        "nodata": layer.nodata,
        "tiled": True,
        "blockxsize": BLOCK,
        "blockysize": BLOCK,
        "compress": "deflate",
        "bigtiff": "if_safer",
        **({"photometric": "rgb", "alpha": "yes"} if layer.nodata is None else {}),
    }
    options = {
        "driver": "COG",
        "blocksize": str(BLOCK),
        "compress": "deflate",
        "predictor": "yes",
        "bigtiff": "if_safer",
        "overview_resampling": layer.resampling,
        "overview_compress": "deflate",
    }
    # no .aux.xml of GDAL's own beside temporary files
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), _named(path, rasterio):
        work.mkdir(parents=True, exist_ok=True)
        try:
            with rasterio.open(plain, "w", **profile) as file:
                for tile, values in tiles:
                    window = rasterio.windows.Window(tile.column, tile.row, tile.width, tile.height)
                    file.write(values, window=window)
                file.update_tags(**(tags or {}))
                file.descriptions = layer.bands
                if layer.unit:
                    file.units = [layer.unit] * len(layer.bands)
                if categories:
                    colours = {value: (*entry.rgb, 255) for value, entry in enumerate(categories)}
                    file.write_colormap(1, colours)
            with replacing(path) as temporary:
                rasterio.shutil.copy(plain, temporary, **options)
        finally:
            plain.unlink(missing_ok=True)
    if categories:
        write_whole_text(sidecar(path), _category_names(categories))
    else:
        sidecar(path).unlink(missing_ok=True)  # of an older file of this name


class _named:
    """Say which file an error of rasterio is about."""

    def __init__(self, path: Path, rasterio: Any) -> None:
        self.path, self.errors = path, (rasterio.errors.RasterioError, rasterio._err.CPLE_BaseError)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, self.errors):
            raise InputError(f"{self.path}: cannot be written ({error})") from None


def _category_names(categories: Sequence[Category]) -> str:
    names = "".join(f"\n      <Category>{escape(entry.name)}</Category>" for entry in categories)
    return (
        '<PAMDataset>\n  <PAMRasterBand band="1">\n    <CategoryNames>'
        f"{names}\n    </CategoryNames>\n  </PAMRasterBand>\n</PAMDataset>\n"
    )
