"""The methods that ``ns-train`` offers: nerfseg, nerfseg-big, nerfseg-lite, nerfseg-splat."""

from typing import Any, Literal

import torch
from nerfstudio.configs.base_config import MachineConfig, ViewerConfig
from nerfstudio.plugins.types import MethodSpecification

from nerfseg_ns.data.semantic_datamanager import SemanticDataManagerConfig
from nerfseg_ns.nerf.model import NerfSegModelConfig
from nerfseg_ns.nerf.optimizer import FusedAdamConfig
from nerfseg_ns.nerf.pipeline import NerfSegPipelineConfig
from nerfseg_ns.nerf.scheduler import StageDecaySchedulerConfig
from nerfseg_ns.nerf.trainer_config import NerfSegTrainerConfig
from nerfseg_ns.splats.model import NerfSegSplatModelConfig
from nerfseg_ns.splats.pipeline import SplatPipelineConfig
from nerfseg_ns.splats.trainer_config import SplatTrainerConfig

NO_LIMIT = 1_000_000
"""Both stages' step counts say when a run ends; --max-num-iterations can only end it earlier."""


def _optimizers(lr_final: float, lr: float = 1e-2) -> dict[str, Any]:
    def group(stage: Literal[1, 2], rate: float, final: float, warmup: float) -> dict[str, Any]:
        return {
            "optimizer": FusedAdamConfig(lr=rate, eps=1e-15),
            "scheduler": StageDecaySchedulerConfig(stage=stage, lr_final=final, warmup_fraction=warmup),
        }

    return {
        "proposal_networks": group(1, lr, lr_final, 0.0),
        "fields": group(1, lr, lr_final, 0.0),
        "semantics": group(2, lr, lr / 10, 0.02),
    }


def _method(
    name: str,
    description: str,
    pipeline: NerfSegPipelineConfig,
    *,
    steps_per_eval_image: int,
    steps_per_eval_batch: int = 500,
    steps_per_save: int = 2000,
    mixed_precision: bool = True,
    lr_final: float = 1e-4,
) -> MethodSpecification:
    """A method; the defaults are those for CUDA GPUs."""
    return MethodSpecification(
        config=NerfSegTrainerConfig(
            method_name=name,
            steps_per_eval_batch=steps_per_eval_batch,
            steps_per_eval_image=steps_per_eval_image,
            steps_per_eval_all_images=NO_LIMIT,
            steps_per_save=steps_per_save,
            max_num_iterations=NO_LIMIT,
            mixed_precision=mixed_precision,
            machine=MachineConfig(device_type="cuda" if torch.cuda.is_available() else "cpu"),
            pipeline=pipeline,
            optimizers=_optimizers(lr_final),
            # Nerfstudio's own default listens on every network interface.
            viewer=ViewerConfig(num_rays_per_chunk=1 << 15, websocket_host="127.0.0.1"),
            vis="viewer",
        ),
        description=description,
    )


nerfseg = _method(
    "nerfseg",
    "Two-stage semantic NeRF for aerial scenes (GPU).",
    NerfSegPipelineConfig(
        stage1_steps=30000,
        stage2_steps=5000,
        datamanager=SemanticDataManagerConfig(
            train_num_rays_per_batch=4096,
            eval_num_rays_per_batch=4096,
            stage2_num_rays_per_batch=4096,
            propagated_share=0.5,
        ),
        model=NerfSegModelConfig(
            eval_num_rays_per_chunk=1 << 15,
            use_surface_grid=True,
            surface_grid_max_res=2048,
            surface_grid_log2_size=19,
        ),
    ),
    steps_per_eval_image=2000,
)

