"""A scene to be learned in seconds: a red box on green ground, and ns-train's result on it.

Called as a program in a process of its own, it trains a run: box_scene.py FOLDER [STEPS] prints the path of config.yml.
"""

import copy
import sys
from pathlib import Path

import numpy as np
from PIL import Image

SIZE, FOCAL, VIEWS = 48, 44.0, 16
LOW, HIGH = np.array([-0.7, -0.7, 0.0]), np.array([0.7, 0.7, 1.2])
STEPS = 500


def pose(angle: float, height: float) -> np.ndarray:
    """Camera-to-world [4, 4], OpenCV axes, on a circle around the box, looking at its middle."""
    position = np.array([4 * np.cos(angle), 4 * np.sin(angle), height])
    forward = np.array([0.0, 0.0, 0.4]) - position
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    result = np.eye(4)
    result[:3] = np.stack([right, np.cross(forward, right), forward, position], axis=1)
    return result


def picture(c2w: np.ndarray) -> np.ndarray:
    """[SIZE, SIZE, 3] of the scene: a chequered ground, so that its depth can be learned, and a box in three reds."""
    return seen(c2w)[0]


def seen(c2w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """:func:`picture`, and what each pixel [SIZE, SIZE] shows: 0 the ground, 1 the box, 2 the sky."""
    column, row = np.meshgrid(np.arange(SIZE) + 0.5, np.arange(SIZE) + 0.5)
    rays = np.stack([(column - SIZE / 2) / FOCAL, (row - SIZE / 2) / FOCAL, np.ones_like(row)], axis=-1)
    rays, eye = rays @ c2w[:3, :3].T, c2w[:3, 3]
    ground = -eye[2] / np.where(rays[..., 2] < 0, rays[..., 2], -1e-9)
    spot = eye + rays * ground[..., None]
    dark = (np.floor(spot[..., 0] / 0.8) + np.floor(spot[..., 1] / 0.8)) % 2
    colour = np.where(dark[..., None] > 0, (60, 130, 60), (90, 170, 90))
    colour = np.where((ground > 1e3)[..., None], (120, 160, 220), colour)
    low, high = (LOW - eye) / rays, (HIGH - eye) / rays
    enter, leave = np.minimum(low, high), np.maximum(low, high)
    hit = (enter.max(axis=-1) < leave.min(axis=-1)) & (enter.max(axis=-1) > 0)
    side = np.array([(200, 40, 40), (206, 48, 44), (210, 54, 50)])[enter.argmax(axis=-1)]
    ids = np.where(hit, 1, np.where(ground > 1e3, 2, 0)).astype(np.uint8)
    return np.where(hit[..., None], side, colour).astype(np.uint8), ids


def views(split: str) -> list[np.ndarray]:
    """The pose of each view."""
    count = {"train": VIEWS, "test": 2, "validation": 1}[split]
    turn = 0.0 if split == "train" else 0.5
    return [pose(2 * np.pi * (index + turn) / count, 2.0 + 1.5 * (index % 2)) for index in range(count)]


def write_scene(folder: Path) -> Path:
    """The scene in the layout of Carla-MVS, without labels."""
    intrinsics = np.eye(4)
    intrinsics[:2, :3] = [[FOCAL, 0.0, SIZE / 2], [0.0, FOCAL, SIZE / 2]]
    for split in ("train", "test", "validation"):
        for name in ("rgb", "pose", "intrinsics"):
            (folder / split / name).mkdir(parents=True)
        for index, c2w in enumerate(views(split)):
            Image.fromarray(picture(c2w)).save(folder / split / "rgb" / f"{index:03d}.png")
            for name, matrix in (("pose", c2w), ("intrinsics", intrinsics)):
                text = " ".join(repr(float(value)) for value in matrix.ravel())
                (folder / split / name / f"{index:03d}.txt").write_text(text)
    return folder


def train(folder: Path, steps: int = STEPS) -> Path:
    """Train stage 1 of nerfseg-lite and return the path of config.yml."""
    from nerfstudio.configs.dataparser_configs import all_dataparsers
    from nerfstudio.configs.method_configs import all_methods
    from nerfstudio.scripts.train import _set_random_seed

    config = copy.deepcopy(all_methods["nerfseg-lite"])
    config.machine.device_type, config.vis, config.logging.local_writer.enable = "cpu", "none", False
    config.output_dir, config.timestamp, config.experiment_name = folder / "outputs", "run", "box"
    config.viewer.quit_on_train_completion = True
    pipeline, model = config.pipeline, config.pipeline.model
    pipeline.stage1_steps, pipeline.stage2_steps = steps, 0
    pipeline.datamanager.dataparser = copy.deepcopy(all_dataparsers["carla-mvs-data"])
    pipeline.datamanager.data = write_scene(folder / "scene")
    pipeline.datamanager.train_num_rays_per_batch = 512
    model.compile, model.eval_num_rays_per_chunk = False, 4096
    model.num_levels, model.max_res, model.log2_hashmap_size = 4, 64, 12
    model.num_proposal_samples_per_ray, model.num_nerf_samples_per_ray = (32,), 16
    model.proposal_net_args_list = [{"hidden_dim": 8, "log2_hashmap_size": 12, "num_levels": 3, "max_res": 32}]
    model.far_plane = 12.0
    config.save_config()
    _set_random_seed(0)  # as ns-train does
    trainer = config.setup(local_rank=0, world_size=1)
    trainer.setup()
    trainer.train()
    return config.get_base_dir() / "config.yml"


if __name__ == "__main__":
    print(train(Path(sys.argv[1]), *map(int, sys.argv[2:])))
