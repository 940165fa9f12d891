"""Row kind ``gaussian-smoothing``: classes on known Gaussians, with and without a smoothing of their features."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nerfseg_ns.benchmark.row_kinds import MeasuredRow, RowKind, RowPlace, TableText
from nerfseg_ns.core.input_error import InputError


@dataclass(frozen=True)
class GaussianSmoothing:
    """What a row of this kind measures: stage 2 of nerfseg-splat on the city of ``nerfseg scene`` as known Gaussians.

    The reference rasteriser renders; no GPU and no scene folder is needed.

    Args:
        neighbours: see :class:`~nerfseg_ns.splats.model.NerfSegSplatModelConfig`, ``smoothing_neighbours``.
        share: the same, ``smoothing_share``.
        along_ray: share of the two Gaussians before and behind each on its ray, in the place of those near in space.
        views: training views; a quarter as many test views come besides.
        labelled_views: training views with labels, spread over the flight.
        size: of the views, pixels.
        steps: of stage 2, a labelled view each.
        seeds: of the trainings.
        scene_seed: of the city.

    Raises:
        InputError: a number out of range.
    """

    neighbours: int = 8
    share: float = 0.5
    along_ray: float = 0.0
    views: int = 16
    labelled_views: int = 5
    size: int = 64
    steps: int = 150
    seeds: tuple[int, ...] = (0, 1, 2)
    scene_seed: int = 3

    def __post_init__(self) -> None:
        least = {"neighbours": 0, "views": 4, "labelled_views": 1, "size": 32, "steps": 1, "scene_seed": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise InputError(f"{name} {getattr(self, name)}: expected {low} or more")
        for name in ("share", "along_ray"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InputError(f"{name} {getattr(self, name):g}: expected 0 to 1")
        if not self.seeds:
            raise InputError("seeds: expected one or more")


def _measure(settings: GaussianSmoothing, place: RowPlace) -> dict[str, Any]:
    from nerfseg_ns.benchmark.gaussian_smoothing_run import measure_smoothing  # imports torch and nerfstudio

    return measure_smoothing(settings)


def _table(rows: Sequence[MeasuredRow], baseline: MeasuredRow | None) -> TableText:
    cells = [["", "mIoU", "overall accuracy"]]
    for row in rows:
        cells.append([row.name, _spread(row.result["miou"]), _spread(row.result["overall_accuracy"])])
    result, settings = rows[0].result, rows[0].settings
    ceiling = result["ceiling"]
    note = (
        f"Stage 2 of nerfseg-splat, {settings['steps']} steps, on {result['gaussians']:,} known Gaussians of a city of "
        f"`nerfseg scene`, with the reference rasteriser. mIoU and overall accuracy over all pixels of "
        f"{result['test_views']} test views of {settings['size']}x{settings['size']}; labels of "
        f"{settings['labelled_views']} of {result['train_views']} training views; mean and standard deviation of "
        f"{len(settings['seeds'])} seeds. Gaussians this coarse cannot show every true label: with the true class of "
        f"each the figures are {ceiling['miou']:.3f} and {ceiling['overall_accuracy']:.3f}."
    )
    return TableText(cells, note)


def _spread(values: Sequence[float]) -> str:
    deviation = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.3f}{deviation}"


gaussian_smoothing = RowKind(settings=GaussianSmoothing, measure=_measure, table=_table, needs_data=False)
