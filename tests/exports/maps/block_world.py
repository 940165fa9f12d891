"""A run whose map is known exactly: two blocks on chequered ground, as a radiance field without anything learned.

The model has the parts and outputs of nerfacto and nerfseg, with nerfstudio's own sampler and collider.
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
from nerfstudio.model_components.renderers import DepthRenderer
from nerfstudio.model_components.scene_colliders import NearFarCollider
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
BLOCKS = {
    "tall": (np.array([10.0, 5.0, 0.0]), np.array([30.0, 15.0, 12.0])),
    "low": (np.array([-25.0, -20.0, 0.0]), np.array([-10.0, -5.0, 6.0])),
}
"""name -> low and high corner, input frame, metres."""
BUILDING, GROUND, ROAD = range(3)
COLOURS = np.array([(70, 70, 70), (145, 170, 100), (128, 64, 128)])
SQUARE = 4.0
"""Metres of a square of the chequered ground, which is ground and road by turns."""
CAMERA_HEIGHT = 70.0

_ANGLE, _SCALE = 0.7, 0.01
FRAME = SceneFrame(
    torch.tensor(
        [
            [np.cos(_ANGLE), -np.sin(_ANGLE), 0.0, 5.0],
            [np.sin(_ANGLE), np.cos(_ANGLE), 0.0, -8.0],
            [0.0, 0.0, 1.0, 2.0],
        ]
    ).float(),
    _SCALE,
)


def height_at(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The surface above places of the input frame."""
    height = np.zeros_like(x)
    for low, high in BLOCKS.values():
        inside = (x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1])
        height = np.where(inside, high[2], height)
    return height


