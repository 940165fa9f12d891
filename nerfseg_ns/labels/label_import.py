"""Labels of any format into a scene of any kind: read, matched, painted and put in place."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from nerfseg_ns.core.class_table import IGNORE, ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import read_image_header
from nerfseg_ns.core.progress_bar import progress_bar
from nerfseg_ns.core.whole_file import refuse_existing
from nerfseg_ns.data.scene_folder import listed
from nerfseg_ns.labels.class_choice import ClassChoice
from nerfseg_ns.labels.import_notes import ImportNotes
from nerfseg_ns.labels.index_png import write_index_png
from nerfseg_ns.labels.label_source import ImageLabels, LabelSource
from nerfseg_ns.labels.label_target import LabelTarget, TargetView
from nerfseg_ns.labels.view_matching import matched


@dataclass(frozen=True)
class ImportedLabels:
    """What was written.

    Args:
        table_file: the file with the classes.
        labelled: the views that have a new label image.
        pixels: how many pixels of these each class has; the last number is that of pixels without a class.
    """

    table_file: Path
    labelled: tuple[TargetView, ...]
    pixels: Int64[np.ndarray, "classes+1"]


def import_labels(
    source: LabelSource,
    target: LabelTarget,
    classes: ClassChoice,
    notes: ImportNotes,
    skip_unknown_images: bool = False,
    overwrite: bool = False,
) -> ImportedLabels:
    """Write the labels of a source into a scene. Until all of them are painted the scene stays as it is.

    Args:
        source: the labels.
        target: the scene.
        classes: from names to ids.
        notes: told what is changed and left out on the way.
        skip_unknown_images: leave out labels of images that the scene lacks.
        overwrite: replace files that exist.

    Raises:
        InputError: labels that do not fit the scene, files that exist, whatever is wrong with a label.
    """
    pairs = matched(source.images, target.views, target.source, notes if skip_unknown_images else None)
    if not pairs:
        raise InputError(f"{target.source}: none of its {len(target.views)} views has labels in the files given")
    with tempfile.TemporaryDirectory(prefix="nerfseg-import-") as folder:
        painted: list[tuple[TargetView, Path]] = []
        pixels = np.zeros(len(classes.table) + 1, dtype=np.int64)
        with progress_bar() as bar:
            for number, (view, image) in enumerate(bar.track(pairs, description="painting labels")):
                ids = _painted(view, image, classes, notes)
                if ids is None:
                    continue
                counts = np.bincount(ids.ravel(), minlength=256)
                pixels += np.append(counts[: len(classes.table)], counts[IGNORE])
                painted.append((view, Path(folder) / f"{number}.png"))
                write_index_png(painted[-1][1], ids, classes.table)
        if not painted:
            raise InputError(f"{target.source}: no pixel of its views has a label in the files given")
        labelled = [view for view, _ in painted]
        _check_table(target, classes.table, labelled, overwrite)
        for view, label in painted:
            target.place(view, label)
        table_file = target.finish(classes.table, labelled)
    return ImportedLabels(table_file, tuple(labelled), pixels)


def _painted(view: TargetView, image: ImageLabels, classes: ClassChoice, notes: ImportNotes) -> np.ndarray | None:
    """The ids of a view's pixels, None when none of them has a label."""
    header = read_image_header(view.image)
    width, height = header.width, header.height
    stated = image.size()
    if stated is not None and stated != (width, height):
        turned = "; were they drawn on the image turned upright by its EXIF tag?" if stated == (height, width) else ""
        raise InputError(
            f"{image.place}: the labels of {image.name} are for {stated[0]}x{stated[1]} pixels, but {view.image} is "
            f"{width}x{height}; label and image must have the same size{turned}"
        )
    painting = image.paint(width, height, classes, notes)
    ids = painting.ids
    if not painting.unlabelled.all():
        ids = np.where(painting.unlabelled, np.uint8(classes.background), ids)
    if (ids == IGNORE).all():
        notes.add("images without a labelled pixel, which stay unlabelled", image.name)
        return None
    return ids


def _check_table(target: LabelTarget, table: ClassTable, labelled: list[TargetView], overwrite: bool) -> None:
    """Refuse to lose files, and to give other meanings to the ids of labels that stay."""
    changes = target.table is not None and target.table != table
    if not overwrite:
        refuse_existing(target.replaced_files(labelled, changes))
    if target.table is None or target.table.names == table.names[: len(target.table)]:
        return
    chosen = {view.name for view in labelled}
    staying = [view.present for view in target.views if view.present is not None and view.name not in chosen]
    if staying or target.other_labels:
        names = [str(path) for path in (*staying, *target.other_labels)]
        raise InputError(
            f"{target.source}: {len(names)} label images stay that have the ids of the old class table "
            f"({', '.join(target.table.names)}), which the new one ({', '.join(table.names)}) names otherwise: "
            f"{listed(names)}. Give --classes with a table that begins as the old one, or take those labels away"
        )
