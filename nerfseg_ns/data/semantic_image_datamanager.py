"""The datamanager for Gaussians: whole views in stage 1, labelled ones in stage 2."""

import random
from dataclasses import dataclass, field
from typing import Any, Literal

from nerfstudio.cameras.cameras import Cameras
from nerfstudio.configs.dataparser_configs import AnnotatedDataParserUnion
from nerfstudio.data.datamanagers.full_images_datamanager import FullImageDatamanager, FullImageDatamanagerConfig

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.data.carla_mvs_dataparser import CarlaMVSDataParserConfig
from nerfseg_ns.data.semantic_dataset import SemanticDataset


@dataclass
class SemanticImageDatamanagerConfig(FullImageDatamanagerConfig):
    """Configuration of :class:`SemanticImageDatamanager`."""

    _target: type = field(default_factory=lambda: SemanticImageDatamanager)
    dataparser: AnnotatedDataParserUnion = field(default_factory=CarlaMVSDataParserConfig)
    """Dataparser that reads the capture."""
    cache_images_type: Literal["uint8", "float32"] = "uint8"
    """How images are kept: a quarter of the memory of nerfstudio's default."""


class SemanticImageDatamanager(FullImageDatamanager[SemanticDataset]):
    """Nerfstudio's datamanager of whole views, with a second source of views.

    The pipeline sets :attr:`stage` before each step.

    Raises:
        InputError: labelled views with lens distortion, which nerfstudio would take out of the images alone.
    """

    config: SemanticImageDatamanagerConfig
    stage: int = 1

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        distortion = self.train_dataset.cameras.distortion_params
        if self.train_dataset.labelled_view_indices and distortion is not None and bool(distortion.any()):
            raise InputError(
                f"{self.get_datapath()}: the views have lens distortion, and Gaussians are rendered without; undistort "
                "images and labels, or train nerfseg, which takes them as they are"
            )
        self._labelled_left: list[int] = []

    def next_train(self, step: int) -> tuple[Cameras, dict[str, Any]]:
        """A camera and its view: any in stage 1, a labelled one in stage 2, each as often as the others."""
        if self.stage == 1:
            return super().next_train(step)
        if not self._labelled_left:
            self._labelled_left = list(self.train_dataset.labelled_view_indices)
            random.Random(step).shuffle(self._labelled_left)
        view = self._labelled_left.pop()
        data = self.cached_train[view].copy()
        data["image"] = data["image"].to(self.device)
        if "mask" in data:  # what the data masks teaches nothing
            data["semantics"] = data["semantics"].masked_fill(~data["mask"].to(data["semantics"].device).bool(), IGNORE)
        camera = self.train_cameras[view : view + 1].to(self.device)
        camera.metadata = {**(camera.metadata or {}), "cam_idx": view}
        return camera, data
