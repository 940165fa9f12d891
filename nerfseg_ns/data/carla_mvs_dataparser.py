"""The dataparser ``carla-mvs-data``: scenes in the NeRF++ folder layout of Carla-MVS."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from nerfstudio.cameras.camera_utils import auto_orient_and_center_poses
from nerfstudio.cameras.cameras import Cameras, CameraType
from nerfstudio.data.dataparsers.base_dataparser import DataParser, DataParserConfig, DataparserOutputs
from nerfstudio.data.scene_box import SceneBox
from nerfstudio.plugins.registry_dataparser import DataParserSpecification
from nerfstudio.utils.rich_utils import CONSOLE
from torch import Tensor

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import check_label_header, read_image_header
from nerfseg_ns.core.poses import axis_spread, read_intrinsics, read_pose, swap_camera_axes
from nerfseg_ns.data.scene_folder import LAYOUT, SPLITS, SceneView, SplitFolder, label_files, read_split
from nerfseg_ns.data.semantic_views import SEMANTICS, LabelOptions

LEAST_AXIS_SPREAD = 10.0
"""Degrees between optical axes (:func:`~nerfseg_ns.core.poses.axis_spread`) below which they have no focus."""

_STAGE_2_FORM = "labels are expected in rgb/ beside the images in color/ (the stage-2 form)"


@dataclass
class CarlaMVSDataParserConfig(DataParserConfig, LabelOptions):
    """A scene in the NeRF++ folder layout of Carla-MVS, of which all, some or none of the views are labelled."""

    _target: type = field(default_factory=lambda: CarlaMVSDataParser)
    """target class to instantiate"""
    data: Path = Path()
    """Scene folder: {train,test,validation}/{rgb,color,pose,intrinsics}."""
    label_data: Path | None = None
    """A second scene folder, in the stage-2 form, whose labels are matched to the views by name: the public data set
    ships its stage-1 and stage-2 folders apart."""
    downscale_factor: int = 1
    """How many times to reduce the images (area averaging) and labels (nearest neighbour)."""
    orientation_method: Literal["none", "up", "pca", "vertical"] = "none"
    """How to turn the world; none keeps the scene's own axes, which have z up in Carla-MVS."""
    center_method: Literal["focus", "poses", "none"] = "focus"
    """What to put at the origin. Focus is the point nearest to all optical axes, for orbits the ground in the middle;
    where the axes are nearly parallel, as in nadir flights, the mean of the cameras is taken instead."""
    auto_scale_poses: bool = True
    """Whether to scale the world so that the farthest training camera is at distance 1."""
    scale_factor: float = 1.0
    """How much to scale the camera positions by, after that."""
    scene_scale: float = 1.0
    """Half the edge of the scene box."""


