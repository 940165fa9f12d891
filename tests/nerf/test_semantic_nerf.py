"""The single-stage method."""

import pytest
import torch
from nerfstudio.data.scene_box import SceneBox

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.joint_methods import semantic_nerf, semantic_nerf_lite
from nerfseg_ns.methods import nerfseg, nerfseg_lite
from nerfseg_ns.nerf.semantic_nerf import SemanticNerfModelConfig


def test_a_grid_on_surfaces_that_are_still_moving_is_refused() -> None:
    config = SemanticNerfModelConfig(use_surface_grid=True, implementation="torch")
    with pytest.raises(InputError, match="use-surface-grid True.*two stages"):
        config.setup(scene_box=SceneBox(aabb=torch.tensor([[-1.0] * 3, [1.0] * 3])), num_train_data=1, metadata={})


@pytest.mark.parametrize("joint, two_stage", [(semantic_nerf, nerfseg), (semantic_nerf_lite, nerfseg_lite)])
def test_it_trains_on_as_many_rays_as_both_stages_of_the_method_beside_it(joint, two_stage) -> None:
    """And leaves out what its paper does not have."""

    def rays(pipeline) -> int:
        data = pipeline.datamanager
        stages = (pipeline.stage1_steps, pipeline.stage2_steps)
        return stages[0] * data.train_num_rays_per_batch + stages[1] * data.stage2_num_rays_per_batch

    ours, theirs = two_stage.config.pipeline, joint.config.pipeline
    batch = theirs.datamanager.train_num_rays_per_batch + theirs.datamanager.stage2_num_rays_per_batch
    assert theirs.stage2_steps == 0
    assert theirs.stage1_steps * batch == pytest.approx(rays(ours), abs=batch)
    shares = ("detail_share", "propagated_share", "class_balanced_share")
    assert all(getattr(theirs.datamanager, share) == 0.0 for share in shares)
    assert theirs.model.proposal_net_args_list == ours.model.proposal_net_args_list
    assert (theirs.model.max_res, theirs.model.log2_hashmap_size) == (ours.model.max_res, ours.model.log2_hashmap_size)
