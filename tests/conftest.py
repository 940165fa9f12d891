"""A tiny scene in the layout of Carla-MVS that tests share: six views of a flat world of four classes."""

import copy
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIZE = 24
FOCAL = 24.0
CLASSES = (
    {"id": 0, "name": "Building", "carla_tag": 1, "rgb": [70, 70, 70]},
    {"id": 1, "name": "Road", "carla_tag": 7, "rgb": [128, 64, 128]},
    {"id": 2, "name": "Vegetation", "carla_tag": 9, "rgb": [107, 142, 35]},
    {"id": 3, "name": "Terrain", "carla_tag": 22, "rgb": [145, 170, 100]},
)
SPLITS = {"train": 6, "test": 2, "validation": 1}


def orbit_pose(angle: float) -> np.ndarray:
    """Camera-to-world [4, 4], OpenCV axes, on a circle of radius 4 at height 3, looking at the origin."""
    position = np.array([4 * np.cos(angle), 4 * np.sin(angle), 3.0])
    forward = -position / np.linalg.norm(position)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3] = np.stack([right, np.cross(forward, right), forward, position], axis=1)
    return pose


def ground_labels(pose: np.ndarray) -> np.ndarray:
    """Class ids [SIZE, SIZE] of the ground plane z = 0 as the camera sees it."""
    column, row = np.meshgrid(np.arange(SIZE) + 0.5, np.arange(SIZE) + 0.5)
    rays = np.stack([(column - SIZE / 2) / FOCAL, (row - SIZE / 2) / FOCAL, np.ones_like(row)], axis=-1)
    rays = rays @ pose[:3, :3].T
    x, y = np.moveaxis((pose[:3, 3] - rays * (pose[2, 3] / rays[..., 2:]))[..., :2], -1, 0)
    labels = np.full((SIZE, SIZE), 3, dtype=np.uint8)
    labels[np.hypot(x, y) > 3.0] = 2
    labels[np.abs(x) < 0.5] = 1
    labels[np.hypot(x - 1.2, y) < 0.6] = 0
    return labels


def write_matrix(path: Path, matrix: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(" ".join(repr(float(value)) for value in matrix.ravel()))


def write_image(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write_scene(scene: Path, labels: tuple[str, ...] | None = None, stage: int = 2) -> Path:
    """Writes a scene into a folder and returns it.

    Args:
        scene: the folder.
        labels: the stems (``000`` to ``005``) of the labelled training views, None for all of them.
        stage: 2 (``color/`` images, ``rgb/`` labels) or 1 (``rgb/`` images).
    """
    colours = np.array([entry["rgb"] for entry in CLASSES], dtype=np.uint8)
    intrinsics = np.eye(4)
    intrinsics[:2, :3] = [[FOCAL, 0.0, SIZE / 2], [0.0, FOCAL, SIZE / 2]]
    for split, count in SPLITS.items():
        for index in range(count):
            pose = orbit_pose(2 * np.pi * (index + (0.0 if split == "train" else 0.5)) / count)
            stem, folder = f"{index:03d}", scene / split
            ids = ground_labels(pose)
            write_image(folder / ("color" if stage == 2 else "rgb") / f"{stem}.png", colours[ids])
            if stage == 2 and (split != "train" or labels is None or stem in labels):
                write_image(folder / "rgb" / f"{stem}.png", ids)
            write_matrix(folder / "pose" / f"{stem}.txt", pose)
            write_matrix(folder / "intrinsics" / f"{stem}.txt", intrinsics)
    if stage == 2:
        (scene / "classes.json").write_text(json.dumps({"classes": CLASSES}))
    return scene


@pytest.fixture(scope="session")
def write_tiny_scene() -> Callable[..., Path]:
    """:func:`write_scene`, for fixtures that outlive a test."""
    return write_scene


@pytest.fixture
def make_tiny_scene(tmp_path: Path) -> Callable[..., Path]:
    """Writes a scene and returns its folder; ``name`` is that of the folder, the rest as in :func:`write_scene`."""

    def make(name: str = "scene", labels: tuple[str, ...] | None = None, stage: int = 2) -> Path:
        return write_scene(tmp_path / name, labels, stage)

    return make


@pytest.fixture
def tiny_scene(make_tiny_scene: Callable[..., Path]) -> Path:
    """The scene in its stage-2 form with all labels: 6 training, 2 test and 1 validation views of 24x24 pixels."""
    return make_tiny_scene()


@pytest.fixture
def train_tiny_run(tmp_path: Path, tiny_scene: Path) -> Callable[..., Path]:
    """Trains nerfseg-lite on the tiny scene with nerfstudio's own Trainer and returns the path of config.yml.

    Arguments of the function: steps of stage 1 and of stage 2; the scene folder as config.yml gets it; whether to save
    and keep the checkpoint of every step; how many views keep their labels (all).
    """

    def train(
        stage1_steps: int = 4,
        stage2_steps: int = 4,
        data: Path = tiny_scene,
        every_checkpoint: bool = False,
        labelled_views: int | None = None,
    ) -> Path:
        from nerfstudio.configs.dataparser_configs import all_dataparsers
        from nerfstudio.configs.method_configs import all_methods

        config = copy.deepcopy(all_methods["nerfseg-lite"])
        config.machine.device_type = "cpu"
        config.vis = "none"
        config.logging.local_writer.enable = False
        config.output_dir, config.timestamp, config.experiment_name = tmp_path / "outputs", "run", "tiny"
        if every_checkpoint:
            config.steps_per_save, config.save_only_latest_checkpoint = 1, False
        pipeline, model = config.pipeline, config.pipeline.model
        pipeline.stage1_steps, pipeline.stage2_steps = stage1_steps, stage2_steps
        pipeline.datamanager.dataparser = copy.deepcopy(all_dataparsers["carla-mvs-data"])
        pipeline.datamanager.dataparser.labelled_views = labelled_views
        pipeline.datamanager.data = data
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
