"""The options of everything that is made from a map, and whether a map of that size fits."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Annotated

import tyro

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.exports.map_grid import Bounds, MapGrid
from nerfseg_ns.exports.map_layers import LAYERS
from nerfseg_ns.exports.place_options import PlaceOptions


@dataclass(kw_only=True)
class MapOptions(PlaceOptions):
    """Options of everything that is made from a map."""

    bounds: Bounds | None = None
    """WEST SOUTH EAST NORTH in map coordinates. Unset: around what the training views show from near."""
    heights: tuple[float, float] | None = None
    """BOTTOM TOP between which the surface is looked for, in the map's heights: metres above the ellipsoid, or the
    input's z. Unset: from below the ground to a little below the lowest camera."""
    objects: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="NAME.npz ...")] = ()
    """Files that nerfseg segment wrote, for the layer of objects."""
    minimum_views: int = 1
    """Pixels whose surface fewer training views show have no value; 0 takes the uppermost surface everywhere."""
    tile: int = 256
    """Pixels of a side of the tiles that are rendered at once; finished tiles survive an interruption."""
    maximum_pixels: int = 400_000_000
    """Refuse a map of more pixels."""

    def check(self) -> None:
        """Find what is wrong with the options.

        Raises:
            InputError: a number out of range.
        """
        if self.tile < 16 or self.tile % 16:
            raise InputError(f"--tile {self.tile}: expected a multiple of 16, such as 256")
        for name, least in (("minimum_views", 0), ("maximum_pixels", 1)):
            if getattr(self, name) < least:
                raise InputError(f"--{name.replace('_', '-')} {getattr(self, name)}: expected {least} or more")
        if self.heights is not None and not -inf < self.heights[0] < self.heights[1] < inf:
            raise InputError(f"--heights {self.heights[0]:g} {self.heights[1]:g}: expected BOTTOM below TOP, in metres")


def check_size(grid: MapGrid, layers: Sequence[str], folder: Path, maximum_pixels: int) -> None:
    """Make sure that a map fits, before anything is rendered.

    Raises:
        InputError: it has too many pixels, or the disk has too little room for its tiles and files.
    """
    size = f"the map would have {grid.width:,} x {grid.height:,} pixels"
    if grid.pixels > maximum_pixels:
        fits = grid.gsd * (grid.pixels / maximum_pixels) ** 0.5
        raise InputError(
            f"--gsd {grid.gsd:g}: {size}, more than --maximum-pixels {maximum_pixels:,}; a --gsd of "
            f"{float(f'{fits * 1.05:.2g}'):g} or smaller --bounds fit"
        )
    each = [LAYERS[name].bytes_per_pixel for name in layers]
    # without compression, which nobody knows beforehand: tiles, one file before it is optimised, files with overviews
    # and what GDAL keeps of those meanwhile
    needed = int(grid.pixels * (sum(each) * (1 + 4 / 3) + max(each) * 5 / 3))
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise InputError(
            f"{folder}: {size}, for which up to {needed / 2**30:.1f} GiB are needed, and the disk has "
            f"{free / 2**30:.1f} GiB left; take a larger --gsd, smaller --bounds, fewer --layers or another folder"
        )
