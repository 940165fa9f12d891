"""Row kind ``segmentation``: both stages of a method by ``ns-train``, scored by ``nerfseg evaluate``."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nerfseg_ns.benchmark.label_budget import LabelBudget
from nerfseg_ns.benchmark.row_kinds import MeasuredRow, RowKind, RowPlace, TableText
from nerfseg_ns.core.input_error import InputError


@dataclass(frozen=True)
class Segmentation(LabelBudget):
    """What a row of this kind measures, besides its :class:`LabelBudget`.

    Args:
        method: name of a method of this package.
        seed: of the training's random numbers (``--machine.seed``).
        group: rows of one group that differ in nothing but their seed are one line of the table, with mean and spread.
        geometry_of: name of an earlier row of this kind whose geometry is used; the row is then stage 2 alone.
        device: where to train; ``auto``: the GPU when there is one.
        overrides: options of ns-train by dotted keys, set last.

    Raises:
        InputError: a seed below 0.
    """

    method: str
    seed: int = 42
    group: str | None = None
    geometry_of: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    overrides: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.seed < 0:
            raise InputError(f"seed {self.seed}: expected 0 or more")


def _check(settings: Segmentation, data: Path | None) -> None:
    from nerfseg_ns.benchmark.segmentation_run import training_words  # imports torch and nerfstudio

    training_words(settings, RowPlace("row", data or Path(), Path()))


def _measure(settings: Segmentation, place: RowPlace) -> dict[str, Any]:
    from nerfseg_ns.benchmark.segmentation_run import measure_segmentation

    return measure_segmentation(settings, place)


def _table(rows: Sequence[MeasuredRow], baseline: MeasuredRow | None) -> TableText:
    cells = [["", "mIoU", "overall accuracy", "PSNR", "SSIM", "stage 1", "stage 2", "peak memory"]]
    groups = _groups(rows)
    for group in groups:
        results = [row.result for row in group]
        label = group[0].settings["group"] or group[0].name
        figures = [_spread([result[key] for result in results]) for key in ("miou", "overall_accuracy")]
        images = [
            f"{_mean(result[key] for result in results):{form}}" for key, form in (("psnr", ".2f"), ("ssim", ".3f"))
        ]
        # times are of single runs: an average over runs that did not meet the same machine says nothing
        stages = [_time([result[stage] for result in results]) if len(group) == 1 else "–" for stage in _STAGES]
        cells.append([label if len(group) == 1 else f"{label} ({len(group)} seeds)", *figures, *images, *stages])
        cells[-1].append(_memory(results))
    return TableText(cells, _note(rows, any(len(group) > 1 for group in groups)))


_STAGES = ("stage1", "stage2")


def _groups(rows: Sequence[MeasuredRow]) -> list[list[MeasuredRow]]:
    """Rows of one group and of the same data and settings but for the seed; a row without a group stays alone."""
    groups: dict[str, list[MeasuredRow]] = {}
    for row in rows:
        same = {key: value for key, value in row.settings.items() if key != "seed"}
        key = row.name if row.settings["group"] is None else repr((row.data, sorted(same.items(), key=lambda e: e[0])))
        groups.setdefault(key, []).append(row)
    return list(groups.values())


def _mean(values: Any) -> float:
    return statistics.fmean(values)


def _spread(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    mean = f"{_mean(known):.3f}"
    return mean if len(known) == 1 else f"{mean} ± {statistics.stdev(known):.3f}"


def _time(stages: list[dict[str, float] | None]) -> str:
    known = [stage for stage in stages if stage is not None]
    if not known:
        return "–"
    seconds, step = (_mean(stage[key] for stage in known) for key in ("seconds", "milliseconds_per_step"))
    return f"{seconds:.0f} s, {step:.1f} ms/step"


def _memory(results: list[dict[str, Any]]) -> str:
    on_gpu = all(result["device"].startswith("cuda") for result in results)
    key = "cuda_gib" if on_gpu else "resident_gib"
    largest = max(result["training_memory"][key] for result in results)
    return f"{largest:.1f} GiB on the GPU" if on_gpu else f"{largest:.1f} GiB"


def _note(rows: Sequence[MeasuredRow], seeds: bool) -> str:
    def each(say: Callable[[MeasuredRow], str]) -> str:
        return " or ".join(dict.fromkeys(say(row) for row in rows))

    def views(row: MeasuredRow) -> str:
        size = "x".join(str(side) for side in row.result["image_size"])
        return f"{row.result['test_views']} test views of {size} of {row.data}"

    labelled = each(lambda row: f"{row.result['labelled_views']} of {row.result['train_views']}")
    spread = " ± is the standard deviation over the seeds of the training." if seeds else ""
    return (
        f"mIoU and overall accuracy over all labelled pixels of {each(views)}; labels of {labelled} training views."
        f"{spread} PSNR in dB. Seconds count everything between the first and the last step of a stage, compilation "
        f"too; ms/step is the median step. –: not trained in this row, or several runs. Peak memory is of the "
        "training."
    )


segmentation = RowKind(
    settings=Segmentation,
    check=_check,
    measure=_measure,
    table=_table,
    references=("geometry_of", "labels_of"),
)
