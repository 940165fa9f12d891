"""Label images that objects with classes make: what stage 2 learns from in a scene that nobody painted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.object_labels import object_labels
from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.data.label_folder import LabelFolder
from nerfseg_ns.labels.index_png import write_index_png
from nerfseg_ns.selection.prompts import ObjectPrompt
from nerfseg_ns.selection.selected_object import SelectedObject
from nerfseg_ns.selection.selector import Listener

CONFIDENCE = 0.6
"""Pixels whose objects have a smaller share of the votes get no class."""


class LabelledScene(Protocol):
    """What is needed of a scene whose views get labels."""

    names: Sequence[str]

    def samples(self, view: int) -> ViewSamples:
        """See :class:`~nerfseg_ns.selection.scene.Scene`."""

    def file_size(self, view: int) -> tuple[int, int]:
        """(h, w) of the captured image's file."""


@dataclass(frozen=True, eq=False)
class ClickLabels:
    """Objects with classes, as labels of views.

    Args:
        table: the classes.
        objects: those that have a class.
        confidence: see :data:`CONFIDENCE`, 0..1.
    """

    table: ClassTable
    objects: tuple[SelectedObject, ...]
    confidence: float = CONFIDENCE

    @classmethod
    def of(
        cls, objects: Iterable[SelectedObject], table: ClassTable | None, confidence: float = CONFIDENCE
    ) -> "ClickLabels":
        """The labels of the objects that have a class; the others are left out.

        Args:
            objects: of one scene.
            table: its classes, which keep their ids; classes that it lacks come after. None: it has none.
            confidence: see :data:`CONFIDENCE`.

        Raises:
            InputError: no object has a class, or there are more than 255.
        """
        classed = tuple(each for each in objects if each.prompt.class_name is not None)
        require_classes([each.prompt for each in classed])
        names = [str(each.prompt.class_name) for each in classed]
        return cls((table or ClassTable(())).extended(names), classed, confidence)

    def of_view(self, samples: ViewSamples) -> UInt8[np.ndarray, "h w"]:
        """The class ids of a view, :data:`~nerfseg_ns.core.class_table.IGNORE` where there is none."""
        classes = [entry.id for each in self.objects if (entry := self.table.find(str(each.prompt.class_name)))]
        masks = torch.stack([each.mask(samples) for each in self.objects])
        votes = torch.stack([each.vote(samples) for each in self.objects])
        return object_labels(masks, votes, classes, self.confidence).cpu().numpy()

    def write(self, scene: LabelledScene, folder: LabelFolder, listener: Listener | None = None) -> dict[str, int]:
        """Write a label image for every view, at the size of its captured image, and the class table.

        Args:
            scene: the training views.
            folder: where they go; label images of the same names are replaced, and the table is written last.
            listener: asked and told once a view.

        Returns:
            Pixels of each class that has any, at the size of the cameras.

        Raises:
            InputError: the folder cannot be written.
            SelectionCancelled: see :class:`~nerfseg_ns.selection.selector.Listener`.
        """
        listener = listener or Listener()
        counts = np.zeros(256, dtype=np.int64)
        folder.table_file.unlink(missing_ok=True)
        for view, name in enumerate(scene.names):
            listener.step("labels", view, len(scene.names))
            ids = self.of_view(scene.samples(view))
            counts += np.bincount(ids.ravel(), minlength=256)
            height, width = scene.file_size(view)
            whole = np.array(Image.fromarray(ids).resize((width, height), Image.Resampling.NEAREST))
            write_index_png(folder.label_file(name), whole, self.table)
        folder.finish(self.table, outlined=True)
        listener.step("labels", len(scene.names), len(scene.names))
        return {entry.name: int(counts[entry.id]) for entry in self.table.classes if counts[entry.id]}


def require_classes(prompts: Sequence[ObjectPrompt]) -> None:
    """Refuse prompts that make no labels.

    Raises:
        InputError: none of them has a class.
    """
    if all(prompt.class_name is None for prompt in prompts):
        raise InputError(
            'no object has a class, so there are no labels to make; give objects one, "class" in prompts.json or '
            "Class in the viewer"
        )
