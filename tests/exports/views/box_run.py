"""A run whose surface and labels are known exactly: a box on a square of ground under the sky, rendered by ray tracing.

Density and sampling are those that nerfstudio's models have, so that the selection's renderer can use them too.
"""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from nerfstudio.cameras.cameras import Cameras, CameraType
from nerfstudio.data.dataparsers.base_dataparser import DataparserOutputs
from nerfstudio.data.datasets.base_dataset import InputDataset
from nerfstudio.data.scene_box import SceneBox
from nerfstudio.model_components.ray_samplers import ProposalNetworkSampler
from nerfstudio.model_components.scene_colliders import NearFarCollider
from PIL import Image
from torch import nn

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.georeference import GEOREFERENCE, Georeference
from nerfseg_ns.core.label_image import LabelFormat
from nerfseg_ns.core.object_votes import ObjectVotes
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.core.voxel_blocks import blocks_around
from nerfseg_ns.data.semantic_views import SEMANTICS, SemanticViews
from nerfseg_ns.evaluation.trained_run import LoadedRun
from nerfseg_ns.selection.object_file import write_object
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.selected_object import SelectedObject

PLACE = Georeference(46.84265666666667, -91.99400802469137, 151.09313405752553)
LOW, HIGH = np.array([-4.0, -3.0, 0.0]), np.array([4.0, 3.0, 5.0])
"""The box, input frame, metres."""
EXTENT = 20.0
"""The ground reaches so far from the origin."""
BUILDING, GROUND, SKY = range(3)
COLOURS = np.array([(70, 70, 70), (145, 170, 100), (70, 130, 180)])
CONFIDENCE = np.array([0.9, 0.6, 0.8])
"""Of each class, wherever it shows."""
TABLE = ClassTable.from_records(
    [{"id": n, "name": name, "rgb": COLOURS[n].tolist()} for n, name in enumerate(("Building", "Side walk", "Sky"))],
    "test",
)
FRAME = SceneFrame(
    torch.tensor(
        [[np.cos(0.7), -np.sin(0.7), 0.0, 5.0], [np.sin(0.7), np.cos(0.7), 0.0, -8.0], [0, 0, 1.0, 2.0]]
    ).float(),
    0.04,
)
SIZE = (48, 64)


