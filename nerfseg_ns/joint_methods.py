"""The single-stage methods that ``ns-train`` offers for comparison: semantic-nerf, semantic-nerf-lite."""

import copy
from dataclasses import fields
from typing import Any

from nerfstudio.plugins.types import MethodSpecification

from nerfseg_ns.data.joint_datamanager import JointDataManagerConfig
from nerfseg_ns.methods import nerfseg, nerfseg_lite
from nerfseg_ns.nerf.scheduler import StageDecaySchedulerConfig
from nerfseg_ns.nerf.semantic_nerf import SemanticNerfModelConfig


def _joint(two_stage: MethodSpecification, name: str, description: str) -> MethodSpecification:
    """The single-stage counterpart of a method: the same field, as many rays in all as both stages, in larger steps."""
    config: Any = copy.deepcopy(two_stage.config)
    pipeline = config.pipeline
    config.method_name = name
    data = pipeline.datamanager
    of_stage1, of_stage2 = data.train_num_rays_per_batch, data.stage2_num_rays_per_batch
    rays = pipeline.stage1_steps * of_stage1 + pipeline.stage2_steps * of_stage2
    pipeline.stage1_steps, pipeline.stage2_steps = round(rays / (of_stage1 + of_stage2)), 0
    own = {"_target", "use_ray_convolution", "use_colour_network", "use_surface_grid"}
    shared = {field.name: getattr(pipeline.model, field.name) for field in fields(pipeline.model)}
    pipeline.model = SemanticNerfModelConfig(**{key: value for key, value in shared.items() if key not in own})
    shared = {field.name: getattr(pipeline.datamanager, field.name) for field in fields(pipeline.datamanager)}
    pipeline.datamanager = JointDataManagerConfig(**{key: value for key, value in shared.items() if key != "_target"})
    for share in ("propagated_share", "class_balanced_share", "detail_share"):  # which its paper does not have
        setattr(pipeline.datamanager, share, 0.0)
    for group in config.optimizers.values():
        assert isinstance(group["scheduler"], StageDecaySchedulerConfig)
        group["scheduler"].stage = 1
    return MethodSpecification(config=config, description=description)


semantic_nerf = _joint(nerfseg, "semantic-nerf", "Semantic-NeRF, a single stage, for comparison (GPU).")
semantic_nerf_lite = _joint(nerfseg_lite, "semantic-nerf-lite", "Semantic-NeRF, a single stage, for comparison (CPU).")
