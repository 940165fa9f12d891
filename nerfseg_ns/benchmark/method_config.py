"""The configuration of an installed nerfstudio method, as rows of a benchmark name it."""

import copy
from typing import Literal

import torch
from nerfstudio.configs.dataparser_configs import all_dataparsers
from nerfstudio.configs.method_configs import all_methods
from nerfstudio.engine.trainer import TrainerConfig

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean

Device = Literal["auto", "cpu", "cuda"]


def method_config(method: str, dataparser: str | None, device: Device) -> TrainerConfig:
    """A copy of a method's configuration, with dataparser and device set.

    Args:
        method: name of an installed method.
        dataparser: name of an installed dataparser; None: the method's own.
        device: ``auto``: the GPU when there is one.

    Raises:
        InputError: a method or dataparser that is not installed; no GPU for ``cuda``.
    """
    config = all_methods.get(method)
    if not isinstance(config, TrainerConfig):  # None, or a method that nerfstudio knows of and offers to install
        raise InputError(f"method {method!r} is not installed; {did_you_mean(method, all_methods)}")
    config = copy.deepcopy(config)
    if dataparser is not None:
        if dataparser not in all_dataparsers:
            raise InputError(f"dataparser {dataparser!r} is not installed; {did_you_mean(dataparser, all_dataparsers)}")
        config.pipeline.datamanager.dataparser = copy.deepcopy(all_dataparsers[dataparser])
    cuda = torch.cuda.is_available()
    if device == "cuda" and not cuda:
        raise InputError("device cuda: torch finds no GPU here; accepted: auto, cpu")
    config.machine.device_type = "cuda" if cuda and device != "cpu" else "cpu"
    return config