def trace(origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance (infinite for the sky) and class of what rays of the input frame meet."""
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = (LOW - origins) / directions, (HIGH - origins) / directions
        enter, leave = np.minimum(low, high).max(axis=-1), np.maximum(low, high).min(axis=-1)
        ground = -origins[..., 2] / directions[..., 2]
    spot = origins + directions * ground[..., None]
    on_ground = (directions[..., 2] < 0) & (np.abs(spot[..., :2]) <= EXTENT).all(axis=-1)
    on_box = (enter < leave) & (enter > 0)
    distance = np.where(on_box, enter, np.where(on_ground, ground, np.inf))
    return distance, np.where(on_box, BUILDING, np.where(on_ground, GROUND, SKY))


class BoxModel(nn.Module):
    """``rendered`` counts views. ``after`` views the next one raises KeyboardInterrupt."""

    def __init__(self, stage: int = 2) -> None:
        super().__init__()
        self.config = SimpleNamespace(eval_num_rays_per_chunk=4096)
        self.stage, self.rendered, self.after = stage, 0, None
        self.semantic_network = object()
        self.collider = NearFarCollider(near_plane=0.05, far_plane=4.0)
        self.proposal_sampler = ProposalNetworkSampler(
            num_proposal_samples_per_ray=(256,), num_nerf_samples_per_ray=96, num_proposal_network_iterations=1
        )
        self.field = SimpleNamespace(get_density=self._density_of_samples, density_fn=self.density_fn)
        self.proposal_networks = [SimpleNamespace(density_fn=self.density_fn)]

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def density_fn(self, positions: torch.Tensor, *_args: object, **_named: object) -> torch.Tensor:
        """Half as dense on the surface as deep inside, falling off over a few millimetres."""
        places = FRAME.to_input(positions)
        outside = torch.maximum(torch.from_numpy(LOW) - places, places - torch.from_numpy(HIGH)).amax(dim=-1)
        ground = torch.maximum(places[..., :2].abs().amax(dim=-1) - EXTENT, places[..., 2])
        outside = torch.minimum(outside, ground)
        return (40000.0 * torch.sigmoid(-outside / 0.005))[..., None].float()

    def _density_of_samples(self, samples):
        return self.density_fn(samples.frustums.get_positions()), None

    def get_outputs_for_camera(self, camera):
        if self.after is not None and self.rendered >= self.after:
            raise KeyboardInterrupt
        self.rendered += 1
        rays = camera.generate_rays(camera_indices=0, keep_shape=True)
        start = FRAME.to_input(rays.origins).numpy()
        towards = FRAME.to_input(rays.origins + rays.directions).numpy() - start
        length = np.linalg.norm(towards, axis=-1, keepdims=True)
        distance, classes = trace(start, towards / length)
        hit = np.isfinite(distance)
        outputs = {
            "rgb": torch.from_numpy(COLOURS[classes] / 255.0).float(),
            "depth": torch.from_numpy(np.where(hit, distance * FRAME.scale, 500.0)).float()[..., None],
            "accumulation": torch.from_numpy(hit).float()[..., None],
        }
        if self.stage == 2:
            rest = (1.0 - CONFIDENCE[classes]) / 2.0
            probabilities = np.repeat(rest[..., None], 3, axis=-1)
            np.put_along_axis(probabilities, classes[..., None], CONFIDENCE[classes][..., None], axis=-1)
            outputs["semantics"] = torch.from_numpy(probabilities).float()
        return outputs


@dataclass
class _Pipeline:
    model: BoxModel
    datamanager: SimpleNamespace


def cameras(count: int, phase: float = 0.0) -> Cameras:
    """On a circle around the box, looking at it from above."""
    poses = []
    for number in range(count):
        angle = 2 * np.pi * (number + phase) / count
        centre = np.array([18 * np.cos(angle), 18 * np.sin(angle), 14.0])
        back = centre - (0.0, 0.0, 1.0)
        back /= np.linalg.norm(back)
        right = np.cross((0.0, 0.0, 1.0), back)
        right /= np.linalg.norm(right)
        axes = torch.from_numpy(np.stack([right, np.cross(back, right), back], axis=1)).float()
        placed = FRAME.to_scene(torch.from_numpy(centre))[:, None]
        poses.append(torch.cat([FRAME.transform[:, :3] @ axes, placed], dim=1))
    height, width = SIZE
    return Cameras(
        torch.stack(poses), 60.0, 60.0, width / 2, height / 2, width, height, camera_type=CameraType.PERSPECTIVE
    )


def labels_of(camera: Cameras) -> np.ndarray:
    """The true class of every pixel of a camera."""
    rays = camera.generate_rays(camera_indices=0, keep_shape=True)
    start = FRAME.to_input(rays.origins).numpy()
    return trace(start, FRAME.to_input(rays.origins + rays.directions).numpy() - start)[1]


def make_run(
    folder: Path, split: str = "train", place: Georeference | None = PLACE, stage: int = 2, classes: bool = True
) -> LoadedRun:
    """A loaded run: 8 training views with images, 4 test views, no validation views of its own.

    Args:
        folder: for images and checkpoint.
        split: the one it is loaded with.
        place: None: without a georeference.
        stage: 1: no classes learned.
        classes: False: the data has none.
    """
    datasets = {}
    for name, count, phase in (("train", 8, 0.0), ("test", 4, 0.25)):
        views = cameras(count, phase)
        files = [folder / "data" / name / f"{number:03d}.png" for number in range(count)]
        for number, file in enumerate(files):
            file.parent.mkdir(parents=True, exist_ok=True)
            image = COLOURS[labels_of(views[number : number + 1])].astype(np.uint8)
            Image.fromarray(image).resize((128, 96), Image.Resampling.NEAREST).save(file)
        metadata = {}
        if classes:
            metadata[SEMANTICS] = SemanticViews(TABLE, tuple(None for _ in files), LabelFormat())
        if place is not None:
            metadata[GEOREFERENCE] = place
        outputs = DataparserOutputs(
            files,
            views,
            scene_box=SceneBox(torch.tensor([[-1.0] * 3, [1.0] * 3])),
            dataparser_transform=FRAME.transform,
            dataparser_scale=FRAME.scale,
            metadata=metadata,
        )
        datasets[name] = InputDataset(outputs)
    checkpoint = folder / "nerfstudio_models" / "step-000000009.ckpt"
    checkpoint.parent.mkdir(exist_ok=True)
    checkpoint.write_bytes(b"weights")
    datamanager = SimpleNamespace(train_dataset=datasets["train"], eval_dataset=datasets["test"])
    return LoadedRun(SimpleNamespace(method_name="box"), _Pipeline(BoxModel(stage), datamanager), checkpoint, 9, split)


def write_box_object(folder: Path, name: str = "house", frame: SceneFrame = FRAME) -> Path:
    """The box as an object that nerfseg segment might have written."""
    axes = [np.arange(a - 0.25, b + 0.25, 0.2) for a, b in zip(LOW, HIGH)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    blocks = blocks_around(FRAME.to_scene(torch.from_numpy(points)), 0.01)
    votes = ObjectVotes.none(blocks, 1)
    here = FRAME.to_input(blocks.centres()).numpy()
    margin = (0.3, 0.3, -0.3), (0.3, 0.3, 0.3)  # the ground around it stays outside
    within = torch.from_numpy(((here > LOW - margin[0]) & (here < HIGH + margin[1])).all(axis=-1)).float()
    votes.inside[: blocks.count, 0], votes.outside[: blocks.count, 0] = within, 1 - within
    prompt = ObjectPrompt(name, (ViewPrompt("000", ((1.0, 1.0, 1),)),))
    path = folder / f"{name}.npz"
    write_object(path, SelectedObject(prompt, blocks, votes), frame)
    return path
