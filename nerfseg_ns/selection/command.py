"""``nerfseg segment``: objects in 3D from a file of prompts."""

import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter
from typing import Any, Literal

import tyro
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from nerfseg_ns.core.input_error import InputError

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
    path = folder.write_report(document)
    _print(document, path, scene.bytes_on_disk)
    if result.failures:
        raise InputError(
            f"{len(result.failures)} of {len(prompts)} objects could not be selected: "
            + "; ".join(f"{name}: {reason}" for name, reason in result.failures.items())
        )
    return document


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InputError(f"--output-dir {folder}: cannot be written: {error.strerror or error}") from None


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
    if bytes_on_disk:
        from nerfseg_ns.core.user_cache import user_cache

        where = user_cache() / "samples"
        console.print(
            f"samples of views: {decimal(bytes_on_disk)} in {where}; can be deleted", soft_wrap=True, highlight=False
        )
