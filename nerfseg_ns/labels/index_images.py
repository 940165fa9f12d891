"""Index PNGs: a pixel holds the id of its class."""

from pathlib import Path

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import LabelFormat
from nerfseg_ns.labels.label_map import label_map, png_files
from nerfseg_ns.labels.label_source import LabelSource, ReadOptions
from nerfseg_ns.labels.painted_labels import PaintedLabels


class IndexImages:
    """A folder of index PNGs; :func:`~nerfseg_ns.labels.label_map.label_map` names the ids. 255 is ignore."""

    name = "index"
    summary = "PNGs of class ids, with classes.json"

    def recognises(self, path: Path) -> bool:
        """Never: when no other format fits, :func:`nerfseg_ns.labels.formats.found_format` looks at the PNGs."""
        return False

    def read(self, path: Path, options: ReadOptions) -> LabelSource:
        """Read a folder.

        Raises:
            InputError: no PNG, or nothing that names the ids.
        """
        return painted_source(path, LabelFormat("index"), label_map(path, options))


def painted_source(
    folder: Path,
    label_format: LabelFormat,
    table: ClassTable,
    unlabelled: frozenset[str] = frozenset(),
    ignored: frozenset[str] = frozenset(),
) -> LabelSource:
    """The PNGs of a folder.

    Args:
        folder: of the PNGs and of folders with more of them.
        label_format: how all of them are read.
        table: their ids or colours.
        unlabelled: names in the table that stand for no label.
        ignored: names in the table whose pixels are to be ignored.

    Raises:
        InputError: there is none.
    """
    files = png_files(folder)
    if not files:
        raise InputError(f"{folder}: no PNG files in it; label images must be PNGs, since JPEG blurs classes together")
    images = [
        PaintedLabels(path.relative_to(folder).as_posix(), path, label_format, table, unlabelled, ignored)
        for path in files
    ]
    classes = [entry for entry in table.classes if entry.name not in unlabelled | ignored]
    return LabelSource(tuple(entry.name for entry in classes), images, {entry.name: entry.rgb for entry in classes})
