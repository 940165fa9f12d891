"""The scene that labels are imported into."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.whole_file import replacing


@dataclass(frozen=True)
class TargetView:
    """A view of the scene.

    Args:
        name: its path in the scene, without suffix.
        image: its image.
        label: where its label image goes.
        present: the label image that it has, None without.
    """

    name: str
    image: Path
    label: Path
    present: Path | None = None


def put_label(view: TargetView, label: Path) -> None:
    """Copy a finished label image to its place, whole or not at all; the two can be on different disks.

    Raises:
        InputError: the folder cannot be written.
    """
    with replacing(view.label) as temporary:
        shutil.copyfile(label, temporary)


class LabelTarget(Protocol):
    """A kind of scene: one class, one line in :mod:`nerfseg_ns.labels.targets`."""

    source: str
    """The scene, for messages."""
    views: tuple[TargetView, ...]
    table: ClassTable | None
    """The classes that the scene has."""
    table_file: Path
    """The file that holds them, or will."""
    other_labels: tuple[Path, ...]
    """Label images of the scene that are not of these views."""
    training: str
    """The line that trains on the labels."""

    def replaced_files(self, labelled: list[TargetView], changes_table: bool) -> list[Path]:
        """The files that :meth:`place` and :meth:`finish` replace, if they exist."""

    def place(self, view: TargetView, label: Path) -> None:
        """Copy a finished label image to its place."""

    def finish(self, table: ClassTable, labelled: list[TargetView]) -> Path:
        """Write what tells the dataparser about the labels.

        Returns:
            The file with the classes.
        """
