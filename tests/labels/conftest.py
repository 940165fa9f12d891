"""Small label files in each format, as the programs write them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nerfseg_ns.labels.class_choice import ClassChoice, ClassOptions
from nerfseg_ns.labels.formats import read_labels
from nerfseg_ns.labels.import_notes import ImportNotes
from nerfseg_ns.labels.label_source import LabelSource, ReadOptions


def save_png(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def read_source(path: Path, format_name: str = "auto", **options: Any) -> tuple[str, LabelSource]:
    """The name of the format that was found, and the source."""
    found, source = read_labels(path, format_name, ReadOptions(**options))
    return found.name, source


def paint_first(
    path: Path,
    width: int,
    height: int,
    format_name: str = "auto",
    notes: ImportNotes | None = None,
    class_options: ClassOptions | None = None,
    **options: Any,
) -> tuple[list[str], list[str]]:
    """Class names by id, and rows of the first image: a digit is an id, . is unlabelled, x is to be ignored."""
    _, source = read_source(path, format_name, **options)
    classes = ClassChoice.of_names(source.names, source.colours, class_options or ClassOptions())
    painting = source.images[0].paint(width, height, classes, notes or ImportNotes())
    ids = np.where(painting.ids == 255, -1, painting.ids)
    letters = np.where(painting.unlabelled, ".", np.where(ids < 0, "x", ids.astype(str)))
    return list(classes.table.names), ["".join(letter[0] for letter in row) for row in letters]


@pytest.fixture
def read() -> Callable[..., tuple[str, LabelSource]]:
    """:func:`read_source`."""
    return read_source


@pytest.fixture
def painted() -> Callable[..., tuple[list[str], list[str]]]:
    """:func:`paint_first`."""
    return paint_first


@pytest.fixture
def write_png() -> Callable[[Path, np.ndarray], Path]:
    """:func:`save_png`."""
    return save_png


@pytest.fixture
def labelme(tmp_path: Path) -> Callable[..., Path]:
    """Writes ``labelme/STEM.json`` for an image of 24x24 pixels and returns the folder."""

    def write(stem: str, *shapes: dict[str, Any], **more: Any) -> Path:
        folder = tmp_path / "labelme"
        folder.mkdir(exist_ok=True)
        record = {
            "version": "5.5.0",
            "flags": {},
            "shapes": list(shapes),
            "imagePath": f"{stem}.png",
            "imageData": None,
        }
        record |= {"imageHeight": 24, "imageWidth": 24, **more}
        (folder / f"{stem}.json").write_text(json.dumps(record))
        return folder

    return write


@pytest.fixture
def coco(tmp_path: Path) -> Callable[..., Path]:
    """Writes ``instances.json`` with one image ``000.png`` of 4x3 pixels; keys of the record can be replaced."""

    def write(*annotations: dict[str, Any], **more: Any) -> Path:
        record = {
            "images": [{"id": 1, "file_name": "000.png", "width": 4, "height": 3}],
            "categories": [{"id": 5, "name": "Road"}, {"id": 2, "name": "Car"}],
            "annotations": [
                {"id": number, "image_id": 1, "category_id": 2, **entry}
                for number, entry in enumerate(annotations, start=1)
            ],
        }
        path = tmp_path / "instances.json"
        path.write_text(json.dumps(record | more))
        return path

    return write


@pytest.fixture
def cvat(tmp_path: Path) -> Callable[..., Path]:
    """Writes a CVAT export of masks (arrays of 0, background, 1, Road, and 2, Car) and returns its folder."""

    def write(
        masks: dict[str, np.ndarray], labelmap: str | None = "background:0,0,0::\nRoad:128,64,128::\nCar:0,0,142::\n"
    ) -> Path:
        folder = tmp_path / "cvat"
        colours = np.array([(0, 0, 0), (128, 64, 128), (0, 0, 142)], dtype=np.uint8)
        for stem, mask in masks.items():
            save_png(folder / "SegmentationClass" / f"{stem}.png", colours[mask])
            save_png(folder / "SegmentationObject" / f"{stem}.png", colours[mask][..., ::-1].copy())
        if labelmap is not None:
            (folder / "labelmap.txt").write_text("# label:color_rgb:parts:actions\n" + labelmap)
        return folder

    return write
