"""``ns-train`` with a clock: ``python -m nerfseg_ns.benchmark.timed_training RECORD.json METHOD [OPTIONS] ...``.

The command is nerfstudio's own; only its Trainer notes when each step begins and ends.
"""

import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerfseg_ns.core.whole_file import write_whole_text


@dataclass(frozen=True)
class TimedStep:
    """A step of training; times in seconds of one clock."""

    stage: int
    begin: float
    end: float


def stage_times(steps: Sequence[TimedStep], stage: int) -> dict[str, float] | None:
    """How long a stage took; None when no step belongs to it.

    Returns:
        ``steps``, ``seconds`` from the beginning of its first to the end of its last step, and
        ``milliseconds_per_step``, the median from the beginning of one step to that of the next.
    """
    own = [step for step in steps if step.stage == stage]
    if not own:
        return None
    whole = own[-1].end - own[0].begin
    each = [later.begin - step.begin for step, later in zip(own, own[1:], strict=False)] or [whole]
    return {"steps": len(own), "seconds": whole, "milliseconds_per_step": 1000 * statistics.median(each)}


def record(trainer: Any, steps: Sequence[TimedStep]) -> dict[str, Any]:
    """What is said of a finished training.

    Returns:
        ``stage1`` and ``stage2`` (see :func:`stage_times`), ``train_views``, ``labelled_views``, ``image_size`` (width,
        height), ``device`` and ``training_memory`` (see :func:`nerfseg_ns.benchmark.machine.peak_memory`).
    """
    from nerfseg_ns.benchmark.machine import peak_memory

    dataset = trainer.pipeline.datamanager.train_dataset
    camera = dataset.cameras[0]
    return {
        "stage1": stage_times(steps, 1),
        "stage2": stage_times(steps, 2),
        "train_views": len(dataset),
        "labelled_views": len(dataset.labelled_view_indices),
        "image_size": [int(camera.width), int(camera.height)],
        "device": trainer.device,
        "training_memory": peak_memory(),
    }


def main(arguments: list[str]) -> None:
    """Train, and write the record when the training has come to its end.

    Args:
        arguments: path of the record; the words after ``ns-train``.
    """
    import torch
    from nerfstudio.engine.trainer import Trainer
    from nerfstudio.scripts.train import entrypoint

    path, words = Path(arguments[0]), arguments[1:]
    trainers: list[Any] = []
    steps: list[TimedStep] = []
    train_iteration = Trainer.train_iteration

    def now(trainer: Trainer) -> float:
        if trainer.device.startswith("cuda"):
            torch.cuda.synchronize()
        return time.perf_counter()

    def timed_iteration(trainer: Trainer, step: int) -> Any:
        begin = now(trainer)
        losses = train_iteration(trainer, step)
        steps.append(TimedStep(trainer.pipeline.schedule.stage(step), begin, now(trainer)))
        trainers[:] = [trainer]
        return losses

    Trainer.train_iteration = timed_iteration  # type: ignore[method-assign]
    sys.argv = ["ns-train", *words]
    entrypoint()
    # nerfstudio returns after Ctrl+C as after the last step
    if not trainers or trainers[0].training_state != "completed":
        sys.exit(130)
    write_whole_text(path, json.dumps(record(trainers[0], steps), allow_nan=False))


if __name__ == "__main__":
    main(sys.argv[1:])
