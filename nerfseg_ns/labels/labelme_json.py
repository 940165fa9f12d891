"""labelme: one JSON file an image, with polygons, rectangles, circles, lines, points and masks."""

import base64
import binascii
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean
from nerfseg_ns.labels.drawn_labels import DrawnLabels, DrawnShape
from nerfseg_ns.labels.json_file import SNIFFED, point_list, read_json, whole_number
from nerfseg_ns.labels.label_map import CLASSES_FILE, files_below
from nerfseg_ns.labels.label_source import LabelSource, ReadOptions
from nerfseg_ns.labels.outlines import Disc, Outline, Polygons, Stencil, Stroke, rectangle

_POLYGONS = ("polygon", "rotation", "oriented_rectangle")
_STROKES = {"line": 2, "linestrip": 2, "point": 1, "points": 1}
"""Shapes without an area, and how many points they need."""
_SHAPES = (*_POLYGONS, "rectangle", "circle", "mask", *_STROKES)


class LabelmeFiles:
    """labelme's JSON files, one of them or a folder; the classes are in the order of the alphabet."""

    name = "labelme"
    summary = "labelme's JSON files, one an image"

    def recognises(self, path: Path) -> bool:
        """Whether the file, or one of the first JSON files in the folder, has labelme's keys.

        Raises:
            InputError: a JSON file is broken.
        """
        return any(_is_labelme(read_json(file)) for file in _json_files(path)[:SNIFFED])

    def read(self, path: Path, options: ReadOptions) -> LabelSource:
        """Read all files.

        Raises:
            InputError: a file is not labelme's, or has a shape that cannot be drawn.
        """
        files = _json_files(path)
        if not files:
            raise InputError(f"{path}: no JSON files in it; labelme writes one beside each image")
        images = [_read_image(file, options) for file in files]
        names = {shape.class_name for image in images for shape in image.shapes}
        return LabelSource(tuple(sorted(names)), images)


def _json_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() == ".json" else []
    return [file for file in files_below(path, ".json") if file.name != CLASSES_FILE]


def _is_labelme(record: Any) -> bool:
    return isinstance(record, dict) and isinstance(record.get("shapes"), list)


def _read_image(file: Path, options: ReadOptions) -> DrawnLabels:
    record = read_json(file)
    if not _is_labelme(record):
        raise InputError(f'{file}: not a file of labelme, which has "shapes" and "imagePath"; move it elsewhere')
    name = record.get("imagePath") or file.name
    shapes = [
        _shape(entry, f"{file}, shape {number}", options) for number, entry in enumerate(record["shapes"], start=1)
    ]
    return DrawnLabels(str(name), str(file), shapes, _stated_size(record, str(file)), options.on_top)


def _stated_size(record: dict[str, Any], place: str) -> tuple[int, int] | None:
    width, height = record.get("imageWidth"), record.get("imageHeight")
    if width is None or height is None:
        return None
    return whole_number(width, "imageWidth", place), whole_number(height, "imageHeight", place)


def _shape(entry: Any, place: str, options: ReadOptions) -> DrawnShape:
    if not isinstance(entry, dict) or not isinstance(entry.get("label"), str) or not entry["label"]:
        raise InputError(f'{place}: expected {{"label": NAME, "points": [...]}}, found {str(entry)[:80]}')
    return DrawnShape(entry["label"], _outline(entry, place, options), f"{place} ({entry['label']})")


def _outline(entry: dict[str, Any], place: str, options: ReadOptions) -> Outline:
    kind = str(entry.get("shape_type") or "polygon")
    points = entry.get("points")
    if kind in _POLYGONS:
        return Polygons((point_list(points, place, 3),))
    if kind == "rectangle":
        corners = point_list(points, place, 2)
        return rectangle(*corners.min(axis=0), *corners.max(axis=0)) if len(corners) in (2, 4) else Polygons((corners,))
    if kind == "circle":
        centre, rim = point_list(points, place, 2)[:2]
        return Disc(float(centre[0]), float(centre[1]), float(np.hypot(*(rim - centre))))
    if kind == "mask":
        return _stencil(entry, place)
    if kind in _STROKES:
        if options.line_width is None:
            raise InputError(
                f"{place}: a {kind} has no area; give --line-width PIXELS to draw lines and points with a round pen, "
                "or delete it in labelme"
            )
        return Stroke(point_list(points, place, _STROKES[kind]), options.line_width)
    raise InputError(f"{place}: shape type {kind!r} cannot be drawn; {did_you_mean(kind, _SHAPES)}")


def _stencil(entry: dict[str, Any], place: str) -> Stencil:
    """A mask: PNG in base64, its first pixel at the first point, its last at the second."""
    (left, top), (right, bottom) = np.round(point_list(entry.get("points"), place, 2)[:2]).astype(np.int64).tolist()
    try:
        with Image.open(BytesIO(base64.b64decode(entry.get("mask") or "", validate=True))) as image:
            mask = np.asarray(image.convert("L")) > 0
    except (binascii.Error, TypeError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f'{place}: its "mask" is not an image in base64 ({error})') from None
    if mask.shape != (bottom - top + 1, right - left + 1):
        raise InputError(
            f"{place}: the mask is {mask.shape[1]}x{mask.shape[0]} pixels, but its points say "
            f"{right - left + 1}x{bottom - top + 1}"
        )
    return Stencil(left, top, mask)
