"""Adam in one fused loop over each tensor."""

from dataclasses import dataclass, field
from typing import Any

import torch
from nerfstudio.engine.optimizers import AdamOptimizerConfig


class ConfiguredAdam(torch.optim.Adam):
    """Adam that stays fused, or not, as its configuration says, whatever the checkpoint it resumes from says."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load moments and rates. Torch would take the implementation, too, from the checkpoint."""
        groups = [{**group, "fused": self.defaults["fused"]} for group in state_dict["param_groups"]]
        super().load_state_dict({**state_dict, "param_groups": groups})


@dataclass
class FusedAdamConfig(AdamOptimizerConfig):
    """Nerfstudio's Adam with torch's fused implementation, which goes over a hash grid's table once, not nine times."""

    _target: type = field(default_factory=lambda: ConfiguredAdam)
    fused: bool = True
    """Use torch's fused kernel (CPU and CUDA)."""
