"""The pixels of a map: where they lie, and the tiles they are rendered in."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite

import numpy as np
from jaxtyping import Float64

from nerfseg_ns.core.input_error import InputError

SNAP = 1e-6
"""Share of a pixel by which bounds may miss a multiple of the pixel size and still end on it."""

Bounds = tuple[float, float, float, float]
"""West, south, east and north in map coordinates, metres."""


@dataclass(frozen=True)
class Tile:
    """A rectangle of a grid's pixels.

    Args:
        row: of its upper left pixel.
        column: of the same.
        height: in pixels.
        width: in pixels.
    """

    row: int
    column: int
    height: int
    width: int

    @property
    def name(self) -> str:
        """Unique within a grid."""
        return f"{self.row:06d}-{self.column:06d}"


@dataclass(frozen=True)
class MapGrid:
    """A raster with north up.

    Args:
        west: easting of its left edge, a multiple of ``gsd``.
        north: northing of its upper edge, a multiple of ``gsd``.
        gsd: side of a pixel (ground sampling distance), metres of the map.
        width: in pixels.
        height: in pixels.
    """

    west: float
    north: float
    gsd: float
    width: int
    height: int

    @classmethod
    def covering(cls, bounds: Bounds, gsd: float) -> "MapGrid":
        """The smallest grid over some bounds whose edges are multiples of its pixel size.

        Raises:
            InputError: a pixel size that is not above 0, or bounds that hold nothing.
        """
        check_gsd(gsd)
        west, south, east, north = bounds
        if not all(isfinite(value) for value in bounds) or west >= east or south >= north:
            raise InputError(
                f"{typed_bounds(bounds)}: they hold nothing; expected WEST SOUTH EAST NORTH with "
                "WEST below EAST and SOUTH below NORTH"
            )
        left, lower = (floor(value / gsd + SNAP) for value in (west, south))
        right, upper = (ceil(value / gsd - SNAP) for value in (east, north))
        return cls(left * gsd, upper * gsd, gsd, max(1, right - left), max(1, upper - lower))

    @property
    def bounds(self) -> Bounds:
        """West, south, east and north."""
        return self.west, self.north - self.height * self.gsd, self.west + self.width * self.gsd, self.north

    @property
    def pixels(self) -> int:
        """How many there are."""
        return self.width * self.height

    def tiles(self, size: int) -> Sequence[Tile]:
        """Rectangles of at most ``size`` pixels a side that cover the grid, row by row."""
        return [
            Tile(row, column, min(size, self.height - row), min(size, self.width - column))
            for row in range(0, self.height, size)
            for column in range(0, self.width, size)
        ]

    def centres(self, tile: Tile) -> Float64[np.ndarray, "h w 2"]:
        """Easting and northing of the middle of each pixel of a tile."""
        east = self.west + (tile.column + np.arange(tile.width) + 0.5) * self.gsd
        north = self.north - (tile.row + np.arange(tile.height) + 0.5) * self.gsd
        return np.stack(np.broadcast_arrays(east[None], north[:, None]), axis=-1)


def check_gsd(gsd: float) -> None:
    """Make sure of a pixel size.

    Raises:
        InputError: it is not above 0, or less than a micrometre.
    """
    if not isfinite(gsd) or gsd < 1e-6:
        raise InputError(f"--gsd {gsd:g}: expected a pixel size above 0 in metres of the map, such as 0.25")


def typed_bounds(bounds: Bounds) -> str:
    """Bounds as the option that gives them."""
    return "--bounds " + " ".join(f"{value:.2f}" for value in bounds)
