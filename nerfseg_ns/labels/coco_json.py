"""COCO: one JSON file for many images, with polygons, run-length masks and boxes."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.labels.drawn_labels import DrawnLabels, DrawnShape
from nerfseg_ns.labels.json_file import SNIFFED, point_list, read_json, whole_number
from nerfseg_ns.labels.label_map import files_below
from nerfseg_ns.labels.label_source import LabelSource, ReadOptions
from nerfseg_ns.labels.outlines import Bounds, Outline, Patch, Polygons, Stencil, rectangle
from nerfseg_ns.labels.run_length import decompressed, mask_of_runs

_KEYS = ("images", "annotations", "categories")


class CocoFiles:
    """COCO files, one or all in a folder; the classes are in the order of the files, then of their category ids."""

    name = "coco"
    summary = "COCO JSON with polygons or run-length masks"

    def recognises(self, path: Path) -> bool:
        """Whether the file, or one of the first JSON files in the folder, has COCO's keys.

        Raises:
            InputError: a JSON file is broken.
        """
        return bool(_coco_records(_json_files(path)[:SNIFFED]))

    def read(self, path: Path, options: ReadOptions) -> LabelSource:
        """Read all files.

        Raises:
            InputError: no file is COCO's, or whatever is wrong in one.
        """
        records = _coco_records(_json_files(path))
        if not records:
            raise InputError(f"{path}: no COCO file, which is a JSON file with {', '.join(_KEYS)}")
        names: dict[str, None] = {}
        images: list[DrawnLabels] = []
        for file, record in records:
            categories = _categories(record["categories"], str(file))
            names.update(dict.fromkeys(categories[key] for key in sorted(categories)))
            images += _images(record, categories, file, options)
        return LabelSource(tuple(names), images)


@dataclass(frozen=True)
class RunLengthMask:
    """A run-length mask of a whole image, decoded when it is drawn."""

    counts: str | list[int]
    width: int
    height: int
    place: str

    @property
    def bounds(self) -> Bounds:
        """The box around the covered pixels; where there are none, the image."""
        if not self._stencil.mask.size:
            return 0, 0, self.width, self.height
        return self._stencil.bounds

    @cached_property
    def _stencil(self) -> Stencil:
        lengths = decompressed(self.counts, self.place) if isinstance(self.counts, str) else self.counts
        mask = mask_of_runs(lengths, self.width, self.height, self.place)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return Stencil(0, 0, mask[:0, :0])
        box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
        return Stencil(int(columns[0]), int(rows[0]), box)

    def patch(self, width: int, height: int) -> Patch:
        return self._stencil.patch(width, height)


def _json_files(path: Path) -> list[Path]:
    return [path] if path.is_file() else files_below(path, ".json")


def _coco_records(files: list[Path]) -> list[tuple[Path, dict[str, Any]]]:
    records = ((file, read_json(file)) for file in files)
    return [(file, record) for file, record in records if _is_coco(record)]


def _is_coco(record: Any) -> bool:
    return isinstance(record, dict) and all(isinstance(record.get(key), list) for key in _KEYS)


def _categories(records: list[Any], place: str) -> dict[int, str]:
    try:
        names = {entry["id"]: entry["name"] for entry in records}
        well_formed = all(type(key) is int and type(name) is str and name for key, name in names.items())
    except (KeyError, TypeError):
        well_formed = False
    if not well_formed or len(names) < len(records):
        raise InputError(f'{place}: "categories" must be records with an "id" of their own and a "name"')
    return names


def _images(record: dict[str, Any], categories: dict[int, str], file: Path, options: ReadOptions) -> list[DrawnLabels]:
    """The images of a file with their annotations, in its order."""
    sizes: dict[Any, tuple[int, int]] = {}
    names: dict[Any, str] = {}
    shapes: dict[Any, list[DrawnShape]] = {}
    for image in record["images"]:
        place = f"{file}, image {str(image.get('id', '?') if isinstance(image, dict) else image)[:40]}"
        if not (isinstance(image, dict) and _is_key(image.get("id")) and isinstance(image.get("file_name"), str)):
            raise InputError(f'{place}: expected {{"id", "file_name", "width", "height"}}')
        if image["id"] in names:
            raise InputError(f"{place}: the id is that of {names[image['id']]} already")
        names[image["id"]], shapes[image["id"]] = image["file_name"], []
        width, height = (whole_number(image.get(key), key, place) for key in ("width", "height"))
        sizes[image["id"]] = width, height
    for number, entry in enumerate(record["annotations"], start=1):
        if not isinstance(entry, dict):
            raise InputError(f"{file}, annotation {number}: expected a record, found {str(entry)[:40]}")
        place = f"{file}, annotation {entry.get('id', number)}"
        image_id, category = entry.get("image_id"), entry.get("category_id")
        if not _is_key(image_id) or image_id not in names:
            raise InputError(f"{place}: there is no image {image_id!r} in the file")
        if not _is_key(category) or category not in categories:
            raise InputError(f"{place}: there is no category {category!r} in the file")
        outline = _outline(entry, sizes[image_id], place, options)
        name = categories[category]
        shapes[image_id].append(DrawnShape(name, outline, f"{place} ({name} on {names[image_id]})"))
    return [DrawnLabels(names[key], str(file), shapes[key], sizes[key], options.on_top) for key in names]


def _is_key(value: Any) -> bool:
    return isinstance(value, int | str)


def _outline(entry: dict[str, Any], size: tuple[int, int], place: str, options: ReadOptions) -> Outline:
    form = entry.get("segmentation")
    if isinstance(form, dict):
        return _run_length_mask(form, size, place)
    if isinstance(form, list) and form:
        parts = form if isinstance(form[0], list) else [form]  # some programs leave out the list of one polygon
        return Polygons(tuple(_polygon(part, place) for part in parts))
    box = entry.get("bbox")
    if not box:
        raise InputError(f"{place}: it has no segmentation; expected polygons or run lengths")
    if not options.boxes:
        raise InputError(
            f"{place}: it has a box and no outline; give --boxes to fill the box, or export polygons or masks"
        )
    (left, top), (width, height) = point_list([box[:2], box[2:]] if isinstance(box, list) else box, place, 2)
    return rectangle(left, top, left + width, top + height)


def _polygon(numbers: Any, place: str) -> np.ndarray:
    if not isinstance(numbers, list) or len(numbers) % 2:
        raise InputError(f"{place}: a polygon must be a list x, y, x, y, ...; found {str(numbers)[:80]}")
    return point_list([numbers[index : index + 2] for index in range(0, len(numbers), 2)], place, 3)


def _run_length_mask(form: dict[str, Any], size: tuple[int, int], place: str) -> RunLengthMask:
    counts, stated = form.get("counts"), form.get("size")
    if not isinstance(counts, str | list):
        raise InputError(f'{place}: "counts" must be a list of run lengths or their compressed text')
    if stated != [size[1], size[0]]:
        raise InputError(
            f"{place}: the mask is of size {stated} (height, width), but its image is {size[0]}x{size[1]} pixels"
        )
    return RunLengthMask(counts, *size, place)
