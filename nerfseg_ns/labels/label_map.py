"""The names of the ids or colours in label images."""

from pathlib import Path

from nerfseg_ns.core.class_table import ClassTable, SemanticClass
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean
from nerfseg_ns.core.palettes import PALETTES, UNLABELLED_COLOUR, palette
from nerfseg_ns.labels.cvat_labelmap import LABELMAP_FILE, read_labelmap
from nerfseg_ns.labels.label_source import ReadOptions

CLASSES_FILE = "classes.json"


def label_map(folder: Path, options: ReadOptions) -> ClassTable:
    """The table that the images of a folder were painted with.

    It is the first of these: that of ``--label-map``; ``labelmap.txt`` or ``classes.json`` in the folder; the class
    table of the import.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    if options.label_map in PALETTES:
        entries = [entry for entry in palette(str(options.label_map)) if entry.rgb != UNLABELLED_COLOUR]
        return ClassTable(tuple(SemanticClass(index, entry.name, entry.rgb) for index, entry in enumerate(entries)))
    if options.label_map is not None:
        path = Path(options.label_map)
        if not path.is_file():
            raise InputError(
                f"--label-map {path}: no such file, and no palette of that name; {did_you_mean(str(path), PALETTES)}"
            )
        return labelmap_table(path) if path.suffix == ".txt" else ClassTable.from_json(path)
    if (folder / LABELMAP_FILE).is_file():
        return labelmap_table(folder / LABELMAP_FILE)
    if (folder / CLASSES_FILE).is_file():
        return ClassTable.from_json(folder / CLASSES_FILE)
    if options.table is not None:
        return options.table
    raise InputError(
        f"{folder}: nothing names the ids or colours of these label images; put {CLASSES_FILE} or {LABELMAP_FILE} "
        f"there, or give --label-map FILE, or --label-map with one of {', '.join(PALETTES)}"
    )


def labelmap_table(path: Path) -> ClassTable:
    """A ``labelmap.txt`` as a table, ids in the order of its lines.

    Raises:
        InputError: as :func:`~nerfseg_ns.labels.cvat_labelmap.read_labelmap` says, or more than 255 classes.
    """
    entries = read_labelmap(path)
    try:
        return ClassTable(tuple(SemanticClass(index, entry.name, entry.rgb) for index, entry in enumerate(entries)))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def png_files(folder: Path) -> list[Path]:
    """The PNG files of a folder and the folders in it, by name; hidden ones are passed over."""
    return files_below(folder, ".png")


def files_below(folder: Path, suffix: str) -> list[Path]:
    """The files of a suffix in a folder and the folders in it, by name; hidden ones are passed over."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() == suffix and path.is_file())
    return sorted(
        path for path in found if not any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)
    )
