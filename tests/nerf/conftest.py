"""A tiny model and rays through the unit sphere, without any data on disk."""

from collections.abc import Callable

import pytest
import torch
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.data.scene_box import SceneBox

from nerfseg_ns.core.class_table import ClassTable, SemanticClass
from nerfseg_ns.core.label_image import LabelFormat
from nerfseg_ns.data.semantic_views import SemanticViews
from nerfseg_ns.nerf.model import NerfSegModel, NerfSegModelConfig

CLASSES = ClassTable(
    (
        SemanticClass(0, "Building", (70, 70, 70)),
        SemanticClass(1, "Road", (128, 64, 128)),
        SemanticClass(2, "Sky", (70, 130, 180)),
    )
)


def tiny_model(class_table: ClassTable = CLASSES, **options) -> NerfSegModel:
    """A model small enough for a step in milliseconds."""
    torch.manual_seed(0)
    settings = dict(
        implementation="torch",
        num_levels=3,
        max_res=32,
        log2_hashmap_size=8,
        hidden_dim=8,
        hidden_dim_color=8,
        num_proposal_samples_per_ray=(12,),
        num_nerf_samples_per_ray=6,
        proposal_net_args_list=[{"hidden_dim": 8, "log2_hashmap_size": 8, "num_levels": 2, "max_res": 16}],
        seg_mlp_widths=(8,),
        ray_feature_dim=8,
        eval_num_rays_per_chunk=16,
    )
    config = NerfSegModelConfig(**{**settings, **options})
    box = SceneBox(aabb=torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]))
    metadata = {
        "semantics": SemanticViews(class_table or ClassTable(()), label_filenames=(), label_format=LabelFormat())
    }
    return config.setup(scene_box=box, num_train_data=3, metadata=metadata)


def rays(count: int = 20, seed: int = 0) -> RayBundle:
    """Rays from above towards the centre."""
    generator = torch.Generator().manual_seed(seed)
    spread = torch.randn(count, 3, generator=generator) * 0.3
    directions = torch.nn.functional.normalize(torch.tensor([0.0, 0.0, -1.0]) + spread, dim=-1)
    return RayBundle(
        origins=torch.tensor([0.0, 0.0, 1.0]).expand(count, 3),
        directions=directions,
        pixel_area=torch.full((count, 1), 1e-4),
        camera_indices=torch.zeros(count, 1, dtype=torch.long),
    )


@pytest.fixture
def make_model() -> Callable[..., NerfSegModel]:
    """The factory of tiny models."""
    return tiny_model


@pytest.fixture
def make_rays() -> Callable[..., RayBundle]:
    """The factory of rays."""
    return rays
