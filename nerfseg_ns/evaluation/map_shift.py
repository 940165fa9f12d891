"""How far a map's colours lie beside the photos: patches of both, laid over each other.

A patch of the photo mosaic is the steepest photo of the place, warped by its pose onto the level plane at the median
height of the map's surface there. What stands out of that plane is displaced in it, so patches on which the surface
varies are left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64, UInt8
from scipy.ndimage import gaussian_filter, map_coordinates
from skimage.registration import phase_cross_correlation

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.exports.geotiff import raster_io
from nerfseg_ns.exports.map_folder import MapFolder
from nerfseg_ns.exports.map_grid import Tile
from nerfseg_ns.exports.orthographic_view import NO_HEIGHT

STEEPEST = 35.0
"""Degrees from straight down up to which a photo is used."""
LEAST_LIKENESS = 0.4
"""Correlation of both patches, once one is moved onto the other, from which their shift is believed."""
LEVEL = 2.0
"""A patch is level when its middle 90 percent of heights displace the photo by less than so many pixels."""
HOLES = 0.02
"""Share of a patch's pixels that may lack a value."""
_FINEST = 8
"""Photo samples per side of a map pixel, at most."""
_ROUNDS = 3  # of correlation: the first one comes out too small, as both patches fade out at the same edges


@dataclass(frozen=True)
class PatchShift:
    """The shift of one patch.

    Args:
        tile: the patch.
        view: the photo.
        east: pixels that the map lies too far east of the photo.
        north: the same northwards.
        likeness: correlation of both, once the shift is taken back.
    """

    tile: Tile
    view: int
    east: float
    north: float
    likeness: float


@dataclass(frozen=True, eq=False)
class ShiftMeasurement:
    """All patches of a map.

    Args:
        patches: those that could be compared.
        left_out: reason -> number of the others.
        mosaic: the photos on the map's pixels; zero where none was used.
    """

    patches: tuple[PatchShift, ...]
    left_out: dict[str, int]
    mosaic: UInt8[np.ndarray, "h w 3"]

    def record(self, gsd: float) -> dict[str, Any]:
        """JSON values: the median and the 90th percentile of the shifts' lengths, and the median shift.

        Raises:
            InputError: there are no patches.
        """
        if not self.patches:
            reasons = ", ".join(f"{reason}: {number}" for reason, number in self.left_out.items())
            raise InputError(f"no patch of the map can be compared with a photo ({reasons}); try another --patch")
        shifts = np.array([(patch.east, patch.north) for patch in self.patches])
        length = np.linalg.norm(shifts, axis=1)
        east, north = np.median(shifts, axis=0)
        return {
            "median_pixels": float(np.median(length)),
            "percentile_90_pixels": float(np.percentile(length, 90)),
            "median_east_pixels": float(east),
            "median_north_pixels": float(north),
            "median_metres": float(np.median(length) * gsd),
            "likeness": float(np.median([patch.likeness for patch in self.patches])),
            "patches": len(self.patches),
            "left_out": self.left_out,
            "gsd": gsd,
        }


def measure_shift(
    folder: MapFolder,
    cameras: Sequence[Pinhole],
    photo: Callable[[int], UInt8[np.ndarray, "h w 3"]],
    frame: SceneFrame,
    patch: int = 128,
) -> ShiftMeasurement:
    """Compare a map with the photos.

    Args:
        folder: the map, with rgb and height.
        cameras: of the photos, scene frame.
        photo: number of a camera -> its photo, of the camera's size or a multiple of it.
        frame: from the frame of the input poses to the scene frame.
        patch: pixels of a side of the patches.

    Raises:
        InputError: a map without these layers, a patch below 32 pixels.
    """
    if patch < 32:
        raise InputError(f"--patch {patch}: expected 32 pixels or more")
    rasterio = raster_io()
    with rasterio.open(folder.layer("rgb")) as file:
        rgb = np.moveaxis(file.read(), 0, -1)
    with rasterio.open(folder.layer("height")) as file:
        height = file.read(1)
    mosaic = np.zeros((folder.grid.height, folder.grid.width, 3), dtype=np.uint8)
    shifts, left_out = [], dict.fromkeys(("at the edge of what was seen", "not level", "no steep photo", "unlike"), 0)
    for tile in folder.grid.tiles(patch):
        part = slice(tile.row, tile.row + tile.height), slice(tile.column, tile.column + tile.width)
        known = height[part] != NO_HEIGHT
        if (tile.height, tile.width) != (patch, patch) or known.mean() < 1 - HOLES:
            left_out["at the edge of what was seen"] += 1
            continue
        low, plane, high = np.percentile(height[part][known], (5, 50, 95))
        view, tangent = _steepest(folder, tile, float(plane), cameras, frame)
        if view is None:
            left_out["no steep photo"] += 1
            continue
        warped = _warped(folder, tile, float(plane), cameras[view], photo(view), frame)
        mosaic[part] = warped.round().astype(np.uint8)
        if (high - low) * tangent > LEVEL * folder.grid.gsd:
            left_out["not level"] += 1
            continue
        of_map = rgb[part][..., :3].copy()
        of_map[~known] = np.median(of_map[known], axis=0)
        found = _shift(of_map, warped)
        if found is None:
            left_out["unlike"] += 1
            continue
        row, column, likeness = found
        shifts.append(PatchShift(tile, view, column, -row, likeness))
    return ShiftMeasurement(tuple(shifts), left_out, mosaic)


