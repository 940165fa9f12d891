"""CVAT's "Segmentation mask 1.1": ``labelmap.txt`` and colour PNGs in ``SegmentationClass/``, as in Pascal VOC."""

from dataclasses import replace
from pathlib import Path

from nerfseg_ns.core.class_table import ClassTable, SemanticClass
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import LabelFormat
from nerfseg_ns.labels.cvat_labelmap import BACKGROUND, CLASS_FOLDER, LABELMAP_FILE
from nerfseg_ns.labels.index_images import painted_source
from nerfseg_ns.labels.label_map import label_map
from nerfseg_ns.labels.label_source import LabelSource, ReadOptions

VOID = SemanticClass(0, "void", (224, 224, 192))
"""The colour of object borders in Pascal VOC: to be ignored."""


class CvatMasks:
    """A CVAT export. The label ``background`` is what nobody has drawn on."""

    name = "cvat-mask"
    summary = 'CVAT "Segmentation mask 1.1": labelmap.txt and SegmentationClass/'

    def recognises(self, path: Path) -> bool:
        """Whether there is a folder SegmentationClass."""
        return (path / CLASS_FOLDER).is_dir()

    def read(self, path: Path, options: ReadOptions) -> LabelSource:
        """Read the export.

        Raises:
            InputError: no labelmap.txt (``--label-map`` can stand in), no masks, or whatever is wrong with them.
        """
        if not (path / LABELMAP_FILE).is_file() and options.label_map is None:
            raise InputError(
                f"{path / LABELMAP_FILE}: no such file, and without it the colours in {CLASS_FOLDER} have no names; it "
                f"is part of CVAT's export. If you have it elsewhere: --label-map FILE"
            )
        if not (path / CLASS_FOLDER).is_dir():
            raise InputError(f"{path / CLASS_FOLDER}: no such folder; expected a CVAT export, {self.summary}")
        table = label_map(path, options)
        ignored = frozenset[str]()
        if VOID.name not in table.names and VOID.rgb not in [entry.rgb for entry in table.classes]:
            table, ignored = ClassTable((*table.classes, replace(VOID, id=len(table)))), frozenset({VOID.name})
        label_format = LabelFormat("colour", channel_order="rgb")
        return painted_source(path / CLASS_FOLDER, label_format, table, frozenset({BACKGROUND}), ignored)
