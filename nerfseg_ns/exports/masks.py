"""``nerfseg export masks``: class and object masks of captured or new views."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import write_whole_text
from nerfseg_ns.exports.label_forms import Form, object_table
from nerfseg_ns.exports.view_folder import SETTINGS_FILE, ViewFolder, file_hash

CLASSES = "classes"
_MADE = (CLASSES, "objects", "images", "classes.json", "objects.json", "cvat.zip", "coco.json")


@dataclass
class MasksOptions:
    """Options of ``nerfseg export masks``."""

    load_config: Path
    """The config.yml that ns-train wrote. It can run code of its writer's choice: load only files that you trust."""
    output_dir: Path
    """Where the masks go."""
    split: Literal["train", "val", "test", "all"] = "train"
    """The captured views; with all, the masks of each split have a folder of their own."""
    camera_path: Path | None = None
    """New views instead: a camera path as the viewer writes it for ns-render. Their rendered images are written too."""
    objects: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="NAME.npz ...")] = ()
    """Files that nerfseg segment wrote: objects get the ids 1, 2, ... in this order."""
    format: tuple[Form, ...] = ("png",)
    """png: index PNGs, which are always written; cvat: cvat.zip as well; coco: coco.json as well."""
    minimum_confidence: float = 0.0
    """Pixels whose class is less probable than that, 0 to 1, get 255."""
    downscale: float = 1.0
    """Masks so many times smaller."""
    size: Literal["run", "images"] = "run"
    """Than what: the size the run trains at, or that of the image files (to label the same files in CVAT)."""
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
        MasksOptions,
        args=arguments,
        prog="nerfseg export masks",
        description="Export the classes, and selected objects, of every pixel of captured views or of a camera path: "
        "index PNGs with a palette (classes/VIEW.png, objects/VIEW.png), and on request an archive for CVAT and a JSON "
        "file in COCO's form.",
    )
    export_masks(options)


def export_masks(options: MasksOptions) -> dict[str, Any]:
    """Write the masks of a run.

    Returns:
        The settings, as export.json has them.

    Raises:
        InputError: see :func:`main`.
    """
    from nerfseg_ns.exports.label_writer import LabelWriter, check_options

    check_options(options.minimum_confidence, options.downscale, options.format)
    if options.camera_path is not None and options.size == "images":
        raise InputError(
            "--size images: a camera path has no image files; its own size is taken, --downscale changes it"
        )
    ViewFolder.check(options.output_dir, options.overwrite, options.resume)

    from nerfseg_ns.evaluation.trained_run import load_run
    from nerfseg_ns.exports import export_view
    from nerfseg_ns.exports.run_objects import RunObjects
    from nerfseg_ns.exports.view_renderer import OR_OBJECTS, ViewRenderer, require_classes

    run = load_run(options.load_config, "test" if options.split == "all" else options.split)
    renderer = ViewRenderer.of(run)
    if not options.objects:
        require_classes(renderer, run, OR_OBJECTS)
    objects = RunObjects.read(options.objects, run.frame, run.pipeline.model.device)
    shown_objects = object_table(objects.names)
    if options.camera_path is not None:
        cameras = export_view.path_cameras(options.camera_path, options.downscale)
        views = export_view.new_views(run, cameras, [f"{number:05d}" for number in range(len(cameras))])
    elif options.split == "all":
        views = _all_views(options, run)
    else:
        views = export_view.captured_views(run, options.downscale, options.size)
    settings = {
        "kind": "masks",
        "version": 1,
        "checkpoint": file_hash(run.checkpoint),
        "step": run.step,
        "views": options.split if options.camera_path is None else file_hash(options.camera_path),
        "size": options.size,
        "downscale": options.downscale,
        "minimum_confidence": options.minimum_confidence,
        "objects": {name: file_hash(path) for name, path in zip(objects.names, options.objects)},
    }
    ViewFolder(options.output_dir, settings, _MADE).begin(options.overwrite, options.resume)
    writer = LabelWriter(options.output_dir, renderer, objects, options.minimum_confidence, CLASSES)
    if renderer.class_table is not None:
        renderer.class_table.to_json(options.output_dir / "classes.json")
    if len(objects):
        records = [{"id": entry.id, "name": entry.name, "rgb": list(entry.rgb)} for entry in shown_objects.classes[1:]]
        text = json.dumps({"objects": records}, indent=1, ensure_ascii=False) + "\n"
        write_whole_text(options.output_dir / "objects.json", text)
    again = f"the same command with --resume{' in the place of --overwrite' if options.overwrite else ''}"
    with_image = [view.image is None for view in views]
    writer.write_all(views, with_image, options.resume, again)
    written = writer.write_forms([writer.labels(view) for view in views], options.format)
    print(f"{len(views)} views in {options.output_dir} ({SETTINGS_FILE} says of what)")
    for file in written:
        print(file)
    return settings


def _all_views(options: MasksOptions, run: Any) -> list[Any]:
    """The training and test views, and the validation views that are not among them."""
    from dataclasses import replace

    from nerfseg_ns.evaluation.trained_run import load_run
    from nerfseg_ns.exports.export_view import captured_views

    views = []
    for split in ("train", "test"):
        views += captured_views(replace(run, split=split), options.downscale, options.size, f"{split}/")
    files = {view.image for view in views}
    try:
        more = captured_views(load_run(options.load_config, "val"), options.downscale, options.size, "val/")
    except InputError as error:
        print(f"the validation views are left out: {error}", file=sys.stderr)
        more = []
    return views + [view for view in more if view.image not in files]
