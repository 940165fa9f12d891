"""What a map of the demonstration city should show: its truth files on the pixels of the map."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int32, UInt8

from nerfseg_ns.core.array_file import DamagedFileError, read_arrays
from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.georeference import Georeference, MapProjection
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.exports.map_grid import Bounds, MapGrid

CLEARANCE = 1.5
"""Metres to the next building that a building needs to be measured: walls that touch have no corners in a map."""
LEAST_EDGE = 4.0
"""Metres of both edges that a corner needs to be measured."""


@dataclass(frozen=True, eq=False)
class TrueBuilding:
    """A building whose corners are measured.

    Args:
        id: its object id.
        corners: plan as seen from above, counter-clockwise, metres east and north of the truth's origin.
        roof: median z of its surface.
    """

    id: int
    corners: Float64[np.ndarray, "corners 2"]
    roof: float

    @property
    def area(self) -> float:
        """Square metres."""
        x, y = self.corners.T
        return float(0.5 * (x * np.roll(y, -1) - y * np.roll(x, -1)).sum())

    @property
    def measured(self) -> list[int]:
        """Corners both of whose edges are long enough (:data:`LEAST_EDGE`)."""
        long = np.linalg.norm(np.roll(self.corners, -1, axis=0) - self.corners, axis=1) >= LEAST_EDGE
        return [corner for corner in range(len(long)) if long[corner] and long[corner - 1]]


@dataclass(frozen=True, eq=False)
class TrueMap:
    """The truth on the pixels of a map; what lies outside of it is IGNORE, no object, NaN.

    Args:
        classes: class ids of the truth.
        objects: object ids, -1 outside.
        height: above the ellipsoid, metres.
    """

    classes: UInt8[np.ndarray, "h w"]
    objects: Int32[np.ndarray, "h w"]
    height: Float64[np.ndarray, "h w"]


class MapTruth:
    """The truth files of ``nerfseg scene --layout google-earth``.

    Args:
        folder: ``truth`` of the scene.

    Attributes:
        place: where the truth's origin lies.

    Raises:
        InputError: a file is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = Georeference.from_json(folder / "georeference.json")
        try:
            arrays = read_arrays(folder / "top_down.npz")
            self._classes, self._objects, self._height = (arrays[name] for name in ("classes", "objects", "height"))
            self._west, self._north, self._gsd = (float(arrays[name]) for name in ("west", "north", "gsd"))
            records = json.loads((folder / "buildings.json").read_text(encoding="utf-8"))["buildings"]
            self._buildings = [_building(record) for record in records if _measurable(record)]
        except (OSError, ValueError, KeyError, TypeError, DamagedFileError) as error:
            raise InputError(
                f"{folder}: not the truth of a map ({error!r}); nerfseg scene OUT --layout google-earth writes it"
            ) from None

    def buildings(self, count: int) -> list[TrueBuilding]:
        """The largest buildings of one plan without courtyards that stand apart (:data:`CLEARANCE`).

        Raises:
            InputError: there are too few.
        """
        fit = sorted((one for one in self._buildings if one.measured), key=lambda one: (-one.area, one.id))
        if len(fit) < count:
            raise InputError(
                f"{self.folder}: {len(fit)} buildings stand {CLEARANCE:g} m apart, and {count} are asked for; take "
                "another --seed of nerfseg scene or lower the row's buildings:"
            )
        return fit[:count]

    def to_map(self, points: Float64[np.ndarray, "points 3"], projection: MapProjection) -> Float64[np.ndarray, "n 3"]:
        """Easting, northing and height of points of the truth.

        The run's own georeference has no part in this.
        """
        return MapProjection(self.place, projection.crs).to_map(points)

    def bounds(self, projection: MapProjection) -> Bounds:
        """Of the truth's raster in map coordinates."""
        rows, columns = self._classes.shape
        x = (self._west, self._west + columns * self._gsd)
        y = (self._north - rows * self._gsd, self._north)
        corners = self.to_map(np.array([(a, b, 0.0) for a in x for b in y]), projection)[:, :2]
        (west, south), (east, north) = corners.min(axis=0), corners.max(axis=0)
        return float(west), float(south), float(east), float(north)

    @property
    def side(self) -> float:
        """Metres of the longer side of the truth's raster."""
        return max(self._classes.shape) * self._gsd

    def on(self, grid: MapGrid, projection: MapProjection) -> TrueMap:
        """The truth at the middle of each pixel of a map, by its nearest pixel."""
        (whole,) = grid.tiles(max(grid.width, grid.height))
        centres = grid.centres(whole).reshape(-1, 2)
        there = MapProjection(self.place, projection.crs)
        ground = np.concatenate([centres, np.full((len(centres), 1), self.place.altitude)], axis=1)
        x, y, _ = there.from_map(ground).T
        column = np.floor((x - self._west) / self._gsd).astype(int)
        row = np.floor((self._north - y) / self._gsd).astype(int)
        inside = (column >= 0) & (row >= 0) & (column < self._classes.shape[1]) & (row < self._classes.shape[0])
        column, row = column.clip(0, self._classes.shape[1] - 1), row.clip(0, self._classes.shape[0] - 1)
        z = self._height[row, column].astype(np.float64)
        height = there.to_map(np.stack([x, y, z], axis=-1))[:, 2]
        shape = grid.height, grid.width
        return TrueMap(
            np.where(inside, self._classes[row, column], IGNORE).astype(np.uint8).reshape(shape),
            np.where(inside, self._objects[row, column].astype(np.int32), -1).astype(np.int32).reshape(shape),
            np.where(inside, height, np.nan).reshape(shape),
        )


def _measurable(record: dict) -> bool:
    alone = record["clearance"] >= CLEARANCE and record["roof"] is not None
    return alone and len(record["outlines"]) == 1 and not record["holes"]


def _building(record: dict) -> TrueBuilding:
    return TrueBuilding(int(record["id"]), np.array(record["outlines"][0], dtype=np.float64), float(record["roof"]))
