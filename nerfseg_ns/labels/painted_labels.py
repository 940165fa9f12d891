"""Labels that are images: class ids or class colours."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nerfseg_ns.core.class_table import IGNORE, ClassTable
from nerfseg_ns.core.label_image import LabelFormat, read_image_header, read_label_image
from nerfseg_ns.labels.class_choice import ClassChoice
from nerfseg_ns.labels.import_notes import ImportNotes
from nerfseg_ns.labels.label_source import Painting


@dataclass(frozen=True)
class PaintedLabels:
    """One label image.

    In index images 255 says that a pixel is to be ignored. In colour images a pixel is unlabelled that is black, unless
    black is a class, or that has the colour of a class named in ``unlabelled``.

    Args:
        name: the image's path as the labels have it.
        path: the PNG file.
        label_format: how it is read; its kind is ``index`` or ``colour``.
        table: the ids or colours of the file.
        unlabelled: names in the table that stand for no label.
        ignored: names in the table whose pixels are to be ignored.
    """

    name: str
    path: Path
    label_format: LabelFormat
    table: ClassTable
    unlabelled: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()

    @property
    def place(self) -> str:
        return str(self.path)

    def size(self) -> tuple[int, int] | None:
        header = read_image_header(self.path)
        return header.width, header.height

    def paint(self, width: int, height: int, classes: ClassChoice, notes: ImportNotes) -> Painting:
        """The pixels of the file, in the ids of the import's table.

        Raises:
            InputError: the file cannot be read, holds what its table lacks, or holds classes that the import's lacks.
        """
        found = read_label_image(self.path, self.label_format, self.table)
        ids = np.full(256, IGNORE, dtype=np.uint8)
        is_unlabelled = np.zeros(256, dtype=bool)
        is_unlabelled[IGNORE] = self.label_format.kind == "colour"
        for number in np.unique(found[found != IGNORE]).tolist():
            name = self.table.names[number]
            is_unlabelled[number] = name in self.unlabelled
            if name not in self.unlabelled and name not in self.ignored:
                ids[number] = classes.id_of(name, str(self.path))
        return Painting(ids[found], is_unlabelled[found])
