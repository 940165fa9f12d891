"""Adam in one fused loop over each tensor."""

from dataclasses import dataclass

from nerfstudio.engine.optimizers import AdamOptimizerConfig


@dataclass
class FusedAdamConfig(AdamOptimizerConfig):
    """Nerfstudio's Adam with torch's fused implementation, which goes over a hash grid's table once, not nine times."""

    fused: bool = True
    """Use torch's fused kernel (CPU and CUDA)."""
