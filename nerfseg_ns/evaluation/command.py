"""``nerfseg evaluate``: data-set scores of a trained run, with pictures."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro
from rich.console import Console

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.progress_bar import progress_bar
from nerfseg_ns.core.whole_file import refuse_existing, replacing

SHOWN_VIEWS = 6


@dataclass
class EvaluateOptions:
    """Options of ``nerfseg evaluate``."""

    load_config: Path
    """The config.yml that ns-train wrote. It can run code of its writer's choice: load only files that you trust."""
    split: Literal["train", "val", "test"] = "test"
    """The views to evaluate."""
    output_path: Path | None = None
    """Where the report goes; by default report-SPLIT.json beside config.yml. The pictures go beside it."""
    overwrite: bool = False
    """Replace an existing report and its pictures."""


@dataclass(frozen=True)
class ReportFiles:
    """The files of one evaluation."""

    report: Path
    confusion: Path
    views: Path

    @classmethod
    def beside(cls, report: Path) -> "ReportFiles":
        """The report and its pictures, named after it."""
        return cls(
            report, report.with_name(f"{report.stem}-confusion.png"), report.with_name(f"{report.stem}-views.png")
        )


def main(arguments: list[str]) -> None:
    """Run the command.

    Raises:
        InputError: a mistake in the options, the run or the data.
    """
    options = tyro.cli(
        EvaluateOptions,
        args=arguments,
        prog="nerfseg evaluate",
        description="Score a trained run over all pixels of a split: mIoU, accuracies, F1, PSNR, SSIM; with a plot of "
        "the confusion matrix and a contact sheet of views.",
    )
    evaluate(options)


def evaluate(options: EvaluateOptions) -> dict[str, Any]:
    """Evaluate a run, write report and pictures, print the table.

    Returns:
        The report, see :func:`nerfseg_ns.evaluation.report.report`.

    Raises:
        InputError: a file that exists already, or what :func:`nerfseg_ns.evaluation.trained_run.load_run` raises, or a
            split without labels.
    """
    path = options.output_path or options.load_config.parent / f"report-{options.split}.json"
    if path.suffix != ".json":
        raise InputError(f"--output-path {path}: expected a name that ends in .json")
    files = ReportFiles.beside(path)
    if not options.overwrite:
        refuse_existing([files.report, files.confusion, files.views])

    # After the checks that need no trained model: importing nerfstudio takes seconds.
    from nerfseg_ns.evaluation.confusion_plot import confusion_plot
    from nerfseg_ns.evaluation.contact_sheet import contact_sheet
    from nerfseg_ns.evaluation.report import report, report_table, write_report
    from nerfseg_ns.evaluation.trained_run import load_run
    from nerfseg_ns.evaluation.view_scores import evenly_spread, score_views

    run = load_run(options.load_config, options.split)
    names, labelled, class_table = run.view_names, run.labelled_views, run.class_table
    if class_table is not None and not labelled and getattr(run.pipeline.model, "stage", None) == 2:
        raise InputError(
            f"{run.pipeline.datamanager.get_datapath()}: none of the {len(names)} views of the {run.split} split has a "
            "label image, so there is nothing to compare the classes with; add label images or try another --split"
        )
    shown = evenly_spread(labelled or range(len(names)), SHOWN_VIEWS)

    with progress_bar() as progress:
        task = progress.add_task(f"rendering the {run.split} views", total=len(names))
        scores = score_views(run.pipeline.model, run.views(), names, class_table, shown, lambda: progress.advance(task))
    if not math.isfinite(scores.psnr):
        raise InputError(
            f"{options.load_config}: the run renders values that are not numbers, so its training has diverged; train "
            "it again, with another --machine.seed or a smaller learning rate"
        )
    about = {
        "split": run.split,
        "method": run.config.method_name,
        "checkpoint": run.checkpoint.name,
        "step": run.step,
    }
    document = report(scores, class_table, about)

    with replacing(files.views) as temporary:
        contact_sheet(scores.shown, class_table).save(temporary)
    if document["per_class"] is not None and scores.confusion is not None and class_table is not None:
        title = (
            f"{about['method']}, {run.split} split, {len(names)} views: "
            f"mIoU {document['miou']:.3f}, overall accuracy {document['overall_accuracy']:.3f}"
        )
        with replacing(files.confusion) as temporary:
            confusion_plot(scores.confusion.counts.numpy(), class_table.names, title).save(temporary)
    elif files.confusion.exists():
        files.confusion.unlink()  # of an earlier evaluation that --overwrite replaces
    write_report(document, files.report)  # last: a report means that everything beside it is there

    written = Console()
    written.print(report_table(document))
    for file in (files.report, files.confusion, files.views):
        if file.exists():
            written.print(str(file), soft_wrap=True, highlight=False)
    return document
