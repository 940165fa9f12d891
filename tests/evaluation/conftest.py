"""A real, tiny training run on disk: nerfseg-lite with a dozen steps."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def train_tiny_run(tmp_path: Path, tiny_scene: Path) -> Callable[..., Path]:
    """Trains with nerfstudio's own Trainer and returns the path of config.yml.

    Arguments of the function: steps of stage 1 and of stage 2.
    """

    def train(stage1_steps: int = 4, stage2_steps: int = 4) -> Path:
        from nerfstudio.configs.dataparser_configs import all_dataparsers
        from nerfstudio.configs.method_configs import all_methods

        config = copy.deepcopy(all_methods["nerfseg-lite"])
        config.machine.device_type = "cpu"
        config.vis = "none"
        config.logging.local_writer.enable = False
        config.output_dir, config.timestamp, config.experiment_name = tmp_path / "outputs", "run", "tiny"
        pipeline, model = config.pipeline, config.pipeline.model
        pipeline.stage1_steps, pipeline.stage2_steps = stage1_steps, stage2_steps
        pipeline.datamanager.dataparser = copy.deepcopy(all_dataparsers["carla-mvs-data"])
        pipeline.datamanager.data = tiny_scene
        pipeline.datamanager.train_num_rays_per_batch = pipeline.datamanager.stage2_num_rays_per_batch = 32
        model.compile, model.eval_num_rays_per_chunk = False, 576
        model.num_levels, model.max_res, model.log2_hashmap_size = 2, 32, 8
        model.num_proposal_samples_per_ray, model.num_nerf_samples_per_ray = (8,), 4
        model.proposal_net_args_list = [{"hidden_dim": 8, "log2_hashmap_size": 8, "num_levels": 2, "max_res": 16}]
        config.viewer.quit_on_train_completion = True
        config.save_config()  # first, as ns-train does
        trainer = config.setup(local_rank=0, world_size=1)
        trainer.setup()
        trainer.train()
        return config.get_base_dir() / "config.yml"

    return train
