"""Trains a nerfstudio method against the clock.

Nerfstudio's own Trainer is set up and its steps are driven one by one as ``Trainer.train`` drives them, without
viewer, event writers, evaluation and checkpoints.
"""

import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nerfstudio.data.datamanagers.base_datamanager import VanillaDataManager, VanillaDataManagerConfig
from nerfstudio.data.utils.dataloaders import FixedIndicesEvalDataloader
from nerfstudio.engine.callbacks import TrainingCallbackLocation
from nerfstudio.engine.trainer import Trainer, TrainerConfig
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from nerfseg_ns.benchmark.config_overrides import apply_overrides
from nerfseg_ns.benchmark.method_config import method_config
from nerfseg_ns.benchmark.training_speed import TrainingSpeed
from nerfseg_ns.core.image_quality import psnr
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.data.semantic_dataset import SemanticDataset
from nerfseg_ns.evaluation.view_scores import evenly_spread
from nerfseg_ns.nerf.perceptual_metric import LPIPS_NOTE, without_lpips

CLOCK_NOTE = (
    "psnr_curve counts training seconds with everything, compilation too, and stops the clock while PSNR is measured; "
    "rays_per_second is the median step after the warm-up"
)


def training_config(settings: TrainingSpeed, data: Path, output_dir: Path) -> TrainerConfig:
    """The configuration of a row.

    Raises:
        InputError: a method or dataparser that is not installed, an override that does not fit, no GPU for ``cuda``.
    """
    config = method_config(settings.method, settings.dataparser, settings.device)
    if settings.datamanager == "vanilla":
        own = config.pipeline.datamanager
        config.pipeline.datamanager = VanillaDataManagerConfig(
            # The dataset of this package follows a dataparser's downscale_factor; nerfstudio's own does not.
            _target=VanillaDataManager[SemanticDataset],
            dataparser=own.dataparser,
            train_num_rays_per_batch=own.train_num_rays_per_batch,
            eval_num_rays_per_batch=own.eval_num_rays_per_batch,
        )
    config.pipeline.datamanager.data = data
    config.output_dir, config.experiment_name, config.timestamp = output_dir, "benchmark", "row"
    config.vis = "none"  # type: ignore[assignment]  # none of the names that start a viewer or a writer
    config.logging.local_writer.enable = False
    config.logging.profiler = "none"
    apply_overrides(config, settings.overrides, "overrides")
    return config


def measure_training(settings: TrainingSpeed, data: Path) -> dict[str, Any]:
    """Train for the given time; see :class:`nerfseg_ns.benchmark.training_speed.TrainingSpeed`.

    Returns:
        ``steps``, ``train_seconds`` (less than asked for when the method has fewer steps), ``rays_per_batch``,
        ``rays_per_second``, ``seconds_per_step``, ``warmup_seconds``, ``psnr`` (at the end) and ``psnr_curve`` (``at``:
        seconds asked for; ``seconds``, ``step``, ``psnr``), ``train_views``, ``test_views``, ``image_size`` (width,
        height), ``device``, ``clock`` and ``lpips`` (how things were measured, in words).

    Raises:
        InputError: see :func:`training_config`; a method whose datamanager is not ray-based; no test views; training
            time that ends within the warm-up.
    """
    with tempfile.TemporaryDirectory(prefix="nerfseg-benchmark-") as folder:
        config = training_config(settings, data, Path(folder))
        random.seed(config.machine.seed)
        np.random.seed(config.machine.seed)
        torch.manual_seed(config.machine.seed)
        with without_lpips(config) as lpips_left_out:
            trainer = config.setup(local_rank=0, world_size=1)
            trainer.setup(test_mode="test")
        if not hasattr(trainer.pipeline.datamanager, "get_train_rays_per_batch"):
            raise InputError(
                f"method {settings.method!r}: its datamanager draws no rays, so there are no rays per second"
            )
        if len(trainer.pipeline.datamanager.eval_dataset) == 0:
            raise InputError(f"{data}: no test views to measure PSNR over")
        steps, curve = _train(trainer, settings)

    measured = steps[settings.warmup_steps :]
    if not measured:
        raise InputError(
            f"only {len(steps)} steps in {settings.seconds} s, no more than the warm-up of {settings.warmup_steps}; "
            "give more seconds or a shorter warmup_steps"
        )
    datamanager = trainer.pipeline.datamanager
    rays, seconds_per_step = datamanager.get_train_rays_per_batch(), statistics.median(measured)
    camera = datamanager.eval_dataset.cameras[0]
    return {
        "steps": len(steps),
        "train_seconds": sum(steps),
        "rays_per_batch": rays,
        "rays_per_second": rays / seconds_per_step,
        "seconds_per_step": seconds_per_step,
        "warmup_seconds": sum(steps[: settings.warmup_steps]),
        "psnr": curve[-1]["psnr"],
        "psnr_curve": curve,
        "train_views": len(datamanager.train_dataset),
        "test_views": len(_measured_views(trainer, settings)),
        "image_size": [int(camera.width), int(camera.height)],
        "device": trainer.device,
        "clock": CLOCK_NOTE,
        "lpips": LPIPS_NOTE if lpips_left_out else None,
    }


