"""Trains and scores one row of kind ``segmentation``, in the row's folder among the runs of its benchmark."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nerfseg_ns.benchmark.child_process import run_child
from nerfseg_ns.benchmark.config_overrides import apply_overrides
from nerfseg_ns.benchmark.method_config import method_config
from nerfseg_ns.benchmark.row_kinds import TRAINED, RowPlace
from nerfseg_ns.benchmark.segmentation import Segmentation
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.evaluation.command import EvaluateOptions, evaluate
from nerfseg_ns.nerf.pipeline import NerfSegPipelineConfig

DATAPARSER = "pipeline.datamanager.dataparser."
"""Options below this key stand behind the dataparser's name."""

OF_THE_ROW = {
    "data": "data",
    "pipeline.datamanager.data": "data",
    "pipeline.datamanager.dataparser.data": "data",
    "pipeline.geometry_config": "geometry_of",
    "machine.seed": "seed",
    "machine.device_type": "device",
    "method_name": "method",
    "output_dir": "name",
    "experiment_name": "name",
    "timestamp": "name",
    "relative_model_dir": "name",
}
"""Options that a row sets itself -> the key of the row that they follow."""

_EXPERIMENT, _TIMESTAMP = "train", "run"
_SCORES = ("miou", "overall_accuracy", "average_accuracy", "mean_f1", "psnr", "ssim")


def run_config(settings: Segmentation, folder: Path) -> Path:
    """The config.yml of a row's run."""
    return folder / _EXPERIMENT / settings.method / _TIMESTAMP / "config.yml"


def training_words(settings: Segmentation, place: RowPlace) -> list[str]:
    """The words after ``ns-train`` that train a row.

    Raises:
        InputError: a method that is not installed or has no two stages, an override that does not fit or that the row
            sets itself, no GPU for ``cuda``.
    """
    config = method_config(settings.method, settings.dataparser, settings.device)
    if not isinstance(config.pipeline, NerfSegPipelineConfig):
        raise InputError(f"method {settings.method!r} learns no classes; accepted: nerfseg, nerfseg-big, nerfseg-lite")
    for key in settings.overrides:
        if key in OF_THE_ROW:
            raise InputError(f"overrides: {key} follows from the row; set its {OF_THE_ROW[key]}: instead")
    # names mistakes before anything is trained
    apply_overrides(config, settings.overrides, "overrides")
    apply_overrides(config, {DATAPARSER + k: v for k, v in settings.dataparser_options(place).items()}, "the row")
    words = [settings.method, "--data", str(place.data), "--output-dir", str(place.run_folder(place.name))]
    words += ["--experiment-name", _EXPERIMENT, "--timestamp", _TIMESTAMP]
    words += ["--machine.seed", str(settings.seed), "--machine.device-type", config.machine.device_type]
    if "vis" not in settings.overrides:
        words += ["--vis", "tensorboard"]  # a viewer would keep ns-train waiting at its end
    if settings.geometry_of is not None:
        geometry = run_config(settings, place.run_folder(settings.geometry_of))
        words += ["--pipeline.geometry-config", str(geometry)]
    options = settings.dataparser_options(place)
    behind = [word for name, value in options.items() for word in _option(name, value)]
    for key, value in settings.overrides.items():
        if key.removeprefix(DATAPARSER) in options:
            raise InputError(f"overrides: {key} follows from the row; leave it out")
        if key.startswith(DATAPARSER):
            behind += _option(key.removeprefix(DATAPARSER), value)
        else:
            words += _option(key, value)
    return [*words, settings.dataparser, *behind]


def _option(key: str, value: Any) -> list[str]:
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    if not values or any(isinstance(item, (Mapping, list, tuple)) for item in values):
        raise InputError(f"overrides: {key}: {value!r} cannot be written as an option; expected a value or a list")
    return [f"--{key.replace('_', '-')}", *(str(item) for item in values)]


def measure_segmentation(settings: Segmentation, place: RowPlace) -> dict[str, Any]:
    """Train and evaluate a row; what lies in its folder from an earlier, interrupted measurement is deleted first.

    Returns:
        ``miou``, ``overall_accuracy``, ``average_accuracy``, ``mean_f1`` (null without stage 2), ``psnr`` in dB,
        ``ssim``, ``per_class`` (``name``, ``iou``, ``pixels``), ``test_views``, ``labelled_pixels``,
        ``evaluation_seconds``, and what :func:`nerfseg_ns.benchmark.timed_training.record` says of the training.

    Raises:
        InputError: see :func:`training_words`; the row of ``geometry_of`` has no finished run; ns-train failed.
    """
    words = training_words(settings, place)
    if settings.geometry_of is not None and not (place.run_folder(settings.geometry_of) / TRAINED).is_file():
        raise InputError(
            f"{place.run_folder(settings.geometry_of)}: no finished run of row {settings.geometry_of!r}, whose "
            f"geometry this row uses; measure it again: --overwrite --only {settings.geometry_of!r}"
        )
    settings.require_labels(place)
    folder = place.run_folder(place.name)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    record = folder / TRAINED
    command = [sys.executable, "-m", "nerfseg_ns.benchmark.timed_training", str(record), *words]
    status = run_child(command, own_group=False, stdin=subprocess.DEVNULL)
    if status != 0 or not record.is_file():
        raise InputError(f"ns-train {' '.join(words)}: ended with status {status} before its last step, see above")
    report = evaluate(EvaluateOptions(run_config(settings, folder), output_path=folder / "report.json", overwrite=True))
    classes = report["per_class"]
    return {
        **{key: report[key] for key in _SCORES},
        "per_class": classes and [{key: entry[key] for key in ("name", "iou", "pixels")} for entry in classes],
        "test_views": report["views"],
        "labelled_pixels": report["labelled_pixels"],
        "evaluation_seconds": report["seconds"],
        **json.loads(record.read_text(encoding="utf-8")),
    }
