"""The dataparser ``google-earth-data``: camera exports of Google Earth Studio with their footage."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from nerfstudio.data.dataparsers.base_dataparser import DataParser, DataParserConfig, DataparserOutputs
from nerfstudio.plugins.registry_dataparser import DataParserSpecification
from nerfstudio.utils.rich_utils import CONSOLE
from torch import Tensor

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.georeference import GEOREFERENCE, Georeference
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.poses import swap_camera_axes
from nerfseg_ns.data.attribution_mask import Corner, attribution_mask
from nerfseg_ns.data.google_earth_export import GoogleEarthExport
from nerfseg_ns.data.reduced_cameras import Pinhole, check_downscale_factor, reduced_cameras
from nerfseg_ns.data.scene_folder import IMAGE_SUFFIXES, files_by_stem, listed
from nerfseg_ns.data.semantic_views import SEMANTICS, LabelOptions
from nerfseg_ns.data.world_options import WorldOptions


@dataclass
class GoogleEarthDataParserConfig(DataParserConfig, LabelOptions, WorldOptions):
    """A camera export of Google Earth Studio with its footage; all, some or none of the frames are labelled."""

    _target: type = field(default_factory=lambda: GoogleEarthDataParser)
    """target class to instantiate"""
    data: Path = Path()
    """The export's JSON file, or the folder that holds it. Beside it: footage/ with the images and, for labels, labels/
    with PNGs of the images' names and classes.json."""
    footage: Path | None = None
    """Folder of the images, when it is not footage/ beside the JSON file."""
    frame_range: tuple[int, int] | None = None
    """First and last frame to use, counted from 0 as in the JSON file. Unset: the whole flight."""
    every_nth: int = 1
    """Use every n-th frame: those of a film differ little. Repeated frames are left out before."""
    eval_interval: int = 8
    """Every k-th of the frames used is a test view, never trained on."""
    downscale_factor: int = 1
    """How many times to reduce the images (area averaging) and labels (nearest neighbour)."""
    ground_altitude: float | None = None
    """Altitude of the ground in the middle of the scene, metres, as the export counts it. It becomes z = 0, and the
    centre of flights that look straight down. Unset: z is the altitude."""
    attribution_corner: Corner = "none"
    """Corner of the images that names their source; its pixels are neither trained on nor counted as classes."""
    attribution_size: tuple[float, float] = (0.3, 0.06)
    """Width and height of that corner as shares of the image's."""
    ignore_position: bool = False
    """Do not compare each frame's position with its coordinate."""