def _train(trainer: Trainer, settings: TrainingSpeed) -> tuple[list[float], list[dict[str, float]]]:
    """Seconds of each step, and the PSNR curve."""
    due = [*settings.measure_at, settings.seconds]
    steps: list[float] = []
    curve: list[dict[str, float]] = []
    clock = 0.0
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("training left"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(settings.method, total=settings.seconds)
        while due:
            begin = time.perf_counter()
            _step(trainer, len(steps))
            steps.append(time.perf_counter() - begin)
            clock += steps[-1]
            progress.update(task, completed=min(clock, settings.seconds))
            if len(steps) >= trainer.config.max_num_iterations:
                due = [min(due[0], clock)]  # the method's own end: its learning rates have come down
            if clock >= due[0]:
                value = _mean_psnr(trainer, settings)
                while due and clock >= due[0]:
                    curve.append({"at": due.pop(0), "seconds": clock, "step": len(steps), "psnr": value})
                progress.update(task, description=f"{settings.method}, step {len(steps)}, PSNR {value:.2f}")
    return steps, curve


def _step(trainer: Trainer, step: int) -> None:
    """One step, as in ``Trainer.train``."""
    trainer.step = step
    trainer.pipeline.train()
    for location in (TrainingCallbackLocation.BEFORE_TRAIN_ITERATION, TrainingCallbackLocation.AFTER_TRAIN_ITERATION):
        for callback in trainer.callbacks:
            callback.run_callback_at_location(step, location=location)
        if location is TrainingCallbackLocation.BEFORE_TRAIN_ITERATION:
            trainer.train_iteration(step)
    if trainer.device.startswith("cuda"):
        torch.cuda.synchronize()


def _measured_views(trainer: Trainer, settings: TrainingSpeed) -> list[int]:
    return evenly_spread(range(len(trainer.pipeline.datamanager.eval_dataset)), settings.test_views)


@torch.no_grad()
def _mean_psnr(trainer: Trainer, settings: TrainingSpeed) -> float:
    pipeline = trainer.pipeline
    pipeline.eval()
    indices = _measured_views(trainer, settings)
    dataset = pipeline.datamanager.eval_dataset
    views = FixedIndicesEvalDataloader(dataset, image_indices=tuple(indices), device=pipeline.device)  # type: ignore[arg-type]
    values = []
    for camera, batch in views:
        rendered = pipeline.model.get_outputs_for_camera(camera)["rgb"].cpu()
        values.append(psnr(rendered, batch["image"][..., :3].cpu()))
    return sum(values) / len(values)
