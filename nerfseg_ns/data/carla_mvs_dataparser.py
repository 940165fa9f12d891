"""The dataparser ``carla-mvs-data``: scenes in the NeRF++ folder layout of Carla-MVS."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from nerfstudio.data.dataparsers.base_dataparser import DataParser, DataParserConfig, DataparserOutputs
from nerfstudio.plugins.registry_dataparser import DataParserSpecification
from torch import Tensor

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.georeference import GEOREFERENCE, Georeference
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.poses import read_intrinsics, read_pose, swap_camera_axes
from nerfseg_ns.data.label_folder import LabelFolder
from nerfseg_ns.data.reduced_cameras import Pinhole, check_downscale_factor, reduced_cameras
from nerfseg_ns.data.scene_folder import LAYOUT, SPLITS, SceneView, SplitFolder, label_files, read_split
from nerfseg_ns.data.semantic_views import SEMANTICS, LabelOptions
from nerfseg_ns.data.world_options import WorldOptions

_STAGE_2_FORM = "labels are expected in rgb/ beside the images in color/ (the stage-2 form)"


@dataclass
class CarlaMVSDataParserConfig(DataParserConfig, LabelOptions, WorldOptions):
    """A scene in the NeRF++ folder layout of Carla-MVS, of which all, some or none of the views are labelled."""

    _target: type = field(default_factory=lambda: CarlaMVSDataParser)
    """target class to instantiate"""
    data: Path = Path()
    """Scene folder: {train,test,validation}/{rgb,color,pose,intrinsics}."""
    label_data: Path | None = None
    """A second scene folder, in the stage-2 form, whose labels are matched to the views by name: the public data set
    ships its stage-1 and stage-2 folders apart. Or a folder with classes.json and labels/VIEW.png (nerfseg segment
    --labels-out), whose labels the training views have in the place of the scene's own."""
    downscale_factor: int = 1
    """How many times to reduce the images (area averaging) and labels (nearest neighbour)."""

    @property
    def label_folder(self) -> LabelFolder | None:
        """None also for a second scene folder, which has labels of evaluation views too."""
        if self.label_data is not None and not LabelFolder(self.label_data).exists:
            return None
        return super().label_folder

    @property
    def label_scene(self) -> Path | None:
        """The second scene folder."""
        return self.label_data if self.label_folder is None else None


@dataclass
class CarlaMVSDataParser(DataParser):
    """Parses the NeRF++ folder layout of Carla-MVS.

    The world is oriented, centred and scaled by the training cameras, and the same transform is applied to each split.
    """

    config: CarlaMVSDataParserConfig

    def _generate_dataparser_outputs(self, split: str = "train", **kwargs: dict | None) -> DataparserOutputs:
        """The outputs of one split; metadata ``semantics`` holds its :class:`SemanticViews`.

        Where the scene has a ``georeference.json``, metadata ``georeference`` holds the :class:`Georeference`.

        Raises:
            InputError: whatever is wrong with the scene's files or with the options.
        """
        check_downscale_factor(self.config.downscale_factor)
        train = self._train_split()
        folder = train if split == "train" else self._evaluation_split(split)
        transform, scale = self.config.world_transform(_read_poses(train.views))
        poses = transform @ _read_poses(folder.views)
        poses[:, :, 3] *= scale

        images = [view.image for view in folder.views]
        labels = self.config.given_labels(split, images)
        if labels is None:
            labels = self._labels(split, folder)
        cameras = reduced_cameras(
            images,
            labels,
            [_read_pinhole(view) for view in folder.views],
            poses,
            self.config.downscale_factor,
        )
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
        masks = [view.mask for view in folder.views if view.mask is not None]
        return DataparserOutputs(
            image_filenames=images,
            cameras=cameras,
            scene_box=self.config.scene_box(),
            mask_filenames=masks or None,
            metadata={SEMANTICS: semantics, **self._place()},
            dataparser_transform=transform.float(),
            dataparser_scale=scale,
        )

    def _place(self) -> dict[str, Georeference]:
        """Metadata about where the scene lies, from its ``georeference.json`` where there is one."""
        path = self.config.data / "georeference.json"
        return {GEOREFERENCE: Georeference.from_json(path)} if path.is_file() else {}

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
        for folder in (self.config.label_scene, self.config.data):
            if folder is not None and (folder / "classes.json").is_file():
                return ClassTable.from_json(folder / "classes.json")
        return None

    def _unlabelled_hint(self, folder: SplitFolder) -> str:
        if folder.has_label_form or self.config.label_scene is not None:
            return _STAGE_2_FORM
        return (
            f"the folder is in the stage-1 form (images in rgb/, no color/); {_STAGE_2_FORM}. If the labels are in a "
            f"second scene folder, give it by --label-data"
        )

    def _labels(self, split: str, folder: SplitFolder) -> list[Path | None]:
        """The label image of each view, from the label folder where it has this split, else from the scene."""
        own: list[Path | None] = [view.label for view in folder.views]
        label_data = self.config.label_scene
        if label_data is None:
            return own
        if not (label_data / "train").is_dir():
            raise InputError(f"{label_data / 'train'}: no such folder (--label-data); {_STAGE_2_FORM}, or labels/")
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
            theirs = label_files(self.config.label_scene / split) if self.config.label_scene is not None else []
            labels += theirs or own
        return labels


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


def _read_pinhole(view: SceneView) -> Pinhole:
    matrix = read_intrinsics(view.intrinsics)
    return Pinhole(matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2])


carla_mvs_data = DataParserSpecification(
    config=CarlaMVSDataParserConfig(),
    description="Scenes in the NeRF++ folder layout of Carla-MVS, with labels for all, some or none of the views",
)
