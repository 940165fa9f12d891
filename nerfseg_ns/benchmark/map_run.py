"""Measures one row of kind ``map``."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float64
from scipy.ndimage import distance_transform_edt

from nerfseg_ns.benchmark.map_accuracy import MapAccuracy
from nerfseg_ns.benchmark.map_corners import corner_places
from nerfseg_ns.benchmark.map_truth import MapTruth, TrueBuilding, TrueMap
from nerfseg_ns.benchmark.row_kinds import RowPlace
from nerfseg_ns.core.class_table import IGNORE, ClassTable
from nerfseg_ns.core.confusion import ConfusionMatrix, SegmentationScores
from nerfseg_ns.core.georeference import MapProjection
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.exports.geotiff import raster_io
from nerfseg_ns.exports.map_folder import MapFolder
from nerfseg_ns.exports.map_options import MapOptions
from nerfseg_ns.exports.map_rendering import render_map
from nerfseg_ns.exports.orthographic_view import NO_HEIGHT
from nerfseg_ns.exports.region_survey import GROUND, RING, TOP


def measure_map(settings: MapAccuracy, place: RowPlace) -> dict[str, Any]:
    """Export the map of a run and compare it; the map stays in the row's folder.

    Returns:
        What :func:`compare` returns, and ``rendering_seconds``.

    Raises:
        InputError: the row of ``run_of`` has no finished run, the scene no truth, or the map cannot be made.
    """
    assert place.data is not None
    config = place.finished_run(settings.run_of)
    truth = MapTruth(place.data / "truth")
    projection = MapProjection.of(truth.place, settings.crs)
    options = MapOptions(crs=settings.crs, bounds=truth.bounds(projection), minimum_views=settings.minimum_views)
    start = time.perf_counter()
    folder = render_map(
        config,
        options,
        settings.gsd,
        ("rgb", "class", "confidence", "height"),
        place.run_folder(place.name) / "map",
        overwrite=True,
        needed="class",
    )
    seconds = time.perf_counter() - start
    result = compare(folder, truth, ClassTable.from_json(place.data / "classes.json"), settings.buildings)
    return {**result, "rendering_seconds": seconds}


def compare(folder: MapFolder, truth: MapTruth, table: ClassTable, buildings: int) -> dict[str, Any]:
    """Figures of a map.

    Args:
        folder: the map, with classes and heights.
        truth: of the city.
        table: the truth's classes.
        buildings: so many are measured.

    Returns:
        ``miou``, ``overall_accuracy``, ``per_class`` (``name``, ``iou``, ``pixels``), ``height`` (``median_m``,
        ``percentile_90_m`` of the absolute error, ``shift_m`` median of the signed one), ``corners``, ``roofs`` and
        ``building_heights`` (``median_m`` of the absolute error, ``each``), ``seen`` (share of the truth's pixels that
        the map has), ``size_m``, and ``middle``: ``miou``, ``overall_accuracy``, ``height_median_m``, ``seen`` of the
        inner square of half the side (``side_m``), which a flight around the scene has in most of its pictures.

    Raises:
        InputError: a class of the map that the truth does not know, too few buildings.
    """
    classes, height = _layer(folder, "class"), _layer(folder, "height").astype(np.float64)
    height[height == NO_HEIGHT] = np.nan
    true = truth.on(folder.grid, folder.projection)
    there = true.classes != IGNORE
    both = there & (classes != IGNORE) & np.isfinite(height)
    if not both.any():
        raise InputError(f"{folder.path}: no pixel of the map lies in the truth {truth.folder}")
    ids = _ids(folder, table)[classes]

    def scored(pixels: Bool[np.ndarray, "h w"]) -> SegmentationScores:
        confusion = ConfusionMatrix(len(table))
        confusion.update(torch.from_numpy(ids[pixels]), torch.from_numpy(true.classes[pixels]))
        return confusion.scores()

    scores = scored(both)
    error = height[both] - true.height[both]
    middle = _middle(folder, truth)
    in_middle = both & middle
    of_middle = scored(in_middle) if in_middle.any() else None
    chosen = truth.buildings(buildings)
    return {
        "miou": scores.miou,
        "overall_accuracy": scores.overall_accuracy,
        "per_class": [
            {"name": name, "iou": None if np.isnan(iou) else iou, "pixels": pixels}
            for name, iou, pixels in zip(table.names, scores.iou.tolist(), scores.pixels.tolist())
        ],
        "height": {
            "median_m": float(np.median(np.abs(error))),
            "percentile_90_m": float(np.percentile(np.abs(error), 90)),
            "shift_m": float(np.median(error)),
        },
        "corners": _corners(folder, truth, height, chosen),
        **_building_heights(chosen, height, true, folder.grid.gsd),
        "seen": float(both.sum() / there.sum()),
        "size_m": truth.side,
        "middle": {
            "side_m": truth.side / 2,
            "miou": None if of_middle is None else of_middle.miou,
            "overall_accuracy": None if of_middle is None else of_middle.overall_accuracy,
            "height_median_m": (
                None if of_middle is None else float(np.median(np.abs(height - true.height)[in_middle]))
            ),
            "seen": float(in_middle.sum() / (there & middle).sum()),
        },
    }


def _middle(folder: MapFolder, truth: MapTruth) -> Bool[np.ndarray, "h w"]:
    """The pixels of the inner square of half the truth's side."""
    west, south, east, north = truth.bounds(folder.projection)
    (whole,) = folder.grid.tiles(max(folder.grid.width, folder.grid.height))
    away = np.abs(folder.grid.centres(whole) - ((west + east) / 2, (south + north) / 2)).max(axis=-1)
    inner: Bool[np.ndarray, "h w"] = away <= truth.side / 4
    return inner