@dataclass
class GoogleEarthDataParser(DataParser):
    """Parses camera exports of Google Earth Studio.

    The input frame is local east, north and up in metres at the place below the middle of the cameras; metadata
    ``georeference`` says where that is. It is oriented, centred and scaled by the training cameras for all splits.
    """

    config: GoogleEarthDataParserConfig

    def _generate_dataparser_outputs(self, split: str = "train", **kwargs: dict | None) -> DataparserOutputs:
        """The outputs of one split; metadata ``semantics`` holds its :class:`SemanticViews`.

        Raises:
            InputError: whatever is wrong with the export, its images, its labels or the options; pyproj is missing.
        """
        config = self.config
        check_downscale_factor(config.downscale_factor)
        whole = GoogleEarthExport.read(config.data, config.footage)
        flight = self._in_range(whole)
        georeference = self._georeference(flight)
        if not config.ignore_position:
            flight.check_positions()
        used = self._used_frames(flight)
        used.check_images()

        training = self._split_rows(used, "train")
        poses = swap_camera_axes(torch.from_numpy(used.poses(georeference)))
        ground = None if config.ground_altitude is None else torch.zeros(3)
        transform, scale = config.world_transform(poses[training], ground)
        rows = training if split == "train" else self._split_rows(used, split)
        views = used.frames(rows)
        in_world = transform @ poses[rows]
        in_world[:, :, 3] *= scale

        labels_by_stem = self._labels(whole)
        labels = config.given_labels(split, views.images)
        if labels is None:
            labels = [labels_by_stem.get(image.stem) for image in views.images]
        pinholes = [Pinhole(focal, focal, views.width / 2, views.height / 2) for focal in views.focal_lengths()]
        cameras = reduced_cameras(views.images, labels, pinholes, in_world, config.downscale_factor)
        folder = whole.file.parent
        hint = f"put label images named as the images into {folder / 'labels'}, for views that train (not each is used)"
        kept = config.select(split, [image.stem for image in views.images], labels, str(whole.file), hint)
        semantics = config.semantic_views(
            config.class_table(lambda: _scene_table(folder)),
            kept,
            list(labels_by_stem.values()),
            str(folder),
            config.downscale_factor,
        )
        if split == "train":
            self._log(whole, used, poses, scale, labels_by_stem)
        return DataparserOutputs(
            image_filenames=list(views.images),
            cameras=cameras,
            scene_box=config.scene_box(),
            mask_filenames=self._masks(views),
            metadata={SEMANTICS: semantics, GEOREFERENCE: georeference},
            dataparser_transform=transform.float(),
            dataparser_scale=scale,
        )

    def _in_range(self, export: GoogleEarthExport) -> GoogleEarthExport:
        if self.config.frame_range is None:
            return export
        first, last = self.config.frame_range
        if not 0 <= first <= last < len(export):
            raise InputError(
                f"--frame-range {first} {last}: {export.file} has the frames 0 to {len(export) - 1}; give the first "
                "and the last to use"
            )
        return export.frames(range(first, last + 1))

    def _georeference(self, flight: GoogleEarthExport) -> Georeference:
        ground = self.config.ground_altitude
        if ground is None:
            return flight.georeference()
        lowest = int(flight.places[:, 2].argmin())
        if not ground < flight.places[lowest, 2]:
            raise InputError(
                f"--ground-altitude {ground:g}: the camera of frame {flight.numbers[lowest]} of {flight.file} is at "
                f"{flight.places[lowest, 2]:.1f} m; the ground is expected below all cameras"
            )
        return flight.georeference(ground)

    def _used_frames(self, flight: GoogleEarthExport) -> GoogleEarthExport:
        if self.config.every_nth < 1:
            raise InputError(f"--every-nth {self.config.every_nth}: expected a whole number from 1 on")
        return flight.frames(flight.distinct()[:: self.config.every_nth])

    def _split_rows(self, used: GoogleEarthExport, split: str) -> list[int]:
        if split not in ("train", "val", "test"):
            raise InputError(f"split {split!r} does not exist; choose train, val or test")
        interval = self.config.eval_interval
        if interval < 2:
            raise InputError(f"--eval-interval {interval}: expected a whole number from 2 on")
        # test views from the middle of each stretch, so that they lie between training views
        rows = [row for row in range(len(used)) if (row % interval == interval // 2) == (split != "train")]
        if not rows:
            raise InputError(
                f"{used.file}: no {split} views; {len(used)} different frames are used, and every {interval}th is a "
                "test view. Use more frames (--every-nth), or another --eval-interval"
            )
        return rows

    def _labels(self, export: GoogleEarthExport) -> dict[str, Path]:
        """The label images by name, of all frames."""
        folder = export.file.parent / "labels"
        labels = files_by_stem(folder, IMAGE_SUFFIXES)
        orphans = sorted(set(labels) - {image.stem for image in export.images})
        if orphans:
            raise InputError(
                f"{folder}: {len(orphans)} of {len(labels)} label images have no image in {export.images[0].parent}: "
                f"{listed([labels[stem].name for stem in orphans])}; every label needs an image of its name"
            )
        return labels

    def _masks(self, views: GoogleEarthExport) -> list[Path] | None:
        corner = self.config.attribution_corner
        if corner == "none":
            return None
        return [attribution_mask(views.width, views.height, corner, self.config.attribution_size)] * len(views)

    def _log(
        self,
        whole: GoogleEarthExport,
        used: GoogleEarthExport,
        poses: Float[Tensor, "views 4 4"],
        scale: float,
        labels: dict[str, Path],
    ) -> None:
        heights = poses[:, 2, 3]
        above = "the ellipsoid" if self.config.ground_altitude is None else "the ground"
        CONSOLE.log(
            f"{len(used)} of {len(whole)} frames; cameras {float(heights.min()):.0f} to {float(heights.max()):.0f} m "
            f"above {above}; one unit of the scene is {1 / scale:.1f} m"
        )
        if float(np.median(poses[:, 2, 2].numpy())) < 0:
            CONSOLE.log(f"Most cameras look above the horizon: are the rotations in {whole.file} on geocentric axes?")
        if labels:
            trained = {used.images[row].stem for row in self._split_rows(used, "train")} & set(labels)
            unused = sorted(set(labels) - {image.stem for image in used.images})
            note = f", {len(unused)} of frames that are not used: {listed(unused)}" if unused else ""
            tested = len(labels) - len(trained) - len(unused)
            CONSOLE.log(f"{len(labels)} labels: {len(trained)} of training views, {tested} of test views{note}")


def _scene_table(folder: Path) -> ClassTable | None:
    path = folder / "classes.json"
    return ClassTable.from_json(path) if path.is_file() else None


google_earth_data = DataParserSpecification(
    config=GoogleEarthDataParserConfig(),
    description="Camera exports of Google Earth Studio with footage, and labels for all, some or none of the frames",
)
