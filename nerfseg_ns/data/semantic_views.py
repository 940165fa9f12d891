"""What a dataparser hands on about labels, and the options by which a user chooses them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import LabelFormat
from nerfseg_ns.core.label_kind import decided_format
from nerfseg_ns.core.palettes import DEFAULT_PALETTE
from nerfseg_ns.core.view_selection import select_labelled
from nerfseg_ns.data.label_folder import LabelFolder

SEMANTICS = "semantics"
"""Key of :class:`SemanticViews` in a dataparser's metadata, and of the label tensor in a batch."""


@dataclass(frozen=True)
class SemanticViews:
    """The labels of one split.

    Args:
        class_table: the classes of the scene; empty when the scene has neither labels nor a table.
        label_filenames: aligned with the split's image filenames; None: the view is unlabelled.
        label_format: how the label images are read.
        downscale_factor: how many times smaller than the label files the views are.
        outlined: see :attr:`~nerfseg_ns.data.label_folder.LabelFolder.outlined`.
    """

    class_table: ClassTable
    label_filenames: tuple[Path | None, ...]
    label_format: LabelFormat
    downscale_factor: int = 1
    outlined: bool = False

    @property
    def labelled_view_indices(self) -> tuple[int, ...]:
        """Positions of the views with a label, ascending."""
        return tuple(index for index, label in enumerate(self.label_filenames) if label is not None)


