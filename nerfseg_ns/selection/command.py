"""``nerfseg segment``: objects in 3D from a file of prompts."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import tyro
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean

if TYPE_CHECKING:
    from nerfseg_ns.core.class_table import ClassTable
    from nerfseg_ns.data.label_folder import LabelFolder
    from nerfseg_ns.selection.prompts import ObjectPrompt
    from nerfseg_ns.selection.run_scene import RunScene
    from nerfseg_ns.selection.selector import Listener
    from nerfseg_ns.selection.session import SessionResult
    from nerfseg_ns.selection.session_folder import SessionFolder

REPORT_VERSION = 1


@dataclass
class SegmentOptions:
    """Options of ``nerfseg segment``."""

    load_config: Path
    """The config.yml that ns-train wrote. It can run code of its writer's choice: load only files that you trust."""
    prompts: Path
    """prompts.json: the objects, with clicks or a box in one view or several (docs/selection.md)."""
    output_dir: Path
    """Where the objects, masks, sheets and the report go."""
    method: str = "vote"
    """The engine: vote, or sa3d, the published algorithm."""
    segmenter: str = "mobile-sam"
    """The 2D segmenter: nerfseg sam list."""
    checkpoint: Path | None = None
    """Weights of the segmenter in the place of the installed ones."""
    source: Literal["captured", "rendered"] = "captured"
    """The images that the segmenter sees: those of the data, or the views as the run renders them."""
    resume: bool = False
    """Keep the objects that the folder has from the same prompt, run and options, and do the rest."""
    overwrite: bool = False
    """Replace the objects that are in the folder."""
    labels_out: Path | None = None
    """Also write label images of the training views, made of the objects that have a class, into this folder; ns-train
    learns from them by --label-data (docs/clicking.md)."""
    label_confidence: float = 0.6
    """Pixels whose object has a smaller share of the votes, 0 to 1, stay without a label."""


def main(arguments: list[str]) -> None:
    """Run the command.

    Raises:
        InputError: a mistake in the options, the prompts or the run.
    """
    options = tyro.cli(
        SegmentOptions,
        args=arguments,
        prog="nerfseg segment",
        description="Select objects of a trained run (nerfseg*, nerfacto) in 3D by clicks and boxes in its training "
        "views. Writes for each object its votes in 3D (NAME.npz), a mask of every view, an overlay sheet; and "
        "report.json.",
    )
    segment(options)


def segment(options: SegmentOptions) -> dict[str, Any]:
    """Select the objects of a prompts file.

    Returns:
        The report that was written.

    Raises:
        InputError: see :func:`main`; or some objects could not be selected: everything else is written by then.
    """
    if options.resume and options.overwrite:
        raise InputError("--resume and --overwrite: use one of them")
    from nerfseg_ns.selection.prompts_file import check_prompts, read_prompts
    from nerfseg_ns.selection.selector import make_selector
    from nerfseg_ns.selection.session_folder import SessionFolder

    # Everything that needs no trained model comes first: loading one takes seconds.
    folder = SessionFolder(options.output_dir)
    folder.check(options.overwrite, options.resume)
    prompts = read_prompts(options.prompts)
    label_folder = _label_folder(options, prompts)
    selector = make_selector(options.method)
    from nerfseg_ns.segmenters.registry import make_segmenter

    segmenter = make_segmenter(options.segmenter, checkpoint=options.checkpoint)

    from nerfseg_ns.evaluation.trained_run import load_run
    from nerfseg_ns.selection.console_listener import console_listener
    from nerfseg_ns.selection.run_scene import RunScene
    from nerfseg_ns.selection.sample_cache import geometry_hash
    from nerfseg_ns.selection.session import SessionResult, run_session

    started = perf_counter()
    run = load_run(options.load_config, "train")
    scene = RunScene.from_run(run, options.source)
    check_prompts(prompts, scene, str(options.prompts))
    _check_writable(options.output_dir)  # before minutes of work
    if label_folder is not None:
        _check_writable(label_folder.path, "--labels-out")
        _check_classes(prompts, run.class_table)
    seconds = {"load": perf_counter() - started}
    settings = {
        "method": options.method,
        "segmenter": options.segmenter,
        "source": options.source,
        "geometry": geometry_hash(run.pipeline.model)[:32],
    }
    if options.checkpoint is not None:
        settings["segmenter_checkpoint"] = str(options.checkpoint)
    finished = folder.finished(prompts, settings) if options.resume else {}
    result = SessionResult()
    try:
        with console_listener() as listener:
            started = perf_counter()
            scene.prepare(listener)
            seconds["views"] = perf_counter() - started
            started = perf_counter()
            run_session(
                scene,
                scene.frame,
                segmenter,
                selector,
                prompts,
                folder,
                settings,
                listener,
                finished,
                result,
            )
            seconds["objects"] = perf_counter() - started
            labels = None
            if label_folder is not None:
                started = perf_counter()
                labels = _write_labels(options, prompts, run.class_table, scene, folder, result, label_folder, listener)
                seconds["labels"] = perf_counter() - started
    except KeyboardInterrupt:
        try:
            folder.finished(prompts, settings)
            how = f"with --resume{' in the place of --overwrite' if options.overwrite else ''} does the rest"
        except InputError:  # some still wait to be replaced, which --resume refuses
            how = "starts again"
        print(
            f"{len(result.reports)} of {len(prompts)} objects are finished in {folder.path}; the same command {how}",
            file=sys.stderr,
        )
        raise
    document = {
        "version": REPORT_VERSION,
        "config": str(options.load_config),
        "run_method": run.config.method_name,
        "checkpoint": run.checkpoint.name,
        "step": run.step,
        **settings,
        "views": len(scene.names),
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
        "objects": {p.name: result.reports[p.name] for p in prompts if p.name in result.reports},
        "failed": result.failures,
    }
    if labels is not None:
        document["labels"] = labels
    path = folder.write_report(document)
    _print(document, path, scene.bytes_on_disk)
    if result.failures:
        raise InputError(
            f"{len(result.failures)} of {len(prompts)} objects could not be selected: "
            + "; ".join(f"{name}: {reason}" for name, reason in result.failures.items())
        )
    return document