@dataclass
class CarlaMVSDataParser(DataParser):
    """Parses the NeRF++ folder layout of Carla-MVS.

    The world is oriented, centred and scaled by the training cameras, and the same transform is applied to each split.
    """

    config: CarlaMVSDataParserConfig

    def _generate_dataparser_outputs(self, split: str = "train", **kwargs: dict | None) -> DataparserOutputs:
        """The outputs of one split; metadata ``semantics`` holds its :class:`SemanticViews`.

        Raises:
            InputError: whatever is wrong with the scene's files or with the options.
        """
        if self.config.downscale_factor < 1:
            raise InputError(f"--downscale-factor {self.config.downscale_factor}: expected a whole number from 1 on")
        train = self._train_split()
        folder = train if split == "train" else self._evaluation_split(split)
        transform, scale = self._world_transform(_read_poses(train.views))
        poses = transform @ _read_poses(folder.views)
        poses[:, :, 3] *= scale

        labels = self._labels(split, folder)
        cameras = _cameras(folder.views, poses.float(), labels, self.config.downscale_factor)
        kept = self.config.select(
            split, [view.stem for view in folder.views], labels, str(folder.path), self._unlabelled_hint(folder)
        )
        semantics = self.config.semantic_views(
            self.config.class_table(self._scene_table),
            kept,
            self._scene_labels(),
            str(self.config.data),
            self.config.downscale_factor,
        )
        half = self.config.scene_scale
        masks = [view.mask for view in folder.views if view.mask is not None]
        return DataparserOutputs(
            image_filenames=[view.image for view in folder.views],
            cameras=cameras,
            scene_box=SceneBox(aabb=torch.tensor([[-half] * 3, [half] * 3], dtype=torch.float32)),
            mask_filenames=masks or None,
            metadata={SEMANTICS: semantics},
            dataparser_transform=transform.float(),
            dataparser_scale=scale,
        )

    def _train_split(self) -> SplitFolder:
        data = self.config.data
        if not data.is_dir():
            raise InputError(f"{data}: no such scene folder (--data SCENE); expected {LAYOUT} in it")
        train = read_split(data / "train")
        if not train.views:
            has_transforms = (data / "transforms.json").is_file()
            hint = "; it has a transforms.json: use semantic-nerfstudio-data" if has_transforms else ""
            raise InputError(f"{data / 'train'}: no training views; expected {LAYOUT} in {data}{hint}")
        return train

    def _evaluation_split(self, split: str) -> SplitFolder:
        names = {"val": ("validation", "test"), "test": ("test",)}
        if split not in names:
            raise InputError(f"split {split!r} does not exist; choose train, val or test")
        for name in names[split]:
            folder = read_split(self.config.data / name)
            if folder.views:
                return folder
        folders = " or ".join(str(self.config.data / name) for name in names[split])
        raise InputError(
            f"{folders}: no {split} views; put at least one view there, with its files in rgb/ (or color/), pose/ and "
            f"intrinsics/"
        )

    def _scene_table(self) -> ClassTable | None:
        for folder in (self.config.label_data, self.config.data):
            if folder is not None and (folder / "classes.json").is_file():
                return ClassTable.from_json(folder / "classes.json")
        return None

    def _unlabelled_hint(self, folder: SplitFolder) -> str:
        if folder.has_label_form or self.config.label_data is not None:
            return _STAGE_2_FORM
        return (
            f"the folder is in the stage-1 form (images in rgb/, no color/); {_STAGE_2_FORM}. If the labels are in a "
            f"second scene folder, give it by --label-data"
        )

    def _labels(self, split: str, folder: SplitFolder) -> list[Path | None]:
        """The label image of each view, from the label folder where it has this split, else from the scene."""
        own: list[Path | None] = [view.label for view in folder.views]
        label_data = self.config.label_data
        if label_data is None:
            return own
        if not (label_data / "train").is_dir():
            raise InputError(f"{label_data / 'train'}: no such folder (--label-data); {_STAGE_2_FORM}")
        labelled = read_split(label_data / folder.path.name)
        if not labelled.views:
            return own
        if not labelled.has_label_form:
            raise InputError(
                f"{labelled.path}: the folder of --label-data is in the stage-1 form (images in rgb/, no color/), so "
                f"it has no labels; {_STAGE_2_FORM}"
            )
        views = {view.stem: view for view in folder.views}
        labels: dict[str, Path] = {}
        for view in labelled.views:
            if view.label is None:
                continue
            if view.stem not in views:
                raise InputError(
                    f"{view.label}: the label has no image in {folder.path} ({len(views)} views); labels are matched "
                    f"to images by name"
                )
            _require_same_pose(view, views[view.stem])
            labels[view.stem] = view.label
        return [labels.get(stem) for stem in views]

    def _scene_labels(self) -> list[Path]:
        """The label images of all splits."""
        labels: list[Path] = []
        for split in SPLITS:
            own = label_files(self.config.data / split)
            theirs = label_files(self.config.label_data / split) if self.config.label_data is not None else []
            labels += theirs or own
        return labels

    def _world_transform(self, poses: Float[Tensor, "views 4 4"]) -> tuple[Float[Tensor, "3 4"], float]:
        """Scene world -> nerfstudio world: rotation and shift, then scale, from the training cameras (float64)."""
        centre_method = self.config.center_method
        if centre_method == "focus" and axis_spread(poses) < LEAST_AXIS_SPREAD:
            CONSOLE.log("The cameras look in nearly one direction: the world is centred on them, not on their focus.")
            centre_method = "poses"
        # Shifted first, in double precision: map coordinates of millions of metres do not fit into single precision.
        shift = torch.eye(4, dtype=torch.float64)
        if centre_method != "none":
            shift[:3, 3] = -poses[:, :3, 3].mean(dim=0)
        oriented, near_transform = auto_orient_and_center_poses(
            (shift @ poses).float(), method=self.config.orientation_method, center_method=centre_method
        )
        scale = float(self.config.scale_factor)
        if self.config.auto_scale_poses:
            farthest = float(oriented[:, :3, 3].norm(dim=-1).max())
            if farthest > 0.0:
                scale /= farthest
        return near_transform.double() @ shift, scale


def _read_poses(views: tuple[SceneView, ...]) -> Float[Tensor, "views 4 4"]:
    """Camera-to-world poses with OpenGL axes in the scene's own world and unit, float64."""
    return swap_camera_axes(torch.from_numpy(np.stack([read_pose(view.pose) for view in views])))


def _require_same_pose(labelled: SceneView, view: SceneView) -> None:
    """Equal names are no proof: a label of a renumbered folder would train the wrong view without a word."""
    if not np.allclose(read_pose(labelled.pose), read_pose(view.pose), rtol=1e-4, atol=1e-3):
        raise InputError(
            f"{labelled.pose} and {view.pose} differ: view {view.stem!r} of --label-data is another view than "
            f"{view.stem!r} of --data; labels are matched to images by name"
        )


def _cameras(
    views: tuple[SceneView, ...],
    poses: Float[Tensor, "views 3 4"],
    labels: list[Path | None],
    downscale_factor: int,
) -> Cameras:
    """Cameras of floor(size / factor) pixels; checks the label files' sizes and formats on the way."""
    rows = []
    for view, label in zip(views, labels):
        header = read_image_header(view.image)
        if label is not None:
            check_label_header(label, view.image, ((header.width, header.height),))
        width, height = header.width // downscale_factor, header.height // downscale_factor
        if width < 1 or height < 1:
            raise InputError(
                f"{view.image}: {header.width}x{header.height} pixels cannot be reduced {downscale_factor} times; "
                f"choose a smaller --downscale-factor"
            )
        matrix = read_intrinsics(view.intrinsics)
        across, down = width / header.width, height / header.height
        focal = matrix[0, 0] * across, matrix[1, 1] * down
        centre = matrix[0, 2] * across, matrix[1, 2] * down
        rows.append((*focal, *centre, width, height))
    fx, fy, cx, cy, widths, heights = torch.tensor(rows, dtype=torch.float64).T[..., None]
    return Cameras(
        camera_to_worlds=poses,
        fx=fx.float(),
        fy=fy.float(),
        cx=cx.float(),
        cy=cy.float(),
        width=widths.long(),
        height=heights.long(),
        camera_type=CameraType.PERSPECTIVE,
    )


carla_mvs_data = DataParserSpecification(
    config=CarlaMVSDataParserConfig(),
    description="Scenes in the NeRF++ folder layout of Carla-MVS, with labels for all, some or none of the views",
)