def _scene_points(
    folder: MapFolder, places: Float64[np.ndarray, "*batch 2"], plane: float, frame: SceneFrame
) -> torch.Tensor:
    flat = places.reshape(-1, 2)
    level = np.concatenate([flat, np.full((len(flat), 1), plane)], axis=1)
    points = torch.from_numpy(np.ascontiguousarray(folder.projection.from_map(level)))
    return frame.to_scene(points).reshape(*places.shape[:-1], 3)


def _steepest(
    folder: MapFolder, tile: Tile, plane: float, cameras: Sequence[Pinhole], frame: SceneFrame
) -> tuple[int | None, float]:
    """The camera that shows a whole tile from most nearly above, and the tangent of its angle from straight down."""
    centres = folder.grid.centres(tile)
    corners = _scene_points(folder, centres[[0, 0, -1, -1], [0, -1, 0, -1]], plane, frame)
    middle = _scene_points(folder, centres[tile.height // 2, tile.width // 2], plane, frame)
    above = _scene_points(folder, centres[tile.height // 2, tile.width // 2], plane + 1.0, frame) - middle
    best, steepest = None, np.tan(np.radians(STEEPEST))
    for number, camera in enumerate(cameras):
        pixels, depth, _ = camera.project(corners)
        height, width = camera.size
        inside = (pixels >= 1).all() and (pixels[:, 0] < width - 1).all() and (pixels[:, 1] < height - 1).all()
        if not inside or not (depth > 0).all():
            continue
        towards = camera.centre - middle
        up = float(towards @ above / above.norm())
        tangent = (max(float(towards.norm()) ** 2 - up**2, 0.0)) ** 0.5 / up if up > 0 else np.inf
        if tangent < steepest:
            best, steepest = number, tangent
    return best, steepest


def _warped(
    folder: MapFolder, tile: Tile, plane: float, camera: Pinhole, photo: UInt8[np.ndarray, "h w 3"], frame: SceneFrame
) -> Float64[np.ndarray, "h w 3"]:
    """A photo on the pixels of a tile, averaged over each of them."""
    centres = folder.grid.centres(tile)
    zoom = photo.shape[1] / camera.size[1]
    pixels, _, distance = camera.project(_scene_points(folder, centres, plane, frame))
    finer = folder.grid.gsd * frame.scale * camera.fx * zoom / float(distance.mean())
    count = int(np.clip(round(finer), 1, _FINEST))
    total = np.zeros((tile.height, tile.width, 3))
    steps = ((np.arange(count) + 0.5) / count - 0.5) * folder.grid.gsd
    for east in steps:
        for north in steps:
            places = _scene_points(folder, centres + (east, north), plane, frame)
            x, y = (camera.project(places)[0] * zoom - 0.5).unbind(-1)
            for channel in range(3):
                plain = photo[..., channel].astype(np.float64)
                total[..., channel] += map_coordinates(plain, [y.numpy(), x.numpy()], order=1, mode="nearest")
    return total / count**2


def _faded(grey: Float64[np.ndarray, "h w"]) -> Float64[np.ndarray, "h w"]:
    """Without slow changes of light, and faded out towards the edges."""
    quick = grey - gaussian_filter(grey, grey.shape[0] / 8)
    faded = (quick - quick.mean()) * np.hanning(grey.shape[0])[:, None] * np.hanning(grey.shape[1])
    assert isinstance(faded, np.ndarray)
    return faded


def _shift(of_map: np.ndarray, of_photo: np.ndarray) -> tuple[float, float, float] | None:
    """Rows and columns that the map lies too far on, and the likeness after; None when the two are unlike."""
    here, there = (picture.astype(np.float64) @ (0.299, 0.587, 0.114) for picture in (of_map, of_photo))
    reference = _faded(there)
    rows, columns = np.indices(here.shape)
    needed, moved = np.zeros(2), here
    for _ in range(_ROUNDS):
        # without whitening: a rendered map lacks the finest detail of the photo, and what it has there is noise
        further, _, _ = phase_cross_correlation(reference, _faded(moved), upsample_factor=50, normalization=None)
        needed = needed + further
        moved = map_coordinates(here, [rows - needed[0], columns - needed[1]], order=1, mode="nearest")
    last = _faded(moved)
    if last.std() == 0 or reference.std() == 0:
        return None
    likeness = float(np.corrcoef(last.ravel(), reference.ravel())[0, 1])
    return (-float(needed[0]), -float(needed[1]), likeness) if likeness >= LEAST_LIKENESS else None
