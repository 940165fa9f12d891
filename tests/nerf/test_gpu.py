"""What a CPU cannot show: batches and models that live on a CUDA device."""

import pytest
import torch

from nerfseg_ns.data.carla_mvs_dataparser import CarlaMVSDataParserConfig
from nerfseg_ns.data.semantic_datamanager import SemanticDataManagerConfig
from nerfseg_ns.nerf.model import NerfSegModelConfig
from nerfseg_ns.nerf.pipeline import NerfSegPipelineConfig

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


@pytest.mark.parametrize("implementation", ["torch", "tcnn"])
def test_both_stages_train_on_the_gpu_and_stage_2_keeps_the_geometry(tiny_scene, implementation: str) -> None:
    if implementation == "tcnn":
        pytest.importorskip("tinycudann")
    datamanager = SemanticDataManagerConfig(
        dataparser=CarlaMVSDataParserConfig(data=tiny_scene, labelled_views=2), train_num_rays_per_batch=256
    )
    config = NerfSegPipelineConfig(
        datamanager=datamanager, model=NerfSegModelConfig(implementation=implementation, log2_hashmap_size=14)
    )
    pipeline = config.setup(device="cuda")
    pipeline.train()
    groups = pipeline.get_param_groups()
    optimizers = [torch.optim.Adam(params, lr=1e-2, eps=1e-15) for params in groups.values()]
    switch = {}
    for step in range(6):
        for optimizer in optimizers:
            optimizer.zero_grad()
        if step == 3:
            pipeline.nerfseg_model.set_stage(2)
            pipeline.datamanager.stage = 2
            switch = {name: value.clone() for name, value in pipeline.model.state_dict().items()}
        with torch.autocast("cuda"):
            _, losses, _ = pipeline.get_train_loss_dict(step)
        sum(losses.values()).backward()
        for optimizer in optimizers:
            if any(p.grad is not None for group in optimizer.param_groups for p in group["params"]):
                optimizer.step()
    after = pipeline.model.state_dict()
    moved = {name.split(".")[0] for name in switch if not torch.equal(switch[name], after[name])}
    assert moved == {"semantic_network"}
    pipeline.eval()
    camera = pipeline.datamanager.eval_dataset.cameras[:1].to("cuda")
    outputs = pipeline.model.get_outputs_for_camera(camera)
    assert outputs["semantics_colormap"].shape == (24, 24, 3)
    assert torch.isfinite(outputs["rgb"]).all()
