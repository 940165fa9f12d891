"""The single-stage method."""

import pytest
import torch
from nerfstudio.data.scene_box import SceneBox

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.nerf.semantic_nerf import SemanticNerfModelConfig


def test_a_grid_on_surfaces_that_are_still_moving_is_refused() -> None:
    config = SemanticNerfModelConfig(use_surface_grid=True, implementation="torch")
    with pytest.raises(InputError, match="use-surface-grid True.*two stages"):
        config.setup(scene_box=SceneBox(aabb=torch.tensor([[-1.0] * 3, [1.0] * 3])), num_train_data=1, metadata={})
