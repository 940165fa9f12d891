"""``nerfseg export dataset``: rendered new views with their labels, to train a 2D network on."""

import json
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from jaxtyping import Bool

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import write_whole_text
from nerfseg_ns.exports.label_forms import Form, object_table
from nerfseg_ns.exports.view_folder import ViewFolder, file_hash, require_space

MASKS = "masks"
VIEWS_FILE, CARD_FILE = "views.json", "README.txt"
_MADE = (
    *(MASKS, "images", "objects", "train.txt", "val.txt", "classes.json", "objects.json"),
    *(VIEWS_FILE, CARD_FILE, "cvat.zip", "coco.json", "coco_train.json", "coco_val.json"),
)
_BYTES_PER_PIXEL = 5  # an image and two masks as PNG that do not compress at all


@dataclass
class DatasetOptions:
    """Options of ``nerfseg export dataset``."""

    load_config: Path
    """The config.yml that ns-train wrote. It can run code of its writer's choice: load only files that you trust."""
    output_dir: Path
    """Where the data set goes."""
    views: int = 200
    """New views to render."""
    with_captured: bool = False
    """Add the training views: their captured images, with predicted labels."""
    val_share: float = 0.1
    """Share of the training cameras, the last ones of the flight, whose surroundings are for validation."""
    position_jitter: float = 0.1
    """How far new cameras leave the line between two training cameras: standard deviation along each axis, as a share
    of their distance."""
    angle_jitter: float = 2.0
    """How far they turn from the direction in between: standard deviation around each axis, degrees."""
    seed: int = 0
    """Equal seeds give equal views."""
    objects: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="NAME.npz ...")] = ()
    """Files that nerfseg segment wrote: objects get the ids 1, 2, ... in this order."""
    format: tuple[Form, ...] = ("png",)
    """png: images/ and masks/, which are always written; cvat: cvat.zip as well; coco: coco_train.json and
    coco_val.json as well."""
    minimum_confidence: float = 0.5
    """Pixels whose class is less probable than that, 0 to 1, get 255: to be ignored in training."""
    minimum_views: int = 2
    """Pixels of new views get 255 where fewer training views show a surface in the same place: a radiance field has fog
    where no camera was. 0: take them all."""
    most_ignored: float = 0.5
    """Views with a larger share of 255 are not listed in train.txt and val.txt."""
    downscale: float = 1.0
    """Views so many times smaller than those the run trains on."""
    resume: bool = False
    """Keep the views that are finished in the folder, made with the same options, and do the rest."""
    overwrite: bool = False
    """Replace what the folder has of an earlier export."""


def main(arguments: list[str]) -> None:
    """Run the command.

    Raises:
        InputError: a mistake in the options, the files or the run.
    """
    options = tyro.cli(
        DatasetOptions,
        args=arguments,
        prog="nerfseg export dataset",
        description="Render new views between the training cameras, with the predicted class of every pixel: images/, "
        "masks/ (index PNGs with a palette, 255: ignore), train.txt, val.txt, classes.json, and README.txt, which says "
        "how it was made. Test views take no part in it.",
    )
    export_dataset(options)


