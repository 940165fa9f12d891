"""Loading the geometry of a finished stage 1 into a new run."""

import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from nerfstudio.data.dataparsers.base_dataparser import DataparserOutputs
from nerfstudio.engine.trainer import TrainerConfig
from torch import Tensor

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.nerf.two_stage_model import TwoStageModel

GEOMETRY_PREFIXES = ("field.", "proposal_networks.")
"""Modules of the model that stage 1 trains and stage 2 freezes."""


def newest_checkpoint(folder: Path) -> Path:
    """The checkpoint of the highest step.

    Raises:
        InputError: the folder is missing or has none.
    """
    checkpoints = sorted(folder.glob("step-*.ckpt"))
    if not checkpoints:
        raise InputError(f"{folder}: no checkpoint (step-*.ckpt); has the training saved one yet?")
    return checkpoints[-1]


# A float that numpy computed, as nerfacto's schedulers leave behind in their state: an array scalar and its dtype.
_NUMPY_FLOATS: list[Any] = [np.float64(0).__reduce__()[0], np.dtype, type(np.dtype(np.float64))]


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A nerfstudio checkpoint, loaded with ``weights_only=True``; besides tensors it may hold NumPy's floats.

    Raises:
        InputError: the file is cut short, is not a checkpoint, or holds objects of other types.
    """
    try:
        with torch.serialization.safe_globals(_NUMPY_FLOATS):
            state = torch.load(path, map_location="cpu", weights_only=True)
        state["pipeline"], state["step"]
        return state
    # a file that is no checkpoint fails anywhere inside torch's reader, IndexError included
    except (RuntimeError, EOFError, OSError, LookupError, TypeError, ValueError, pickle.UnpicklingError) as error:
        refused = re.search(r"Unsupported global: GLOBAL (\S+)", str(error))
        if refused:
            raise InputError(
                f"{path}: holds a {refused[1]}, which is not loaded: unpickling it could run code; expected tensors, "
                "numbers and text, as the trainers of nerfseg and nerfstudio write them"
            ) from None
        raise InputError(
            f"{path}: not a whole checkpoint ({_first_line(error)}); delete it to fall back to an older step-*.ckpt "
            "beside it, or train again"
        ) from None


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def read_run_config(path: Path) -> TrainerConfig:
    """The config.yml of a finished run.

    config.yml is nerfstudio's own format and names Python classes: load only files that you trust.

    Raises:
        InputError: the file is missing or is not such a configuration.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected the config.yml that ns-train wrote into its output folder")
    try:
        config = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.Loader)
    except Exception as error:
        raise InputError(f"{path}: not a nerfstudio config.yml ({_first_line(error)})") from None
    if not isinstance(config, TrainerConfig):
        raise InputError(f"{path}: not a nerfstudio config.yml (it holds {type(config).__name__})")
    return config


def check_weight_names(stored: set[str], expected: set[str], source: str) -> None:
    """Compare the names of stored weights with those of the model that is to take them.

    Raises:
        InputError: they differ; the backend is named when that is the cause.
    """
    tcnn_stored, tcnn_here = (any("tcnn_encoding" in name for name in names) for names in (stored, expected))
    if tcnn_stored != tcnn_here:
        theirs, ours = ("tcnn", "torch") if tcnn_stored else ("torch", "tcnn")
        advice = (
            "a machine with tiny-cuda-nn is needed"
            if tcnn_stored
            else "set implementation to torch (--pipeline.model.implementation torch, or in the run's config.yml)"
        )
        raise InputError(f"{source}: trained with implementation {theirs}, but this is {ours}; {advice}")
    problems = [f"{name} is missing" for name in sorted(expected - stored)]
    problems += [f"{name} is not part of this model" for name in sorted(stored - expected)]
    if problems:
        raise InputError(
            f"{source}: its weights do not fit this model: {'; '.join(problems[:6])}"
            f"{' ...' if len(problems) > 6 else ''}; use the method and model options it was trained with"
        )


def load_geometry(model: TwoStageModel, config_path: Path, outputs: DataparserOutputs | None) -> int:
    """Copy the geometry of a finished run into ``model``.

    Args:
        model: of the new run.
        config_path: config.yml of the finished run.
        outputs: the new run's data; its scene frame must be the one the geometry was trained in.

    Returns:
        Steps of stage 1 that the geometry was trained for.

    Raises:
        InputError: another method, another implementation, missing or unequal weights (all named), another scene
            frame, a broken checkpoint.
    """
    config = read_run_config(config_path)
    theirs = config.pipeline.model
    if not model.takes_geometry_of(theirs):
        raise InputError(
            f"{config_path}: a run of method {config.method_name!r}, whose geometry cannot be used here; expected a "
            f"run of {model.geometry_methods}"
        )
    checkpoint = newest_checkpoint(config_path.parent / config.relative_model_dir)
    state = read_checkpoint(checkpoint)
    weights: dict[str, Tensor] = {}
    for key, value in state["pipeline"].items():
        name = key.removeprefix("_model.").removeprefix("module.")
        if name.startswith(model.geometry_prefixes):
            weights[name] = value
    expected = {k: v for k, v in model.state_dict().items() if k.startswith(model.geometry_prefixes)}
    check_weight_names(set(weights), set(expected), str(config_path))
    problems = [
        f"{k} is {tuple(weights[k].shape)} there and {tuple(expected[k].shape)} here"
        for k in expected
        if weights[k].shape[model.geometry_grows :] != expected[k].shape[model.geometry_grows :]
    ]
    if problems:
        raise InputError(
            f"{config_path}: its geometry does not fit this configuration: {'; '.join(problems[:6])}"
            f"{' ...' if len(problems) > 6 else ''}; train stage 2 with the same method and model options"
        )
    if outputs is not None:
        _check_scene_frame(config_path, outputs)
    model.load_state_dict(weights, strict=False)
    steps = int(state["step"]) + 1
    return min(steps, getattr(config.pipeline, "stage1_steps", steps))  # a run of splatfacto has one stage


def _check_scene_frame(config_path: Path, outputs: DataparserOutputs) -> None:
    path = config_path.parent / "dataparser_transforms.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        transform, scale = torch.tensor(record["transform"], dtype=torch.float32), float(record["scale"])
        if transform.shape != (3, 4):
            raise ValueError(f"transform {list(transform.shape)}; expected 3 x 4 numbers")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot read the scene frame the geometry was trained in ({error!r})") from None
    same = torch.allclose(transform, outputs.dataparser_transform.float().cpu(), atol=1e-4)
    if not same or abs(scale - outputs.dataparser_scale) > 1e-4 * abs(scale):
        raise InputError(
            f"{config_path}: its geometry lives in another scene frame (scale {scale:.6g} there, "
            f"{outputs.dataparser_scale:.6g} here); use the same training views and the same orientation, centre and "
            "scale options of the dataparser"
        )
