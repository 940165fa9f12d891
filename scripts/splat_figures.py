#!/usr/bin/env python3
"""Gaussians against the field in one table: python scripts/splat_figures.py BENCHMARK.json RENDER_SPEED.json OUT.json

BENCHMARK.json is what configs/splats_city_a.yaml writes, RENDER_SPEED.json what scripts/render_speed.py does; a file
that is missing leaves its figures out.
"""

import json
import sys
from pathlib import Path
from typing import Any

from nerfseg_ns.core.whole_file import write_whole_text

FIELD, GAUSSIANS = "nerfseg", "nerfseg-splat"
CLICKS = {FIELD: "field, one click", GAUSSIANS: "Gaussians, one click"}
FASTER, SECONDS = 20.0, 2.0
"""What Gaussians are to reach: views a second against the field, and seconds from a click to an object."""


def figures(rows: dict[str, dict[str, Any]], speeds: list[dict[str, Any]]) -> dict[str, Any]:
    """The table and what the targets make of it.

    Args:
        rows: name -> result of each row of the benchmark.
        speeds: of each method.
    """
    table: dict[str, dict[str, Any]] = {}
    for method in (FIELD, GAUSSIANS):
        learned, clicked = rows.get(method, {}), rows.get(CLICKS[method], {})
        speed = next((entry for entry in speeds if entry["method"] == method and entry["with_classes"]), {})
        stages = [(learned.get(stage) or {}).get("seconds") for stage in ("stage1", "stage2")]
        table[method] = {
            "miou": learned.get("miou"),
            "stage1_seconds": stages[0],
            "stage2_seconds": stages[1],
            "views_per_second_with_classes": speed.get("views_per_second"),
            "view_size": speed.get("size"),
            "click_mean_iou": clicked.get("mean_iou"),
            "click_seconds_without_segmenter": clicked.get("seconds_without_segmenter"),
            "objects": len(clicked["objects"]) if "objects" in clicked else None,
        }
    field, ours = table[FIELD], table[GAUSSIANS]
    rates = ours["views_per_second_with_classes"], field["views_per_second_with_classes"]
    faster = None if None in rates else rates[0] / rates[1]
    ious, seconds = (ours["click_mean_iou"], field["click_mean_iou"]), ours["click_seconds_without_segmenter"]
    targets = {
        f"rendering at least {FASTER:g} times as fast": None if faster is None else faster >= FASTER,
        f"a click to an object in at most {SECONDS:g} s": None if seconds is None else seconds <= SECONDS,
        "mean IoU no worse than the field's": None if None in ious else ious[0] >= ious[1],
    }
    return {"methods": table, "rendering_times_as_fast": faster, "targets": targets}


def main(arguments: list[str]) -> None:
    """Read, write and print."""
    benchmark, speed, out = (Path(argument) for argument in arguments)
    rows = {}
    if benchmark.is_file():
        rows = {row["name"]: row["result"] for row in json.loads(benchmark.read_text(encoding="utf-8"))["rows"]}
    speeds = json.loads(speed.read_text(encoding="utf-8")) if speed.is_file() else []
    found = figures(rows, speeds)
    write_whole_text(out, json.dumps(found, indent=1, allow_nan=False) + "\n")
    keys = list(found["methods"][FIELD])
    print("| | " + " | ".join(found["methods"]) + " |\n| --- | ---: | ---: |")
    for key in keys:
        print(f"| {key.replace('_', ' ')} | " + " | ".join(_said(row[key]) for row in found["methods"].values()) + " |")
    for target, reached in found["targets"].items():
        print(f"{target}: {'not measured' if reached is None else 'yes' if reached else 'NO'}")


def _said(value: Any) -> str:
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main(sys.argv[1:])