@dataclass
class LabelOptions:
    """The options about labels that every dataparser of this package has."""

    labelled_views: int | None = None
    """How many training views keep their labels, spread evenly over the trajectory; all other views train the geometry
    only. Unset: every label is used. Evaluation uses every label of its views in any case."""
    labelled_view_names: tuple[str, ...] = ()
    """The training views that keep their labels, by file name, instead of a number of views."""
    classes: Path | None = None
    """Class table, a JSON file {"classes": [{"id": 0, "name": "Building", "rgb": [70, 70, 70]}, ...]}. Unset: the
    table that comes with the scene."""
    class_names: tuple[str, ...] = ()
    """Class names in the order of their ids, instead of a class table; they get the palette's colours."""
    palette: Literal["carla-0.9.9", "carla-0.9.10", "carla-0.9.14"] | None = None
    """Palette of colour label images: CARLA up to 0.9.9, 0.9.10 to 0.9.13, from 0.9.14 on. Unset: the colours of the
    class table (carla-0.9.10 for class names)."""
    label_kind: Literal["auto", "index", "colour"] = "auto"
    """Whether label images hold class ids (channel 0) or class colours; auto finds out, once for the whole scene."""
    channel_order: Literal["auto", "rgb", "bgr"] = "auto"
    """Channel order of colour label images; auto takes the one that explains more pixels."""
    label_data: Path | None = None
    """A folder with classes.json and labels/VIEW.png (nerfseg segment --labels-out), whose labels the training views
    have in the place of the scene's own. Evaluation views keep theirs."""

    @property
    def label_folder(self) -> LabelFolder | None:
        """The folder of :attr:`label_data`; None when the labels are the scene's own.

        Raises:
            InputError: the folder is not of that form; classes are given by another option too.
        """
        if self.label_data is None:
            return None
        folder = LabelFolder(self.label_data)
        if not folder.exists:
            raise InputError(
                f"{folder.image_folder}: no such folder; --label-data expects classes.json and labels/VIEW.png, as "
                "nerfseg segment --labels-out writes them"
            )
        if self.classes is not None or self.class_names:
            raise InputError(
                f"--label-data {folder.path} brings a class table, so --classes and --class-names must be left out"
            )
        return folder

    def given_labels(self, split: str, images: Sequence[Path]) -> list[Path | None] | None:
        """The labels of :attr:`label_data` for the training views; None when views have the scene's own.

        Args:
            split: ``train``, ``val`` or ``test``.
            images: the image of each view.

        Raises:
            InputError: see :meth:`label_folder` and :meth:`~nerfseg_ns.data.label_folder.LabelFolder.labels`.
        """
        folder = self.label_folder
        return None if folder is None or split != "train" else folder.labels(images)

    def class_table(self, scene_table: Callable[[], ClassTable | None]) -> ClassTable | None:
        """The class table of the options or else of the scene; None when neither has one.

        Args:
            scene_table: reads the table that comes with the scene; called only when no option replaces it.

        Raises:
            InputError: both a table and names are given; the table cannot be read; the scene has another table than
                :attr:`label_data`, so that one id would mean two classes.
        """
        folder = self.label_folder
        if folder is not None:
            table, own = folder.table(), scene_table()
            if own is not None and own.names != table.names[: len(own)]:
                raise InputError(
                    f"{folder.table_file}: its classes ({', '.join(table.names)}) do not begin with those of the scene "
                    f"({', '.join(own.names)}), whose evaluation labels have their ids; make the labels again from a "
                    "run of this scene"
                )
            return table
        if self.classes is not None and self.class_names:
            raise InputError(f"--classes {self.classes} and --class-names exclude each other; give one")
        if self.class_names:
            return ClassTable.from_names(self.class_names, self.palette or DEFAULT_PALETTE)
        if self.classes is not None:
            return ClassTable.from_json(self.classes)
        return scene_table()

    def select(
        self, split: str, stems: Sequence[str], labels: Sequence[Path | None], source: str, unlabelled_hint: str
    ) -> tuple[Path | None, ...]:
        """The labels that a split keeps: those chosen in the training split, all of them in the others.

        Args:
            split: ``train``, ``val`` or ``test``.
            stems: view names in the order of the trajectory.
            labels: the label image of each view, None without one.
            source: the folder or file of the views, for messages.
            unlabelled_hint: where labels are expected, for the message when there are none.

        Raises:
            InputError: labelled views were asked for and there is no label, or as
                :func:`~nerfseg_ns.core.view_selection.select_labelled` says.
        """
        if split != "train":
            return tuple(labels)
        has_label = [label is not None for label in labels]
        if (self.labelled_views is not None or self.labelled_view_names) and not any(has_label):
            raise InputError(f"{source}: labelled views were asked for, but no view has a label; {unlabelled_hint}")
        kept = set(select_labelled(stems, has_label, self.labelled_views, self.labelled_view_names, source))
        return tuple(label if index in kept else None for index, label in enumerate(labels))

    def semantic_views(
        self,
        class_table: ClassTable | None,
        labels: tuple[Path | None, ...],
        scene_labels: Sequence[Path],
        source: str,
        downscale_factor: int = 1,
    ) -> SemanticViews:
        """Bind labels, classes and format.

        Args:
            class_table: the classes of the scene.
            labels: those that the split keeps.
            scene_labels: every label image of the scene, whatever its split; they decide together on the label kind.
            source: the folder or file of the scene, for messages.
            downscale_factor: how many times smaller than the label files the views are.

        Raises:
            InputError: there are labels but no class table; label images of both kinds.
        """
        if class_table is None and any(label is not None for label in labels):
            raise InputError(
                f"{source}: there are label images but no class table. Class ids mean nothing without names: write "
                f'classes.json there, {{"classes": [{{"id": 0, "name": "Building", "rgb": [70, 70, 70]}}, ...]}}, or '
                f"name the classes in the order of their ids, --class-names Building Water Sky ..."
            )
        label_format = LabelFormat(self.label_kind, self.palette, self.channel_order)
        folder, outlined = self.label_folder, False
        if folder is not None and any(label is not None and label.is_relative_to(folder.path) for label in labels):
            label_format, outlined = LabelFormat("index"), folder.outlined  # whatever form the scene's own labels have
        elif class_table is not None:
            label_format = decided_format(scene_labels, label_format, class_table)
        return SemanticViews(class_table or ClassTable(()), labels, label_format, downscale_factor, outlined)
