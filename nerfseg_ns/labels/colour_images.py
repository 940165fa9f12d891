"""Colour PNGs: a pixel has the colour of its class."""

from pathlib import Path

from nerfseg_ns.core.label_image import LabelFormat
from nerfseg_ns.labels.cvat_labelmap import BACKGROUND
from nerfseg_ns.labels.index_images import painted_source
from nerfseg_ns.labels.label_map import label_map
from nerfseg_ns.labels.label_source import LabelSource, ReadOptions


class ColourImages:
    """A folder of colour PNGs; :func:`~nerfseg_ns.labels.label_map.label_map` names the colours.

    Black is unlabelled unless a class is black; so is a class named background.
    """

    name = "colour"
    summary = "PNGs of class colours, with classes.json, labelmap.txt or a palette"

    def recognises(self, path: Path) -> bool:
        """Never: when no other format fits, :func:`nerfseg_ns.labels.formats.found_format` looks at the PNGs."""
        return False

    def read(self, path: Path, options: ReadOptions) -> LabelSource:
        """Read a folder.

        Raises:
            InputError: no PNG, or nothing that names the colours.
        """
        label_format = LabelFormat("colour", channel_order=options.channel_order)
        return painted_source(path, label_format, label_map(path, options), frozenset({BACKGROUND}))
