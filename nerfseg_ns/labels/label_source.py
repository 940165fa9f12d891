"""What every format of labels is read into."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from jaxtyping import Bool, UInt8

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.label_image import ChannelOrder
from nerfseg_ns.core.palettes import Colour
from nerfseg_ns.labels.class_choice import ClassChoice
from nerfseg_ns.labels.import_notes import ImportNotes

OnTop = Literal["smaller", "later"]


@dataclass(frozen=True)
class ReadOptions:
    """What the user says about the label files.

    Args:
        label_map: names of ids or colours: a class table, a labelmap.txt or the name of a palette.
        table: the classes of the scene, which ids and colours are taken from when nothing nearer names them.
        channel_order: of colour images.
        on_top: which of two overlapping shapes is seen.
        boxes: fill COCO annotations that have a box only.
        line_width: of lines and points, in pixels; None: they are refused.
    """

    label_map: str | None = None
    table: ClassTable | None = None
    channel_order: ChannelOrder = "auto"
    on_top: OnTop = "smaller"
    boxes: bool = False
    line_width: float | None = None


@dataclass(frozen=True)
class Painting:
    """The labels of an image.

    Args:
        ids: class ids, 255 where there is none.
        unlabelled: the pixels that nobody has labelled; the others of id 255 are to be ignored whatever the background.
    """

    ids: UInt8[np.ndarray, "h w"]
    unlabelled: Bool[np.ndarray, "h w"]


class ImageLabels(Protocol):
    """The labels of one image."""

    @property
    def name(self) -> str:
        """The image's path as the labels have it, with or without a suffix."""

    @property
    def place(self) -> str:
        """The file of the labels, for messages."""

    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels that the labels were made for; None where they do not tell.

        Raises:
            InputError: the file cannot be read.
        """

    def paint(self, width: int, height: int, classes: ClassChoice, notes: ImportNotes) -> Painting:
        """The ids of all pixels.

        Args:
            width: of the image, in pixels.
            height: of the image, in pixels.
            classes: from names to ids.
            notes: told what is changed on the way.

        Raises:
            InputError: whatever is wrong with the labels.
        """


@dataclass(frozen=True)
class LabelSource:
    """All labels of a folder or file.

    Args:
        names: the classes, in an order that is the same each time.
        images: the labelled images.
        colours: of the classes that have one.
    """

    names: tuple[str, ...]
    images: Sequence[ImageLabels]
    colours: Mapping[str, Colour] = field(default_factory=dict)


class LabelFiles(Protocol):
    """A format: one module, one line in :mod:`nerfseg_ns.labels.formats`."""

    name: str
    """For ``--format``."""
    summary: str
    """What the files are, in a few words."""

    def recognises(self, path: Path) -> bool:
        """Whether a folder or file looks like the format.

        Raises:
            InputError: a JSON file is broken.
        """

    def read(self, path: Path, options: ReadOptions) -> LabelSource:
        """Read a folder or file; the labels themselves may be read later.

        Raises:
            InputError: whatever is wrong with it.
        """
