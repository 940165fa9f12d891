"""``nerfseg labels``: labels of other programs into scenes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.labels.class_choice import ClassChoice, ClassOptions
from nerfseg_ns.labels.formats import read_labels
from nerfseg_ns.labels.import_notes import ImportNotes
from nerfseg_ns.labels.label_archive import opened_labels
from nerfseg_ns.labels.label_import import ImportedLabels, import_labels
from nerfseg_ns.labels.label_source import OnTop, ReadOptions
from nerfseg_ns.labels.label_target import LabelTarget
from nerfseg_ns.labels.targets import TargetOptions, open_target


@dataclass
class ImportCommand:
    """Import labels that were made elsewhere: index PNGs, colour PNGs, CVAT, labelme or COCO.

    Writes one index PNG a labelled image, with the colours of the classes as palette and 255 where there is no class,
    where the scene's dataparser looks for them, and the class table. Images without labels stay unlabelled.
    """

    labels: tyro.conf.Positional[Path]
    """Folder, zip archive or JSON file of the labels."""
    data: Path
    """The scene, as ns-train takes it: a Carla-MVS folder, a Google Earth Studio export, or a folder with
    transforms.json."""
    format: str = "auto"
    """auto, cvat-mask, labelme, coco, index or colour."""
    dataparser: str = "auto"
    """auto, carla-mvs-data, google-earth-data or semantic-nerfstudio-data: which of them will read the scene."""
    split: Literal["train", "test", "validation"] = "train"
    """Of a Carla-MVS scene: the folder whose images are labelled."""
    classes: Path | None = None
    """Class table (classes.json) that fixes ids and names. Unset: that of the scene, or else the names in the
    labels."""
    label_map: str | None = None
    """Names of the ids or colours in label images: classes.json, labelmap.txt or the name of a CARLA palette. Unset:
    those beside the images, or else the class table."""
    background: str | None = None
    """Class of the pixels that nobody has labelled. Unset: they have none (255), and are neither trained on nor
    counted."""
    rename: Annotated[tuple[str, ...], tyro.conf.arg(metavar="OLD=NEW ...")] = ()
    """Other names for classes; several can become one."""
    ignore_classes: tuple[str, ...] = ()
    """Classes whose pixels become 255, even where there is a background."""
    on_top: OnTop = "smaller"
    """Which of two overlapping shapes is seen: that of fewer pixels, or that which comes later in the file."""
    channel_order: Literal["auto", "rgb", "bgr"] = "auto"
    """Of colour PNGs; auto takes the one that explains more pixels of an image."""
    line_width: float | None = None
    """Draw labelme's lines and points with a round pen of this width in pixels. Unset: they are refused."""
    boxes: bool = False
    """Fill COCO annotations that have a box and no outline. Unset: they are refused."""
    skip_unknown_images: bool = False
    """Leave out labels of images that the scene does not have, instead of refusing them."""
    output_dir: Path | None = None
    """Of a Carla-MVS scene: a second folder for the labels, for --label-data. Needed for scenes without color/."""
    footage: Path | None = None
    """Of a Google Earth Studio export: the folder of its images, when it is not footage/."""
    in_place: bool = False
    """Write into transforms.json itself. Unset: transforms-labels.json beside it."""
    overwrite: bool = False
    """Replace label images and class tables that exist."""

    def check(self) -> None:
        """Refuse values and combinations that mean nothing.

        Raises:
            InputError: there is one.
        """
        if self.line_width is not None and not 0 < self.line_width <= 1000:
            raise InputError(f"--line-width {self.line_width}: expected a number of pixels above 0, up to 1000")
        if self.background is not None and self.background in self.ignore_classes:
            raise InputError(f"--background and --ignore-classes both name {self.background}")


def main(arguments: list[str]) -> None:
    """Run the command.

    Raises:
        InputError: a mistake in the options, the labels or the scene.
    """
    command = tyro.extras.subcommand_cli_from_dict(
        {"import": ImportCommand},
        args=arguments,
        prog="nerfseg labels",
        description="Labels for training and evaluation.",
    )
    run_import(command)


def run_import(command: ImportCommand) -> None:
    """Import labels and print what was written.

    Raises:
        InputError: see :func:`main`.
    """
    command.check()
    options = ClassOptions.parsed(command.rename, command.ignore_classes, command.background)
    target = open_target(
        command.data,
        command.dataparser,
        TargetOptions(command.split, command.output_dir, command.footage, command.in_place),
    )
    table, table_source = target.table, str(target.table_file)
    if command.classes is not None:
        table, table_source = ClassTable.from_json(command.classes), str(command.classes)
    notes = ImportNotes()
    with opened_labels(command.labels) as path:
        reading = ReadOptions(
            command.label_map, table, command.channel_order, command.on_top, command.boxes, command.line_width
        )
        found, source = read_labels(path, command.format, reading)
        if command.background is not None and found.name == "index":
            raise InputError(
                f"--background {command.background}: index images have no unlabelled pixels, 255 is to be ignored; "
                "paint the background as a class"
            )
        if table is None:
            classes = ClassChoice.of_names(source.names, source.colours, options)
        else:
            classes = ClassChoice.of_table(table, table_source, source.names, options)
        imported = import_labels(source, target, classes, notes, command.skip_unknown_images, command.overwrite)
    notes.print()
    print_summary(imported, target, classes, found.name)


def print_summary(imported: ImportedLabels, target: LabelTarget, classes: ClassChoice, format_name: str) -> None:
    """Print where the labels are, what they hold and how to train on them."""
    count = len(imported.labelled)
    print(
        f"{count} label images ({format_name}) in {imported.labelled[0].label.parent}; {len(target.views) - count} of "
        f"{len(target.views)} views without new labels; {len(classes.table)} classes in {imported.table_file}"
    )
    shares = dict(zip([*classes.table.names, "no class"], imported.pixels / imported.pixels.sum()))
    print("pixels: " + ", ".join(f"{name} {share:.2%}" for name, share in shares.items() if share))
    print(f"train:  {target.training}")
