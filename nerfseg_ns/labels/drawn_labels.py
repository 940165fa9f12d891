"""Labels that are shapes drawn over an image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.labels.class_choice import ClassChoice
from nerfseg_ns.labels.import_notes import ImportNotes
from nerfseg_ns.labels.label_source import OnTop, Painting
from nerfseg_ns.labels.outlines import Outline, is_outside, reaches_beyond


@dataclass(frozen=True)
class DrawnShape:
    """A shape of a class; ``place`` is its file and number, for messages."""

    class_name: str
    outline: Outline
    place: str


@dataclass(frozen=True)
class DrawnLabels:
    """The shapes of one image.

    Where shapes overlap, that of fewer pixels is seen, and of equal ones the later: a car on a road stays a car,
    whoever was drawn first. ``on_top="later"`` goes by the order alone.

    Args:
        name: the image's path as the labels have it.
        place: the file of the labels, for messages.
        shapes: in the order of the file.
        stated_size: width and height that the file states, None without.
        on_top: which of two overlapping shapes is seen.
    """

    name: str
    place: str
    shapes: Sequence[DrawnShape]
    stated_size: tuple[int, int] | None
    on_top: OnTop = "smaller"

    def size(self) -> tuple[int, int] | None:
        return self.stated_size

    def paint(self, width: int, height: int, classes: ClassChoice, notes: ImportNotes) -> Painting:
        """The pixels of all shapes.

        Raises:
            InputError: a shape wholly outside the image, of an unknown class, or that cannot be drawn.
        """
        layers = []
        for shape in self.shapes:
            bounds = shape.outline.bounds
            if is_outside(bounds, width, height):
                left, top, right, bottom = (f"{value:g}" for value in bounds)
                raise InputError(
                    f"{shape.place}: the shape lies outside the image {self.name} of {width}x{height} pixels: x {left} "
                    f"to {right}, y {top} to {bottom}; were the labels made for this image and this size?"
                )
            if reaches_beyond(bounds, width, height):
                notes.add("shapes clipped at the edge of their image", shape.place)
            class_id = classes.id_of(shape.class_name, shape.place)
            patch = shape.outline.patch(width, height)
            if not patch.area:
                notes.add("shapes too small to cover the centre of a pixel", shape.place)
            layers.append((patch, class_id))
        if self.on_top == "smaller":
            layers.sort(key=lambda layer: -layer[0].area)  # stable: of equal areas the later stays on top
        ids = np.full((height, width), IGNORE, dtype=np.uint8)
        unlabelled = np.ones((height, width), dtype=bool)
        for patch, class_id in layers:
            patch.of(ids)[patch.mask] = class_id
            patch.of(unlabelled)[patch.mask] = False
        return Painting(ids, unlabelled)
