"""Row kind ``scribbles``: label images with strokes instead of whole views, for other rows to learn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nerfseg_ns.benchmark.label_budget import LabelBudget
from nerfseg_ns.benchmark.row_kinds import MeasuredRow, RowKind, RowPlace, TableText
from nerfseg_ns.core.input_error import InputError


@dataclass(frozen=True)
class Scribbles(LabelBudget):
    """Simulated strokes inside class regions of the labelled views, written to the folder ``labels`` of the row's run.

    Args:
        share: of the pixels of the labelled views that get a label.
        length: of the strokes, as a share of the image's shorter side.
        seed: which strokes.

    Raises:
        InputError: a number out of range.
    """

    share: float = 0.001
    length: float = 0.06
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("share", "length"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise InputError(f"{name} {getattr(self, name):g}: expected above 0, at most 1")
        if self.seed < 0:
            raise InputError(f"seed {self.seed}: expected 0 or more")


def _measure(settings: Scribbles, place: RowPlace) -> dict[str, Any]:
    from nerfseg_ns.benchmark.scribbles_run import write_scribbles  # imports torch and nerfstudio

    return write_scribbles(settings, place)


def _table(rows: Sequence[MeasuredRow], baseline: MeasuredRow | None) -> TableText:
    cells = [["", "labelled views", "strokes", "labelled pixels", "share", "classes"]]
    for row in rows:
        result = row.result
        pixels = f"{result['pixels']:,}"
        classes = f"{result['classes']} of {result['classes_in_views']}"
        strokes, share = str(result["strokes"]), f"{result['share']:.3%}"
        cells.append([row.name, str(result["labelled_views"]), strokes, pixels, share, classes])
    return TableText(cells, "Simulated strokes; every class of a view gets at least one where there is room.")


scribbles = RowKind(settings=Scribbles, measure=_measure, table=_table, references=("labels_of",))
