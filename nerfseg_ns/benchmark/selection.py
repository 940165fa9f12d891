"""Row kind ``selection``: objects selected in 3D by prompts, scored against true instance masks."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nerfseg_ns.benchmark.row_kinds import MeasuredRow, RowKind, RowPlace, TableText
from nerfseg_ns.core.input_error import InputError


@dataclass(frozen=True)
class ObjectSelection:
    """What a row of this kind measures.

    The scene has ``instances/*.png`` (16-bit object ids) in its train and test folders and names its objects in
    classes.json; objects are chosen by rule, see :func:`nerfseg_ns.benchmark.selection_objects.choose_objects`.

    Args:
        run_of: name of an earlier row of kind ``segmentation`` whose run is used.
        prompt: ``click``: the pixel of the true mask that is farthest from its edge, in the view where it is largest;
            ``box``: that mask's bounding box; ``masks``: the true masks of all training views vote (the ceiling);
            ``projected``: the segmenter's mask for the click, carried to other views by depth (the baseline).
        method: engine for click and box.
        segmenter: 2D segmenter.
        per_group: objects of each group (buildings, vehicles, vegetation and props).
        minimum_pixels: a test view counts for an object when at least so many of its pixels show, at the data's size.

    Raises:
        InputError: a number below 1.
    """

    run_of: str
    prompt: Literal["click", "box", "masks", "projected"] = "click"
    method: Literal["vote", "sa3d"] = "vote"
    segmenter: str = "mobile-sam"
    per_group: int = 10
    minimum_pixels: int = 100

    def __post_init__(self) -> None:
        for name in ("per_group", "minimum_pixels"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} {getattr(self, name)}: expected 1 or more")


def _measure(settings: ObjectSelection, place: RowPlace) -> dict[str, Any]:
    from nerfseg_ns.benchmark.selection_run import measure_selection  # imports torch and nerfstudio

    return measure_selection(settings, place)


def _table(rows: Sequence[MeasuredRow], baseline: MeasuredRow | None) -> TableText:
    groups = list(dict.fromkeys(entry["group"] for row in rows for entry in row.result["objects"]))
    cells = [["", "mean IoU", *groups, "seconds per object", "peak memory"]]
    for row in rows:
        objects = row.result["objects"]
        means = [
            f"{statistics.fmean(values):.3f}" if values else "–"
            for values in ([entry["iou"] for entry in objects if entry["group"] == group] for group in groups)
        ]
        memory = row.memory["resident_gib"]
        cells.append(
            [
                row.name,
                f"{row.result['mean_iou']:.3f}",
                *means,
                f"{row.result['seconds_per_object']:.2f}",
                "–" if memory is None else f"{memory:.1f} GiB",
            ]
        )
    first = rows[0].result
    note = (
        f"IoU against true instance masks, averaged over the test views of {first['image_size'][0]}x"
        f"{first['image_size'][1]} in which at least {rows[0].settings['minimum_pixels']} pixels of the object show, "
        f"then over {len(first['objects'])} objects. Objects that an engine gave up count as 0. Seconds are the "
        "median, with renders and image embeddings in the cache."
    )
    passes = [row.result["passes"] for row in rows if row.result.get("passes")]
    if passes:
        note += (
            f" Counting the masks of {passes[0]['objects']} neighbouring objects in one pass takes "
            f"{passes[0]['seconds_together'] / passes[0]['seconds_alone']:.2f} times as long as those of one on the "
            "same grid (median)."
        )
    return TableText(cells, note)


selection = RowKind(
    settings=ObjectSelection,
    measure=_measure,
    table=_table,
    references=("run_of",),
)
