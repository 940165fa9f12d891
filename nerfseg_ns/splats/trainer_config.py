"""Nerfstudio's trainer configuration for Gaussians: says at the start when the machine cannot train them."""

from dataclasses import dataclass

import torch

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.nerf.trainer_config import NerfSegTrainerConfig
from nerfseg_ns.splats.rasteriser import NO_CUDA, require_kernels


@dataclass
class SplatTrainerConfig(NerfSegTrainerConfig):
    """Configuration of nerfstudio's trainer."""

    def save_config(self) -> None:
        """Write config.yml, the first thing that ns-train does.

        Raises:
            InputError: stage 1 is to be trained without CUDA, or gsplat cannot be built; see also the class above.
        """
        if self.machine.device_type == "cuda" and torch.cuda.is_available():
            require_kernels()
        elif getattr(self.pipeline, "geometry_config", None) is None:
            raise InputError(f"nerfseg-splat: {NO_CUDA}")
        super().save_config()
