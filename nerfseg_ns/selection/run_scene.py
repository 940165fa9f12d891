"""A trained (or training) nerfstudio pipeline as a scene for selection."""

import copy
import itertools
from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from nerfstudio.cameras.cameras import Cameras, CameraType
from nerfstudio.data.datasets.base_dataset import InputDataset
from nerfstudio.models.base_model import Model
from nerfstudio.pipelines.base_pipeline import VanillaPipeline
from PIL import Image

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import read_image_header
from nerfseg_ns.core.packed_samples import PackedSamples, pack, unpack
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.recently_used import RecentlyUsed
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.core.user_cache import user_cache
from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.data.pinhole_cameras import pinhole_of
from nerfseg_ns.evaluation.trained_run import LoadedRun
from nerfseg_ns.selection.field_renderer import evaluating
from nerfseg_ns.selection.sample_cache import SampleCache, camera_hash, geometry_hash, sample_folder
from nerfseg_ns.selection.sample_renderer import SampleRenderer, make_renderer
from nerfseg_ns.selection.selector import Listener
from nerfseg_ns.selection.view_names import view_names

Source = Literal["captured", "rendered"]

LONGEST_SIDE = 2048
"""Captured images are handed out up to this size: segmenters work at 1024 and gain nothing from more."""
_BYTES_OF_SAMPLES = 2**30
_BYTES_OF_PACKED = 2**30
_BYTES_OF_IMAGES = 2**28
_IMAGES_NUMBERS = itertools.count()
"""One for each state of each scene's images: an id() may come again, and the scene itself would be kept alive."""