def class_at(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The class that shows from above at places of the input frame."""
    square = (np.floor(x / SQUARE) + np.floor(y / SQUARE)) % 2
    return np.where(height_at(x, y) > 0, BUILDING, np.where(square > 0, ROAD, GROUND))


class BlockModel(nn.Module):
    """Renders the world. ``calls`` counts ray bundles."""

    def __init__(self, stage: int = 2) -> None:
        super().__init__()
        self.config = SimpleNamespace(eval_num_rays_per_chunk=4096)
        self.stage, self.calls, self.largest = stage, 0, 0
        self.haze: tuple[np.ndarray, np.ndarray] | None = None  # low and high corner of one more opaque block
        self.collider = NearFarCollider(near_plane=0.05, far_plane=4.0)
        self.proposal_sampler = ProposalNetworkSampler(
            num_proposal_samples_per_ray=(256,), num_nerf_samples_per_ray=64, num_proposal_network_iterations=1
        )
        self.field = SimpleNamespace(get_density=self._density_of_samples)
        self.proposal_networks = [SimpleNamespace(density_fn=self.density_fn)]
        self.depth_renderer = DepthRenderer("median")

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def density_fn(self, positions: torch.Tensor, *_args: object, **_named: object) -> torch.Tensor:
        x, y, z = FRAME.to_input(positions).unbind(-1)
        surface = torch.from_numpy(height_at(x.numpy(), y.numpy()))
        solid = z <= surface
        if self.haze is not None:
            low, high = self.haze
            here = torch.stack([x, y, z], dim=-1).numpy()
            solid |= torch.from_numpy(((here > low) & (here < high)).all(axis=-1))
        return torch.where(solid, 8000.0, 0.0)[..., None].float()

    def _density_of_samples(self, samples):
        return self.density_fn(samples.frustums.get_positions()), None

    def forward(self, rays):
        self.calls, self.largest = self.calls + 1, max(self.largest, len(rays))
        rays = self.collider(rays)
        samples, _, _ = self.proposal_sampler(rays, density_fns=[self.density_fn])
        weights = samples.get_weights(self._density_of_samples(samples)[0])
        depth = self.depth_renderer(weights=weights, ray_samples=samples)
        there = FRAME.to_input(rays.origins + rays.directions * depth).numpy()
        classes = class_at(there[:, 0], there[:, 1])
        outputs = {
            "rgb": torch.from_numpy(COLOURS[classes] / 255.0).float(),
            "depth": depth,
            "accumulation": weights.sum(dim=-2),
        }
        if self.stage == 2:
            outputs["semantics"] = torch.full((len(rays), 3), 0.1)
            outputs["semantics"][torch.arange(len(rays)), torch.from_numpy(classes)] = 0.8
        return outputs


@dataclass
class _Pipeline:
    model: BlockModel
    datamanager: SimpleNamespace


def cameras(reach: float = 30.0, per_side: int = 4) -> Cameras:
    """Straight down from a grid of places, 60 degrees wide, x east."""
    places = np.linspace(-reach, reach, per_side)
    c2w = []
    turned = FRAME.transform[:, :3]
    for x in places:
        for y in places:
            centre = FRAME.to_scene(torch.tensor([x, y, CAMERA_HEIGHT]))
            c2w.append(torch.cat([turned, centre[:, None]], dim=1))
    size, focal = 96, 96 / 2 / np.tan(np.radians(30))
    return Cameras(torch.stack(c2w), focal, focal, size / 2, size / 2, size, size, camera_type=CameraType.PERSPECTIVE)


def make_run(folder: Path, place: Georeference | None = PLACE, stage: int = 2, classes: bool = True) -> LoadedRun:
    """A loaded run of the world.

    Args:
        folder: for its checkpoint file.
        place: None: without a georeference.
        stage: 1: no classes learned.
        classes: False: the data has none.
    """
    views = cameras()
    table = ClassTable.from_records(
        [
            {"id": number, "name": name, "rgb": COLOURS[number].tolist()}
            for number, name in enumerate(("Building", "Ground & grass", "Road"))
        ],
        "test",
    )
    names = [Path(f"{number:03d}.png") for number in range(len(views))]
    metadata = {}
    if classes:
        metadata[SEMANTICS] = SemanticViews(table, tuple(None for _ in names), LabelFormat())
    if place is not None:
        metadata[GEOREFERENCE] = place
    outputs = DataparserOutputs(
        names,
        views,
        scene_box=SceneBox(torch.tensor([[-1.0] * 3, [1.0] * 3])),
        dataparser_transform=FRAME.transform,
        dataparser_scale=FRAME.scale,
        metadata=metadata,
    )
    dataset = InputDataset(outputs)
    checkpoint = folder / "step-000000009.ckpt"
    checkpoint.write_bytes(b"weights")
    pipeline = _Pipeline(BlockModel(stage), SimpleNamespace(train_dataset=dataset, eval_dataset=dataset))
    return LoadedRun(SimpleNamespace(method_name="blocks"), pipeline, checkpoint, 9, "train")


def write_block_object(folder: Path, name: str, class_name: str | None = None) -> Path:
    """A block as an object that nerfseg segment might have written: every voxel within half a metre of its roof."""
    low, high = BLOCKS[name]
    x, y, z = (np.arange(a, b, 0.25) + 0.125 for a, b in zip(low - 0.5, high + 0.5))
    points = np.stack(np.meshgrid(x, y, z[z > high[2] - 2], indexing="ij"), axis=-1).reshape(-1, 3)
    inside = ((points > low) & (points < high + (0, 0, 0.5))).all(axis=-1)
    blocks = blocks_around(FRAME.to_scene(torch.from_numpy(points[inside])), 0.005)
    votes = ObjectVotes.none(blocks, 1)
    here = FRAME.to_input(blocks.centres()).numpy()
    within = torch.from_numpy(((here > low - 0.25) & (here < high + (0.25, 0.25, 1.0))).all(axis=-1)).float()
    votes.inside[: blocks.count, 0], votes.outside[: blocks.count, 0] = within, 1 - within
    prompt = ObjectPrompt(name, (ViewPrompt("000", ((1.0, 1.0, 1),)),), class_name=class_name)
    path = folder / f"{name}.npz"
    write_object(path, SelectedObject(prompt, blocks, votes), FRAME)
    return path