nerfseg_big = _method(
    "nerfseg-big",
    "Two-stage semantic NeRF for large aerial scenes (GPU with 16 GB or more).",
    NerfSegPipelineConfig(
        stage1_steps=100000,
        stage2_steps=10000,
        datamanager=SemanticDataManagerConfig(
            train_num_rays_per_batch=8192,
            eval_num_rays_per_batch=4096,
            stage2_num_rays_per_batch=8192,
            propagated_share=0.5,
        ),
        model=NerfSegModelConfig(
            use_surface_grid=True,
            surface_grid_max_res=4096,
            surface_grid_log2_size=21,
            eval_num_rays_per_chunk=1 << 15,
            num_nerf_samples_per_ray=128,
            num_proposal_samples_per_ray=(512, 256),
            hidden_dim=128,
            hidden_dim_color=128,
            max_res=4096,
            log2_hashmap_size=21,
        ),
    ),
    steps_per_eval_image=5000,
)

nerfseg_lite = _method(
    "nerfseg-lite",
    "Two-stage semantic NeRF for CPUs and small GPUs.",
    NerfSegPipelineConfig(
        stage1_steps=6400,
        stage2_steps=1600,
        datamanager=SemanticDataManagerConfig(
            train_num_rays_per_batch=1024,
            eval_num_rays_per_batch=1024,
            detail_share=0.5,
            stage2_num_rays_per_batch=512,
            class_balanced_share=0.25,
            propagated_share=0.5,
        ),
        model=NerfSegModelConfig(
            use_surface_grid=True,
            eval_num_rays_per_chunk=1024,
            implementation="torch",
            compile=True,
            num_levels=8,
            max_res=1024,
            log2_hashmap_size=17,
            num_nerf_samples_per_ray=24,
            num_proposal_samples_per_ray=(64,),
            proposal_net_args_list=[
                {"hidden_dim": 16, "log2_hashmap_size": 17, "num_levels": 5, "max_res": 512},
            ],
            proposal_warmup=500,
            proposal_update_every=8,
            proposal_anneal_steps=300,
            seg_mlp_widths=(64, 64),
            ray_feature_dim=64,
        ),
    ),
    steps_per_eval_image=NO_LIMIT,
    steps_per_eval_batch=NO_LIMIT,
    steps_per_save=500,
    mixed_precision=False,
    lr_final=1e-3,
)


def _splat_optimizers() -> dict[str, Any]:
    """Splatfacto's learning rates, in the form that follows the stages."""

    def group(rate: float, final: float | None = None, stage: Literal[1, 2] = 1) -> dict[str, Any]:
        return {
            "optimizer": FusedAdamConfig(lr=rate, eps=1e-15),
            "scheduler": StageDecaySchedulerConfig(stage=stage, lr_final=final),
        }

    return {
        "means": group(1.6e-4, 1.6e-6),
        "features_dc": group(0.0025),
        "features_rest": group(0.0025 / 20),
        "opacities": group(0.05),
        "scales": group(0.005),
        "quats": group(0.001),
        "camera_opt": group(1e-4, 5e-7),
        "bilateral_grid": group(2e-3, 1e-4),
        "semantics": group(5e-3, 5e-4, stage=2),
    }


nerfseg_splat = MethodSpecification(
    config=SplatTrainerConfig(
        method_name="nerfseg-splat",
        steps_per_eval_batch=0,
        steps_per_eval_image=2000,
        steps_per_eval_all_images=NO_LIMIT,
        steps_per_save=2000,
        max_num_iterations=NO_LIMIT,
        mixed_precision=False,
        machine=MachineConfig(device_type="cuda" if torch.cuda.is_available() else "cpu"),
        pipeline=SplatPipelineConfig(stage1_steps=30000, stage2_steps=2000, model=NerfSegSplatModelConfig()),
        optimizers=_splat_optimizers(),
        viewer=ViewerConfig(num_rays_per_chunk=1 << 15, websocket_host="127.0.0.1"),
        vis="viewer",
    ),
    description="Two-stage semantic Gaussians for aerial scenes (CUDA GPU): Splatfacto, then classes.",
)