def export_dataset(options: DatasetOptions) -> dict[str, Any]:
    """Write a data set.

    Returns:
        What views.json holds.

    Raises:
        InputError: see :func:`main`.
    """
    from nerfseg_ns.exports.label_writer import LabelWriter, check_options

    check_options(options.minimum_confidence, options.downscale, options.format)
    _check(options)
    ViewFolder.check(options.output_dir, options.overwrite, options.resume)

    from nerfseg_ns.evaluation.trained_run import load_run
    from nerfseg_ns.exports import dataset_views
    from nerfseg_ns.exports.label_forms import write_coco
    from nerfseg_ns.exports.observed_ground import ObservedGround
    from nerfseg_ns.exports.run_objects import RunObjects
    from nerfseg_ns.exports.view_renderer import ViewRenderer, require_classes
    from nerfseg_ns.selection.console_listener import console_listener

    run = load_run(options.load_config, "train")
    renderer = ViewRenderer.of(run)
    require_classes(renderer, run, "masks of objects alone: nerfseg export masks")
    table = renderer.class_table
    assert table is not None
    objects = RunObjects.read(options.objects, run.frame, run.pipeline.model.device)
    shown_objects = object_table(objects.names)
    held = held_cameras(len(run.dataset), options.val_share)
    views = dataset_views.drawn_views(run, options, held)
    if options.with_captured:
        views += dataset_views.training_views(run, options, held)
    pixels = sum(entry.view.size[0] * entry.view.size[1] for entry in views)
    require_space(options.output_dir, pixels * _BYTES_PER_PIXEL, f"{len(views)} views")

    settings = {
        "kind": "dataset",
        "version": 1,
        "checkpoint": file_hash(run.checkpoint),
        "step": run.step,
        "objects": {name: file_hash(path) for name, path in zip(objects.names, options.objects)},
        **{
            name: getattr(options, name)
            for name in (
                *("views", "with_captured", "val_share", "position_jitter", "angle_jitter", "seed"),
                *("minimum_confidence", "minimum_views", "most_ignored", "downscale"),
            )
        },
    }
    ViewFolder(options.output_dir, settings, _MADE).begin(options.overwrite, options.resume)
    ground = None
    if options.minimum_views > 0:
        with console_listener() as listener:
            ground = ObservedGround.of_run(run, listener)
    writer = LabelWriter(
        options.output_dir, renderer, objects, options.minimum_confidence, MASKS, ground, options.minimum_views
    )
    again = f"the same command with --resume{' in the place of --overwrite' if options.overwrite else ''}"
    writer.write_all([entry.view for entry in views], [True] * len(views), options.resume, again)

    folder = options.output_dir
    table.to_json(folder / "classes.json")
    if len(objects):
        records = [{"id": entry.id, "name": entry.name, "rgb": list(entry.rgb)} for entry in shown_objects.classes[1:]]
        write_whole_text(folder / "objects.json", json.dumps({"objects": records}, indent=1, ensure_ascii=False) + "\n")
    document = dataset_views.description(views, writer, run, options.most_ignored)
    labels = {record["name"]: writer.labels(entry.view) for record, entry in zip(document["views"], views)}
    listed = {
        split: [record["name"] for record in document["views"] if record["split"] == split]
        for split in ("train", "val")
    }
    if not any(listed.values()):
        raise InputError(
            f"{folder}: every view has more than {options.most_ignored:.0%} of its pixels without a sure label; train "
            "the run further, or lower --minimum-confidence or --minimum-views, with --overwrite"
        )
    for split, names in listed.items():
        write_whole_text(folder / f"{split}.txt", "".join(f"{name}\n" for name in names))
        if "coco" in options.format:
            write_coco(folder / f"coco_{split}.json", [labels[name] for name in names], table, objects.names)
    if "cvat" in options.format:
        writer.write_forms([labels[name] for names in listed.values() for name in names], ["cvat"])
    write_whole_text(folder / CARD_FILE, dataset_views.card(document, settings, run, table, objects.names))
    # last: it means that everything beside it is there
    write_whole_text(folder / VIEWS_FILE, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    count = sum(len(names) for names in listed.values())
    print(f"{count} of {len(views)} views are listed in {folder}; {folder / CARD_FILE} says how they were made")
    return document


def held_cameras(count: int, share: float) -> Bool[np.ndarray, " cameras"]:
    """Which of the training cameras are for validation: the last ones, as a flight seldom returns to where it was."""
    held = np.zeros(count, dtype=bool)
    if share > 0 and count > 1:
        held[-min(count - 1, max(1, ceil(share * count - 1e-9))) :] = True
    return held


def _check(options: DatasetOptions) -> None:
    if options.views < 0 or (options.views == 0 and not options.with_captured):
        raise InputError(
            f"--views {options.views}: expected 1 or more, or --with-captured for the training views alone"
        )
    if not 0.0 <= options.val_share < 1.0:
        raise InputError(f"--val-share {options.val_share:g}: expected 0 or more, below 1")
    if not 0.0 <= options.most_ignored <= 1.0:
        raise InputError(f"--most-ignored {options.most_ignored:g}: expected 0 to 1")
    for name, least in (("minimum_views", 0), ("position_jitter", 0.0), ("angle_jitter", 0.0), ("seed", 0)):
        if not getattr(options, name) >= least:
            raise InputError(f"--{name.replace('_', '-')} {getattr(options, name)}: expected {least} or more")