def _layer(folder: MapFolder, name: str) -> np.ndarray:
    with raster_io().open(folder.layer(name)) as file:
        values = file.read(1)
    assert isinstance(values, np.ndarray)
    return values


def _ids(folder: MapFolder, table: ClassTable) -> np.ndarray:
    """The truth's id of each class of the map."""
    names = () if folder.classes is None else folder.classes.names
    unknown = [name for name in names if name not in table.names]
    if unknown:
        raise InputError(f"{folder.path}: the truth does not know the class {', '.join(unknown)}")
    ids = np.full(IGNORE + 1, 0, dtype=np.int64)
    ids[: len(names)] = [table.names.index(name) for name in names]
    return ids


def _corners(
    folder: MapFolder, truth: MapTruth, height: Float64[np.ndarray, "h w"], chosen: Sequence[TrueBuilding]
) -> dict[str, Any]:
    shifts, asked = [], 0
    for building in chosen:
        on_roof = np.concatenate([building.corners, np.full((len(building.corners), 1), building.roof)], axis=1)
        corners = truth.to_map(on_roof, folder.projection)[:, :2]
        places = corner_places(height, folder.grid, corners)
        asked += len(building.measured)
        shifts += [place - corners[n] for n in building.measured if (place := places[n]) is not None]
    if not shifts:
        median = farthest = pixels = east = north = None
    else:
        away = np.linalg.norm(shifts, axis=1)
        median, farthest = float(np.median(away)), float(np.percentile(away, 90))
        pixels = median / folder.grid.gsd
        east, north = (float(value) for value in np.median(shifts, axis=0))
    return {
        "buildings": len(chosen),
        "asked": asked,
        "found": len(shifts),
        "median_m": median,
        "median_pixels": pixels,
        "percentile_90_m": farthest,
        "shift_east_m": east,
        "shift_north_m": north,
        "target_m": max(1.5 * folder.grid.gsd, 0.005 * truth.side),
    }


def _building_heights(
    chosen: Sequence[TrueBuilding], height: Float64[np.ndarray, "h w"], true: TrueMap, gsd: float
) -> dict[str, Any]:
    """Roofs (median height inside) and heights as the polygons have them, both on the same pixels of map and truth."""
    roofs, heights = [], []
    for building in chosen:
        inside = true.objects == building.id
        around = (distance_transform_edt(~inside) * gsd <= RING) & ~inside
        known = np.isfinite(height)
        if not (inside & known).any() or not (around & known).any():
            continue
        roofs.append(float(np.median(height[inside & known]) - np.median(true.height[inside & known])))
        heights.append(_standing_out(height, inside & known, around & known))
        heights[-1] -= _standing_out(true.height, inside & known, around & known & np.isfinite(true.height))
    return {"roofs": _errors(roofs), "building_heights": _errors(heights)}


def _standing_out(
    height: Float64[np.ndarray, "h w"], inside: Bool[np.ndarray, "h w"], around: Bool[np.ndarray, "h w"]
) -> float:
    return float(np.percentile(height[inside], TOP) - np.percentile(height[around], GROUND))


def _errors(values: list[float]) -> dict[str, Any]:
    median = float(np.median(np.abs(values))) if values else None
    return {"median_m": median, "each": [round(value, 3) for value in values]}
