"""Row kind ``clicks``: label images made of clicked objects with a class, for other rows to learn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nerfseg_ns.benchmark.row_kinds import MeasuredRow, RowKind, RowPlace, TableText
from nerfseg_ns.core.input_error import InputError


@dataclass(frozen=True)
class Clicks:
    """Simulated clicks with a class, made into labels as ``nerfseg segment --labels-out`` does.

    Somebody is simulated who clicks the classes in turn, the widest objects first, looks at what each click gives,
    and keeps only what is right (:class:`~nerfseg_ns.benchmark.simulated_person.SimulatedPerson`): an object is clicked
    in the training view where it is widest, at the pixel farthest from its edge. The scene has ``instances/*.png``.

    Args:
        run_of: name of an earlier row of kind ``segmentation`` whose run is used, with labels of all training views.
        clicks: at most, boxes among them.
        minimum_pixels: smaller objects are not clicked, pixels of the run's training views.
        engine: of the selection (``method`` in ``nerfseg segment``).
        segmenter: the 2D segmenter.

    Raises:
        InputError: a number below 1.
    """

    run_of: str
    clicks: int = 30
    minimum_pixels: int = 30
    engine: Literal["vote", "sa3d"] = "vote"
    segmenter: str = "mobile-sam"

    def __post_init__(self) -> None:
        for name in ("clicks", "minimum_pixels"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} {getattr(self, name)}: expected 1 or more")


def _check(settings: Clicks, data: Path | None) -> None:
    """A scene that is made later has object ids."""
    from nerfseg_ns.segmenters.registry import make_segmenter

    if data is not None and data.is_dir() and not (data / "train" / "instances").is_dir():
        raise InputError(f"{data / 'train' / 'instances'}: no such folder; expected the true object ids of each view")
    make_segmenter(settings.segmenter, device="cpu")  # weights that lack would show after the geometry is trained


def _measure(settings: Clicks, place: RowPlace) -> dict[str, Any]:
    from nerfseg_ns.benchmark.clicks_run import label_by_clicks  # imports torch and nerfstudio

    return label_by_clicks(settings, place)


def _table(rows: Sequence[MeasuredRow], baseline: MeasuredRow | None) -> TableText:
    cells = [["", "clicks", "of them boxes", "objects", "given up", "classes", "labelled pixels", "of them right"]]
    for row in rows:
        result = row.result
        cells.append(
            [
                row.name,
                str(result["clicks"]),
                str(result["actions"].get("boxes", 0)),
                str(result["found"]),
                str(len(result["given_up"])),
                f"{result['classes']} of {result['classes_in_scene']}",
                f"{result['pixels']:,} ({result['share']:.1%})",
                f"{result['right']:.1%}",
            ]
        )
    note = (
        "Simulated clicks, a class each: the classes in turn, the widest objects first. Where the outline of a click "
        "is wrong, another meaning or a box (one click more) follows, or the object is given up. Of all training views."
    )
    return TableText(cells, note)


clicks = RowKind(settings=Clicks, check=_check, measure=_measure, table=_table, references=("run_of",))
