"""Row kind ``label-transfer``: labels carried over by nearest points, without learning; on true depth, the ceiling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nerfseg_ns.benchmark.label_budget import LabelBudget
from nerfseg_ns.benchmark.row_kinds import MeasuredRow, RowKind, RowPlace, TableText
from nerfseg_ns.core.input_error import InputError


@dataclass(frozen=True)
class LabelTransfer(LabelBudget):
    """Every pixel of a test view gets the class that most of the nearest labelled points have.

    Points lie where the rays of pixels meet the surface: by the scene's true depth, or by the geometry of a run. Near
    is measured in position (nerfstudio's scene frame, whose cameras lie within -1..1) and colour (0..1).

    Args:
        geometry_of: name of an earlier row whose run tells depth and colour; None: true depth and captured colours.
        neighbours: how many points vote.
        colour_weight: how far a difference of 1 in a colour counts, in units of the scene frame; 0: position alone.

    Raises:
        InputError: a number out of range.
    """

    geometry_of: str | None = None
    neighbours: int = 5
    colour_weight: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.neighbours < 1:
            raise InputError(f"neighbours {self.neighbours}: expected 1 or more")
        if not self.colour_weight >= 0:
            raise InputError(f"colour_weight {self.colour_weight:g}: expected 0 or more")


def _measure(settings: LabelTransfer, place: RowPlace) -> dict[str, Any]:
    from nerfseg_ns.benchmark.label_transfer_run import measure_label_transfer  # imports torch and nerfstudio

    return measure_label_transfer(settings, place)


def _table(rows: Sequence[MeasuredRow], baseline: MeasuredRow | None) -> TableText:
    cells = [["", "mIoU", "overall accuracy", "labelled views", "labelled points", "neighbours", "colour weight"]]
    for row in rows:
        result, settings = row.result, row.settings
        cells.append(
            [
                row.name,
                f"{result['miou']:.3f}",
                f"{result['overall_accuracy']:.3f}",
                str(result["labelled_views"]),
                f"{result['points']:,}",
                str(settings["neighbours"]),
                f"{settings['colour_weight']:g}",
            ]
        )
    return TableText(cells, "Labels carried over from the nearest labelled points, without learning.")


label_transfer = RowKind(
    settings=LabelTransfer,
    measure=_measure,
    table=_table,
    references=("geometry_of", "labels_of"),
)