def _check_writable(folder: Path, option: str = "--output-dir") -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InputError(f"{option} {folder}: cannot be written: {error.strerror or error}") from None


def _check_classes(prompts: "Sequence[ObjectPrompt]", table: "ClassTable | None") -> None:
    """Say which classes the scene does not have: one may be misspelt.

    Raises:
        InputError: more than 255 classes.
    """
    from nerfseg_ns.core.class_table import ClassTable

    known = table or ClassTable(())
    whole = known.extended([prompt.class_name for prompt in prompts if prompt.class_name is not None])
    for entry in whole.classes[len(known) :] if len(known) else ():
        print(f"class {entry.name!r}: new, the scene does not have it; {did_you_mean(entry.name, known.names)}")


def _label_folder(options: SegmentOptions, prompts: "Sequence[ObjectPrompt]") -> "LabelFolder | None":
    if options.labels_out is None:
        return None
    from nerfseg_ns.data.label_folder import LabelFolder
    from nerfseg_ns.selection.click_labels import require_classes

    require_classes(prompts)
    if not 0.0 <= options.label_confidence <= 1.0:
        raise InputError(f"--label-confidence {options.label_confidence}: expected 0 to 1")
    path, folder = options.labels_out, LabelFolder(options.labels_out)
    if path.is_file():
        raise InputError(f"--labels-out {path}: a file; expected a folder")
    ours = folder.exists or folder.table_file.is_file()
    if path.is_dir() and any(path.iterdir()) and not (ours and (options.overwrite or options.resume)):
        advice = "add --resume or --overwrite to replace its labels" if ours else "use another one"
        raise InputError(f"--labels-out {path}: not empty; {advice}")
    return folder


def _write_labels(
    options: SegmentOptions,
    prompts: "Sequence[ObjectPrompt]",
    table: "ClassTable | None",
    scene: "RunScene",
    folder: "SessionFolder",
    result: "SessionResult",
    label_folder: "LabelFolder",
    listener: "Listener",
) -> dict[str, Any]:
    """Write the label images; what the report says of them."""
    from nerfseg_ns.selection.click_labels import ClickLabels
    from nerfseg_ns.selection.object_file import read_object

    names = [prompt.name for prompt in prompts if prompt.name in result.reports]
    objects = [read_object(folder.object_file(name), scene.model.device).object for name in names]
    if all(selected.prompt.class_name is None for selected in objects):
        return {"folder": None, "why": "no object with a class could be selected"}
    labels = ClickLabels.of(objects, table, options.label_confidence)
    pixels = labels.write(scene, label_folder, listener)
    return {
        "folder": str(label_folder.path),
        "confidence": options.label_confidence,
        "classes": len(labels.table),
        "objects": len(labels.objects),
        "pixels": pixels,
    }


def _print(document: dict[str, Any], path: Path, bytes_on_disk: int) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("object", "views that show it", "seconds"):
        table.add_column(column, justify="left" if column == "object" else "right")
    for name, report in document["objects"].items():
        seen = sum(count > 0 for count in report["pixels"].values())
        table.add_row(name, f"{seen} of {document['views']}", f"{sum(report['seconds'].values()):.1f}")
    console = Console()
    if document["objects"]:
        console.print(table, highlight=False)
    console.print(str(path), soft_wrap=True, highlight=False)
    labels = document.get("labels")
    if labels is not None and labels["folder"] is not None:
        found = ", ".join(f"{name} {count}" for name, count in labels["pixels"].items()) or "none"
        console.print(f"{labels['folder']}: labels, in pixels: {found}", soft_wrap=True, highlight=False)
    if bytes_on_disk:
        from nerfseg_ns.core.user_cache import user_cache

        where = user_cache() / "samples"
        console.print(
            f"samples of views: {decimal(bytes_on_disk)} in {where}; can be deleted", soft_wrap=True, highlight=False
        )
