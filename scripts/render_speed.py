#!/usr/bin/env python3
"""Views rendered a second, with classes: python scripts/render_speed.py OUT.json CONFIG..."""

import json
import sys
import time
from pathlib import Path

import torch

from nerfseg_ns.evaluation.trained_run import load_run


def views_per_second(config: Path, seconds: float = 10.0) -> dict[str, float | str | bool]:
    """Render the test views over and over; the first round does not count."""
    run = load_run(config)
    model, cameras = run.pipeline.model, run.dataset.cameras
    views = [cameras[i : i + 1].to(model.device) for i in range(len(run.dataset))]

    def once(view: int) -> bool:
        with torch.no_grad():
            outputs = model.get_outputs_for_camera(views[view % len(views)])
        if model.device.type == "cuda":
            torch.cuda.synchronize()
        return "semantics" in outputs

    with_classes = all([once(view) for view in range(min(3, len(views)))])
    start, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - start) < seconds:
        once(count)
        count += 1
    height, width = int(cameras.height[0]), int(cameras.width[0])
    return {
        "method": str(run.config.method_name),
        "size": f"{width}x{height}",
        "with_classes": with_classes,
        "views_per_second": round(count / spent, 3),
    }


if __name__ == "__main__":
    results = [views_per_second(Path(config)) for config in sys.argv[2:]]
    Path(sys.argv[1]).write_text(json.dumps(results, indent=1) + "\n")
    for result in results:
        print(result)