class RunScene:
    """The views of a data set and the samples that a model has along their rays.

    Samples are rendered once per view and kept in memory, packed, and on the disk unless the weights still change.

    Args:
        dataset: the views.
        model: the radiance field, or Gaussians; its parts are checked.
        source: what :meth:`image` shows: the captured images, or the views as the model renders them.
        camera_scale: cameras of so many times the size of the data set's.
        trained_views: these are the views the model was trained on, whose poses it may have corrected (nerfacto).
        keep_on_disk: keep samples in the user's cache folder; not while the model is training.
        method: name of the model's method, for messages.

    Attributes:
        names: name of each view.
        frame: from the frame of the input poses to the scene frame.
        renderer: the model's samples and densities.
        bytes_on_disk: what the samples of all runs take there, after :meth:`prepare`.

    Raises:
        InputError: a model without a density field or Gaussians, cameras that are not perspective, a scale that leaves
            no pixels.
    """

    def __init__(
        self,
        dataset: InputDataset,
        model: Model,
        *,
        source: Source = "captured",
        camera_scale: float = 1.0,
        trained_views: bool = True,
        keep_on_disk: bool = False,
        method: str | None = None,
    ) -> None:
        self.renderer: SampleRenderer = make_renderer(model, method)
        self.names: Sequence[str] = view_names(dataset.image_filenames)
        self.source = source
        outputs = dataset._dataparser_outputs
        self.frame = SceneFrame(outputs.dataparser_transform.float().cpu(), float(outputs.dataparser_scale))
        self._dataset = dataset
        self._cameras = _scaled(dataset.cameras, camera_scale)
        self._optimizer = getattr(model, "camera_optimizer", None) if trained_views else None
        keep_on_disk = keep_on_disk and self.renderer.worth_keeping
        self._keep_on_disk = keep_on_disk
        self._disk: SampleCache | None = None
        self.bytes_on_disk = 0
        # what the disk has need not all be in memory; without it, packed samples are the only ones
        self._packed: RecentlyUsed[PackedSamples] = RecentlyUsed(_BYTES_OF_PACKED if keep_on_disk else None)
        self._samples: RecentlyUsed[ViewSamples] = RecentlyUsed(_BYTES_OF_SAMPLES)
        self._images: RecentlyUsed[UInt8[np.ndarray, "h w 3"]] = RecentlyUsed(_BYTES_OF_IMAGES)
        self._images_number = next(_IMAGES_NUMBERS)

    @classmethod
    def from_run(cls, run: LoadedRun, source: Source = "captured", camera_scale: float = 1.0) -> "RunScene":
        """The views of a finished run's split, with samples kept on the disk."""
        return cls(
            run.dataset,
            run.pipeline.model,
            source=source,
            camera_scale=camera_scale,
            trained_views=run.split == "train",
            keep_on_disk=True,
            method=run.config.method_name,
        )

    @classmethod
    def from_pipeline(
        cls,
        pipeline: VanillaPipeline,
        split: Literal["train", "eval"] = "train",
        source: Source = "captured",
        camera_scale: float = 1.0,
        keep_on_disk: bool = False,
    ) -> "RunScene":
        """The views of a pipeline; while it trains, call :meth:`forget` when the weights have changed.

        Args:
            pipeline: of nerfseg, nerfacto, or another with such a model.
            split: its training views, or those its evaluation split holds.
            source: see the class.
            camera_scale: see the class.
            keep_on_disk: see the class.
        """
        datamanager = pipeline.datamanager
        dataset = datamanager.train_dataset if split == "train" else datamanager.eval_dataset
        assert isinstance(dataset, InputDataset)
        return cls(
            dataset,
            pipeline.model,
            source=source,
            camera_scale=camera_scale,
            trained_views=split == "train",
            keep_on_disk=keep_on_disk,
        )

    @property
    def model(self) -> Model:
        """The radiance field."""
        return self.renderer.model

    def camera(self, view: int) -> Pinhole:
        """See :class:`~nerfseg_ns.selection.scene.Scene`."""
        return pinhole_of(self.nerfstudio_camera(view), self.model.device)

    def nerfstudio_camera(self, view: int) -> Cameras:
        """The view's camera, one in a batch, on the CPU, with the pose that the training corrected and distortion."""
        camera = self._cameras[view : view + 1]
        optimizer = self._optimizer
        if optimizer is not None and optimizer.config.mode != "off":
            with torch.no_grad():
                correction = optimizer(torch.tensor([view], device=self.model.device)).to(camera.camera_to_worlds)
            pose = camera.camera_to_worlds
            turned = correction[:, :, :3] @ pose[:, :, :3]
            camera.camera_to_worlds = torch.cat([turned, pose[:, :, 3:] + correction[:, :, 3:]], dim=-1)
        return camera

    def image(self, view: int) -> UInt8[np.ndarray, "h w 3"]:
        """What a segmenter sees of the view, RGB.

        A captured image comes in its own size, up to :data:`LONGEST_SIDE`, where that is a multiple of the camera's;
        else in the camera's.

        Raises:
            InputError: the image cannot be read.
        """
        image = self._images.find(view)
        if image is None:
            image = self._captured(view) if self.source == "captured" else self._rendered(view)
            self._images.keep(view, image, image.nbytes)
        return image

    def file_size(self, view: int) -> tuple[int, int]:
        """(h, w) of the captured image's file, of which the camera's size is a fraction.

        Raises:
            InputError: the file cannot be read.
        """
        header = read_image_header(self._dataset.image_filenames[view])
        return header.height, header.width

    def mask(self, view: int) -> Bool[np.ndarray, "h w"] | None:
        """The pixels that the data's own mask keeps, at the camera's size; None where the data has no masks."""
        if self._dataset._dataparser_outputs.mask_filenames is None:
            return None
        kept = self._dataset.get_data(view)["mask"][..., 0].numpy()
        size = int(self._cameras.width[view]), int(self._cameras.height[view])
        return np.array(Image.fromarray(kept).resize(size, Image.Resampling.NEAREST))

    def image_key(self, view: int) -> Hashable:
        """See :class:`~nerfseg_ns.selection.scene.Scene`; another one after :meth:`forget`."""
        return self._images_number, view

    def samples(self, view: int) -> ViewSamples:
        """The samples that carry weight along the view's rays, on the model's device."""
        samples = self._samples.find(view)
        if samples is None:
            camera = self.nerfstudio_camera(view)
            rays = camera.generate_rays(camera_indices=0, keep_shape=True)
            centre = camera.camera_to_worlds[0, :, 3].to(self.model.device)
            directions = rays.directions.to(self.model.device)
            samples = unpack(self._packed_samples(view), centre, directions, self.renderer.primitives)
            parts = (samples.positions, samples.weights, samples.pixels, samples.distance, directions[..., 2])
            self._samples.keep(view, samples, sum(part.nbytes for part in parts))
        return samples

    def prepare(self, listener: Listener | None = None) -> None:
        """Render, or read from the disk, the samples of all views.

        Raises:
            SelectionCancelled: see :class:`~nerfseg_ns.selection.selector.Listener`; views done before are kept.
        """
        listener = listener or Listener()
        for view in range(len(self.names)):
            listener.step("rendering the views", view, len(self.names))
            self._packed_samples(view)
        listener.step("rendering the views", len(self.names), len(self.names))
        if self._disk is not None:
            self.bytes_on_disk = self._disk.make_room()

    def forget(self) -> None:
        """Let go of everything that was rendered: the weights have changed."""
        self._packed.clear()
        self._samples.clear()
        self._disk = None
        if self.source == "rendered":
            self._images.clear()
            self._images_number = next(_IMAGES_NUMBERS)

    def _packed_samples(self, view: int) -> PackedSamples:
        packed = self._packed.find(view)
        if packed is None:
            packed = self._find_or_render(view)
            if self._disk is not None and not self._disk.writable:
                self._packed.limit = None
            self._packed.keep(view, packed, packed.bytes)
        return packed

    def _find_or_render(self, view: int) -> PackedSamples:
        if self._keep_on_disk and self._disk is None:
            self._disk = SampleCache(sample_folder(user_cache(), geometry_hash(self.model)))
        pinhole, camera = self.camera(view), self.nerfstudio_camera(view)
        name = camera_hash(pinhole, camera.distortion_params)
        packed = self._disk.find(name, pinhole.size) if self._disk is not None else None
        if packed is None:
            packed = pack(self.renderer.view(camera, pinhole), pinhole.centre)
            if self._disk is not None:
                self._disk.keep(name, packed)
        return packed

    def _captured(self, view: int) -> UInt8[np.ndarray, "h w 3"]:
        height, width = int(self._cameras.height[view]), int(self._cameras.width[view])
        path = self._dataset.image_filenames[view]
        try:
            with Image.open(path) as image:
                factor = image.width // width
                whole = factor >= 1 and image.size == (factor * width, factor * height)
                if whole and image.mode in ("RGB", "L", "P"):  # what is transparent is for the data set to fill
                    factor = max(1, min(factor, LONGEST_SIDE // max(width, height)))
                    return _resized(image.convert("RGB"), (factor * width, factor * height))
        except (OSError, Image.DecompressionBombError) as error:
            raise InputError(f"{path}: the image cannot be read ({error})") from None
        pixels = self._dataset.get_image_uint8(view)[..., :3].numpy().astype(np.uint8)
        return _resized(Image.fromarray(pixels), (width, height))

    def _rendered(self, view: int) -> UInt8[np.ndarray, "h w 3"]:
        with evaluating(self.model):
            rgb = self.model.get_outputs_for_camera(self.nerfstudio_camera(view).to(self.model.device))["rgb"]
        return (rgb.clamp(0.0, 1.0) * 255.0).round().to(torch.uint8).cpu().numpy()


def _resized(image: Image.Image, size: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    return np.array(image if image.size == size else image.resize(size, Image.Resampling.BOX))


def _scaled(cameras: Cameras, scale: float) -> Cameras:
    if not (cameras.camera_type == CameraType.PERSPECTIVE.value).all():
        raise InputError(
            "the run has cameras that are not perspective (fisheye, equirectangular or orthographic), which selection "
            "in 3D cannot use; undistort the images and train again"
        )
    scaled = copy.deepcopy(cameras).to("cpu")
    if scale != 1.0:
        scaled.rescale_output_resolution(scale, scale_rounding_mode="round")
    if int(torch.minimum(scaled.height, scaled.width).min()) < 1:
        raise InputError(f"camera scale {scale}: it leaves no pixels of the run's views")
    return scaled
