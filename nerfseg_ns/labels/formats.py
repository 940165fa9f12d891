"""The formats that labels can come in, and which of them a folder or file is."""

from pathlib import Path

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import LabelFormat, kind_of_label_image, open_image
from nerfseg_ns.core.near_matches import did_you_mean
from nerfseg_ns.labels.coco_json import CocoFiles
from nerfseg_ns.labels.colour_images import ColourImages
from nerfseg_ns.labels.cvat_masks import CvatMasks
from nerfseg_ns.labels.index_images import IndexImages
from nerfseg_ns.labels.label_map import label_map, png_files
from nerfseg_ns.labels.label_source import LabelFiles, LabelSource, ReadOptions
from nerfseg_ns.labels.labelme_json import LabelmeFiles

INDEX, COLOUR = IndexImages(), ColourImages()
FORMATS: dict[str, LabelFiles] = {
    entry.name: entry
    for entry in (
        CvatMasks(),
        LabelmeFiles(),
        CocoFiles(),
        INDEX,
        COLOUR,
    )
}
"""name for ``--format`` -> reader."""


def read_labels(path: Path, format_name: str, options: ReadOptions) -> tuple[LabelFiles, LabelSource]:
    """Read labels.

    Args:
        path: a folder or a JSON file; archives are unpacked before (:mod:`nerfseg_ns.labels.label_archive`).
        format_name: a key of :data:`FORMATS`, or ``auto``.
        options: what the user says about the files.

    Raises:
        InputError: the format is unknown or cannot be told, or whatever is wrong with the files.
    """
    if format_name == "auto":
        found = found_format(path, options)
    elif format_name in FORMATS:
        found = FORMATS[format_name]
    else:
        raise InputError(f"--format {format_name}: no such format; {did_you_mean(format_name, [*FORMATS, 'auto'])}")
    return found, found.read(path, options)


def found_format(path: Path, options: ReadOptions) -> LabelFiles:
    """The format of a folder or file.

    PNGs are taken for labels only where nothing else is: beside JSON files they are the images.

    Raises:
        InputError: several formats or none; a JSON file is broken.
    """
    fitting = [entry for entry in FORMATS.values() if entry.recognises(path)]
    if len(fitting) > 1:
        found = " and ".join(f"{entry.name} ({entry.summary})" for entry in fitting)
        raise InputError(f"{path}: holds labels in several formats, {found}; choose one by --format NAME")
    if fitting:
        return fitting[0]
    files = png_files(path) if path.is_dir() else []
    if not files:
        known = "; ".join(f"{entry.name}: {entry.summary}" for entry in FORMATS.values())
        raise InputError(f"{path}: no labels in a format that is known. {known}")
    for file in files:
        with open_image(file) as image:
            if len(image.getbands()) < 3:
                return INDEX
        kind = kind_of_label_image(file, LabelFormat(channel_order=options.channel_order), label_map(path, options))
        if kind is not None:
            return INDEX if kind == "index" else COLOUR
    return INDEX
