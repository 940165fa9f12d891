"""Points thinned to one a voxel, whose class the pixels that show it vote on."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8, UInt16

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.exports.surface_views import SurfacePixels

_BITS = 21  # an axis of a voxel's key: three of them fit into an int64


@dataclass(frozen=True, eq=False)
class CloudPoints:
    """One point for each voxel that a view showed, ordered by voxel.

    Args:
        positions: mean of the pixels there, input frame.
        colours: mean RGB, 0..1.
        class_ids: the class with the largest mean probability; 255 without classes, or below the minimum confidence.
        confidence: that mean probability; 0 without classes.
        views: how many views showed it.
    """

    positions: Float64[np.ndarray, "points 3"]
    colours: Float32[np.ndarray, "points 3"]
    class_ids: UInt8[np.ndarray, " points"]
    confidence: Float32[np.ndarray, " points"]
    views: UInt16[np.ndarray, " points"]

    def __len__(self) -> int:
        return len(self.positions)


class VoxelCloud:
    """Sums over the pixels in each voxel. Memory grows with the voxels, not with the views.

    Args:
        spacing: edge of a voxel, units of the input frame.
        classes: how many classes vote.
        most: voxels that are allowed.
        middle: of the scene, input frame: voxels are counted from near there.
    """

    def __init__(self, spacing: float, classes: int, most: int, middle: Float64[np.ndarray, "3"] | None = None) -> None:
        self.spacing, self.most = spacing, most
        self._origin = np.zeros(3) if middle is None else np.round(middle / spacing) * spacing
        self._keys: Int64[np.ndarray, " voxels"] = np.empty(0, dtype=np.int64)  # ascending
        self._rows: Int64[np.ndarray, " voxels"] = np.empty(0, dtype=np.int64)  # where each key's sums are
        self._count = 0
        # x, y, z within the voxel, red, green, blue, classes; room for more rows than are in use
        self._sums = np.zeros((1024, 6 + classes), dtype=np.float32)
        self._pixels = np.zeros(1024, dtype=np.uint32)
        self._views = np.zeros(1024, dtype=np.uint16)

    def __len__(self) -> int:
        return self._count

    @staticmethod
    def bytes_per_point(classes: int) -> int:
        """Memory of a voxel at most, with the room for more rows and while the arrays grow."""
        return 3 * (4 * (6 + classes) + 4 + 2) + 4 * 8

    def add(self, pixels: SurfacePixels) -> None:
        """Add the pixels of one view.

        Raises:
            InputError: more voxels than are allowed, or a scene of more than two million voxels along an axis.
        """
        if not len(pixels.positions):
            return
        local = pixels.positions - self._origin
        index = np.floor(local / self.spacing).astype(np.int64)
        if np.abs(index).max() >= 1 << (_BITS - 1):
            raise InputError(
                f"a spacing of {self.spacing:g}: the scene reaches {np.abs(local).max():g} from its middle, which is "
                f"more than {1 << (_BITS - 1):,} points; choose a larger one"
            )
        keys, voxel, counts = np.unique(_packed(index), return_inverse=True, return_counts=True)
        rows = self._rows_of(keys)
        values = np.concatenate(
            [local - index * self.spacing, pixels.colours, pixels.probabilities], axis=1, dtype=np.float32
        )
        sums = np.stack([np.bincount(voxel, column, len(keys)) for column in values.T], axis=1)
        self._sums[rows] += sums.astype(np.float32)
        self._pixels[rows] += counts.astype(np.uint32)
        self._views[rows] += np.uint16(1)

    def points(self, minimum_confidence: float = 0.0, minimum_views: int = 1) -> CloudPoints:
        """The point of each voxel.

        Args:
            minimum_confidence: below it a point has no class.
            minimum_views: voxels that fewer views showed are left out.
        """
        rows = self._rows
        seen = self._views[rows] >= minimum_views
        rows, keys = rows[seen], self._keys[seen]
        means = self._sums[rows] / self._pixels[rows, None]
        positions = self._origin + _unpacked(keys) * self.spacing + means[:, :3].astype(np.float64)
        class_ids = np.full(len(rows), IGNORE, dtype=np.uint8)
        confidence = np.zeros(len(rows), dtype=np.float32)
        if means.shape[1] > 6 and len(rows):
            confidence = means[:, 6:].max(axis=1)
            sure = confidence >= minimum_confidence
            class_ids[sure] = means[sure, 6:].argmax(axis=1).astype(np.uint8)
        return CloudPoints(positions, means[:, 3:6], class_ids, confidence, self._views[rows])

    def _rows_of(self, keys: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
        """The rows of ascending keys; new ones are made."""
        place = np.searchsorted(self._keys, keys)
        known = np.zeros(len(keys), dtype=bool)
        inside = place < len(self._keys)
        known[inside] = self._keys[place[inside]] == keys[inside]
        new = keys[~known]
        if self._count + len(new) > self.most:
            raise InputError(
                f"with a spacing of {self.spacing:g} the views show more than {self.most:,} points; choose a larger "
                "spacing, or raise --max-points"
            )
        if len(new):
            fresh = np.arange(self._count, self._count + len(new))
            self._make_room(self._count + len(new))
            self._keys = np.insert(self._keys, place[~known], new)
            self._rows = np.insert(self._rows, place[~known], fresh)
            self._count += len(new)
        return self._rows[np.searchsorted(self._keys, keys)]

    def _make_room(self, needed: int) -> None:
        if needed <= len(self._pixels):
            return
        size = min(max(needed, len(self._pixels) * 3 // 2), max(self.most, 1024))
        for name in ("_sums", "_pixels", "_views"):
            old = getattr(self, name)
            larger = np.zeros((size, *old.shape[1:]), dtype=old.dtype)
            larger[: self._count] = old[: self._count]
            setattr(self, name, larger)


def _packed(index: Int64[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
    x, y, z = (index + (1 << (_BITS - 1))).T
    packed: Int64[np.ndarray, " n"] = (x << (2 * _BITS)) | (y << _BITS) | z
    return packed


def _unpacked(keys: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, "n 3"]:
    last = (1 << _BITS) - 1
    return np.stack([keys >> (2 * _BITS), (keys >> _BITS) & last, keys & last], axis=1) - (1 << (_BITS - 1))
