"""The forms that exported labels come in: index PNGs, CVAT's "Segmentation mask 1.1" and COCO.

The PNGs are written view by view; the other two are made of them at the end, so that an interrupted export goes on.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from nerfseg_ns.core.class_table import IGNORE, ClassTable, SemanticClass
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.palettes import DEFAULT_PALETTE, Colour
from nerfseg_ns.core.whole_file import replacing, write_whole_text
from nerfseg_ns.labels.cvat_labelmap import (
    BACKGROUND,
    CLASS_FOLDER,
    IMAGE_LIST,
    LABELMAP_FILE,
    OBJECT_FOLDER,
    LabelmapEntry,
    labelmap_text,
)
from nerfseg_ns.labels.run_length import compressed, run_lengths

Form = Literal["png", "cvat", "coco"]
MOST_OBJECTS = 254
"""An index PNG has 256 values: 0 is no object, 255 nothing."""


@dataclass(frozen=True)
class ViewLabels:
    """The labels of one view.

    Args:
        name: of the view.
        file_name: of its image, as COCO names it.
        classes: index PNG of class ids; None without classes.
        objects: index PNG of object ids; None without objects.
    """

    name: str
    file_name: str
    classes: Path | None
    objects: Path | None

    def regions(self) -> Iterator[tuple[int, int, UInt8[np.ndarray, "h w"]]]:
        """Class id, object id and 0 or 1 a pixel, of every pair of a class and an object that the view shows.

        Pixels without a class belong to none; without classes there is class 0, where an object is.
        """
        objects = None if self.objects is None else _ids(self.objects)
        if self.classes is None:
            assert objects is not None
            classes = np.where(objects > 0, 0, IGNORE).astype(np.uint8)
        else:
            classes = _ids(self.classes)
        pairs = classes.astype(np.uint16) * 256 + (0 if objects is None else objects)
        for pair in np.unique(pairs):
            if pair >> 8 != IGNORE:
                yield int(pair >> 8), int(pair & 255), (pairs == pair).astype(np.uint8)

    def size(self) -> tuple[int, int]:
        """(h, w), pixels."""
        with Image.open(self.classes or self.objects or "") as image:
            return image.height, image.width


def object_table(names: Sequence[str]) -> ClassTable:
    """Objects with their ids and colours, for index PNGs; id 0 is no object.

    Raises:
        InputError: more objects than an index PNG has values.
    """
    if len(names) > MOST_OBJECTS:
        raise InputError(
            f"--objects: {len(names)} files, and an index PNG holds {MOST_OBJECTS} objects; export in parts"
        )
    colours = voc_colours()
    entries = [SemanticClass(0, "", (0, 0, 0))]
    for number, name in enumerate(names, start=1):
        red, green, blue = colours[number].tolist()
        entries.append(SemanticClass(number, name, (red, green, blue)))
    return ClassTable(tuple(entries))


def write_cvat(path: Path, views: Sequence[ViewLabels], class_table: ClassTable) -> None:
    """Write the archive that CVAT takes as "Segmentation mask 1.1" for the images of the same names.

    Each pair of a class and an object is an instance of SegmentationObject; pixels without a class are background.

    Args:
        path: a .zip file, which is replaced.
        views: the labels.
        class_table: the classes; without classes that of one class for all objects.

    Raises:
        InputError: a class name that the format cannot hold, or the folder cannot be written.
    """
    entries, painted = _labelmap(class_table)
    instance_colours = voc_colours()
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        _write_text(archive, LABELMAP_FILE, labelmap_text(entries))
        _write_text(archive, IMAGE_LIST, "".join(f"{view.name}\n" for view in views))
        for view in views:
            height, width = view.size()
            classes = np.full((height, width, 3), painted[IGNORE], dtype=np.uint8)
            instances = np.zeros((height, width, 3), dtype=np.uint8)
            for number, (class_id, _, mask) in enumerate(view.regions(), start=1):
                if number > 255:
                    raise InputError(f"view {view.name}: more than 255 regions, which CVAT's format cannot tell apart")
                classes[mask > 0], instances[mask > 0] = painted[class_id], instance_colours[number]
            _write_png(archive, f"{CLASS_FOLDER}/{view.name}.png", classes)
            _write_png(archive, f"{OBJECT_FOLDER}/{view.name}.png", instances)


def write_coco(path: Path, views: Sequence[ViewLabels], class_table: ClassTable, objects: Sequence[str]) -> None:
    """Write COCO's JSON: a run-length mask for each class and for each object of a view.

    Category ids are class ids plus 1. An object is an instance (``iscrowd`` 0, its name in ``attributes``); what
    belongs to no object is a region (``iscrowd`` 1).

    Args:
        path: a .json file, which is replaced.
        views: the labels.
        class_table: as in :func:`write_cvat`.
        objects: names of the objects, ids from 1.

    Raises:
        InputError: the folder cannot be written.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, view in enumerate(views, start=1):
        height, width = view.size()
        images.append({"id": image_id, "file_name": view.file_name, "width": width, "height": height})
        for class_id, object_id, mask in view.regions():
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            box = columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1
            annotation: dict[str, Any] = {
                "id": len(annotations) + 1,
                "image_id": image_id,
                "category_id": class_id + 1,
                "segmentation": {"size": [height, width], "counts": compressed(run_lengths(mask > 0))},
                "area": int(mask.sum()),
                "bbox": [int(value) for value in box],
                "iscrowd": int(object_id == 0),
            }
            if object_id:
                annotation["attributes"] = {"object_id": object_id, "name": objects[object_id - 1]}
            annotations.append(annotation)
    document = {
        "info": {"description": "labels predicted by nerfseg_ns"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": entry.id + 1, "name": entry.name} for entry in class_table.classes],
    }
    write_whole_text(path, json.dumps(document, ensure_ascii=False) + "\n")


def voc_colours() -> UInt8[np.ndarray, "256 3"]:
    """The colours that Pascal VOC and CVAT give to instances: the bits of the number, dealt out to the channels."""
    numbers = np.arange(256)
    colours = np.zeros((256, 3), dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= (((numbers >> (3 * bit + channel)) & 1) << (7 - bit)).astype(np.uint8)
    return colours


def _labelmap(class_table: ClassTable) -> tuple[list[LabelmapEntry], UInt8[np.ndarray, "256 3"]]:
    """The lines, no two of one colour, and the colour of each id, 255 that of the background."""
    colours = [entry.rgb for entry in class_table.classes]
    if len(set(colours)) < len(colours):
        colours = [entry.rgb for entry in ClassTable.from_names(class_table.names, DEFAULT_PALETTE).classes]
    entries = [LabelmapEntry(name, rgb) for name, rgb in zip(class_table.names, colours)]
    shades: Iterator[Colour] = ((shade, shade, shade) for shade in range(256))
    background = next(shade for shade in shades if shade not in colours)
    if BACKGROUND in class_table.names:  # CVAT's name for what nobody has drawn on
        background = colours[class_table.names.index(BACKGROUND)]
    else:
        entries.insert(0, LabelmapEntry(BACKGROUND, background))
    painted = np.zeros((256, 3), dtype=np.uint8)
    painted[: len(colours)] = colours
    painted[IGNORE] = background
    return entries, painted


def _ids(path: Path) -> UInt8[np.ndarray, "h w"]:
    try:
        with Image.open(path) as image:
            return np.array(image, dtype=np.uint8)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}); delete it and export again with --resume") from None


# a fixed time of writing, so that equal labels give equal archives
def _write_text(archive: zipfile.ZipFile, name: str, text: str) -> None:
    archive.writestr(_entry(name), text.encode())


def _write_png(archive: zipfile.ZipFile, name: str, pixels: UInt8[np.ndarray, "h w 3"]) -> None:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="PNG")
    archive.writestr(_entry(name), content.getvalue())


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    return entry
