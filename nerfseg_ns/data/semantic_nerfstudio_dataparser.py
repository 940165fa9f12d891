"""The dataparser ``semantic-nerfstudio-data``: labels beside nerfstudio's own ``transforms.json``.

Each frame may have a ``semantic_path``, its label image; the top level has ``semantic_classes``, a list of
``{"id", "name", "rgb"}`` or of names in the order of their ids, and may have ``origin_lat_lon_alt``, the place on the
Earth of poses in local east, north and up.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nerfstudio.data.dataparsers.base_dataparser import DataparserOutputs
from nerfstudio.data.dataparsers.nerfstudio_dataparser import Nerfstudio, NerfstudioDataParserConfig
from nerfstudio.plugins.registry_dataparser import DataParserSpecification

from nerfseg_ns.core.georeference import GEOREFERENCE, Georeference
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import check_label_header, read_image_header
from nerfseg_ns.core.palettes import DEFAULT_PALETTE
from nerfseg_ns.core.poses import check_pose
from nerfseg_ns.data.semantic_views import SEMANTICS, LabelOptions
from nerfseg_ns.data.transforms_file import read_transforms, transforms_table

_LABELS_EXPECTED = 'give the labelled frames a "semantic_path", relative to the folder of the file'


@dataclass
class SemanticNerfstudioDataParserConfig(NerfstudioDataParserConfig, LabelOptions):
    """A capture in nerfstudio's own form, of which all, some or none of the frames have a ``semantic_path``."""

    _target: type = field(default_factory=lambda: SemanticNerfstudio)
    """target class to instantiate"""


@dataclass
class SemanticNerfstudio(Nerfstudio):
    """Nerfstudio's own parser, and the labels of the frames that it puts into a split.

    Images, poses, splits and ``images_2``-like folders are nerfstudio's business; label images have the size of the
    original images and are reduced when they are read.
    """

    config: SemanticNerfstudioDataParserConfig

    def _generate_dataparser_outputs(self, split: str = "train") -> DataparserOutputs:
        """Nerfstudio's outputs with metadata ``semantics``, the split's :class:`SemanticViews`.

        Where the file tells the place, metadata ``georeference`` holds the :class:`Georeference`.

        Raises:
            InputError: whatever is wrong with the file, its poses, its labels or the options.
        """
        file = self._transforms_file()
        meta = read_transforms(file)
        frames: list[dict[str, Any]] = meta["frames"]
        for frame in frames:
            _check_frame(frame, file)
        georeference = _read_georeference(meta, file)
        outputs = self._nerfstudio_outputs(split, file)
        if not outputs.image_filenames:
            raise InputError(f"{file}: no {split} views; give more frames, or choose another --eval-mode")

        # Nerfstudio names images by this method too, so names, with or without images_2, agree.
        by_image = {self._get_fname(Path(frame["file_path"]), file.parent): frame for frame in frames}
        chosen = [by_image[image] for image in outputs.image_filenames]
        labels = self.config.given_labels(split, outputs.image_filenames)
        if labels is None:
            labels = [self._label(frame, file.parent) for frame in chosen]
        else:
            for label, frame in zip(labels, chosen):
                self._check_label(label, frame, file.parent)
        kept = self.config.select(
            split, [Path(frame["file_path"]).stem for frame in chosen], labels, str(file), _LABELS_EXPECTED
        )
        outputs.metadata[SEMANTICS] = self.config.semantic_views(
            self.config.class_table(lambda: transforms_table(meta, file, self.config.palette or DEFAULT_PALETTE)),
            kept,
            [file.parent / frame["semantic_path"] for frame in frames if frame.get("semantic_path")],
            str(file),
            self.downscale_factor or 1,
        )
        if georeference is not None:
            outputs.metadata[GEOREFERENCE] = georeference
            _heed_applied_scale(outputs, meta, file)
        return outputs

    def _nerfstudio_outputs(self, split: str, file: Path) -> DataparserOutputs:
        try:
            outputs: DataparserOutputs = super()._generate_dataparser_outputs(split)
        except FileNotFoundError as error:
            raise InputError(f"{file}: its image {error.filename} does not exist") from None
        except (AssertionError, RuntimeError) as error:  # how nerfstudio reports missing intrinsics and split lists
            raise InputError(f"{file}: {error}") from None
        missing = [image for image in outputs.image_filenames if not image.is_file()]
        if missing:
            hint = f"; --downscale-factor {self.downscale_factor} needs reduced copies there, as ns-process-data makes"
            raise InputError(
                f"{file}: {len(missing)} of {len(outputs.image_filenames)} {split} images do not exist, the first is "
                f"{missing[0]}{hint if (self.downscale_factor or 1) > 1 else ''}"
            )
        return outputs

    def _transforms_file(self) -> Path:
        data = self.config.data
        file = data if data.suffix == ".json" else data / "transforms.json"
        if not file.is_file():
            raise InputError(f"{file}: no such file (--data FOLDER or --data FILE.json); ns-process-data makes one")
        return file

    def _label(self, frame: dict[str, Any], folder: Path) -> Path | None:
        """The frame's label image, its header checked against the image on disk or the original image."""
        if not frame.get("semantic_path"):
            return None
        label = folder / frame["semantic_path"]
        self._check_label(label, frame, folder)
        return label

    def _check_label(self, label: Path | None, frame: dict[str, Any], folder: Path) -> None:
        if label is None:
            return
        image = self._get_fname(Path(frame["file_path"]), folder)
        sizes = []
        for path in (folder / frame["file_path"], image):
            if path.is_file():
                header = read_image_header(path)
                sizes.append((header.width, header.height))
        check_label_header(label, image, tuple(sizes))


def _check_frame(frame: dict[str, Any], file: Path) -> None:
    source = f"{file}, frame {frame['file_path']}"
    try:
        matrix = np.array(frame.get("transform_matrix"), dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f'{source}: "transform_matrix" is not a 4x4 matrix of numbers') from None
    check_pose(matrix, source)


def _read_georeference(meta: dict[str, Any], file: Path) -> Georeference | None:
    """Where the poses, before an ``applied_transform``, lie on the Earth; None when the file does not say."""
    names = [name for name in ("georeference", "origin_lat_lon_alt") if meta.get(name) is not None]
    places = {Georeference.from_record(meta[name], f'{file}, "{name}"') for name in names}
    if len(places) > 1:
        raise InputError(f'{file}: "{names[0]}" and "{names[1]}" are two different places; keep one of them')
    return places.pop() if places else None


def _heed_applied_scale(outputs: DataparserOutputs, meta: dict[str, Any], file: Path) -> None:
    """Let ``scale * (transform @ original)`` hold also for files with an ``applied_scale``.

    The file's poses are ``applied_scale * (applied_transform @ original)``. Nerfstudio multiplies its scale by the one
    that was applied and leaves its own shift, which is in units of the file's poses, as it is.
    """
    scale = float(meta.get("applied_scale", 1.0))
    if scale == 1.0:
        return
    if not scale > 0.0:
        raise InputError(f'{file}: "applied_scale" is {scale:g}; expected a positive number')
    transform = outputs.dataparser_transform.double()
    applied = torch.tensor(meta.get("applied_transform", np.eye(4)[:3].tolist()), dtype=torch.float64)
    turned = transform[:, :3] @ torch.linalg.solve(applied[:, :3], applied[:, 3])
    transform[:, 3] = turned + (transform[:, 3] - turned) / scale
    outputs.dataparser_transform = transform.to(outputs.dataparser_transform)


semantic_nerfstudio_data = DataParserSpecification(
    config=SemanticNerfstudioDataParserConfig(),
    description="Nerfstudio's transforms.json with a semantic_path on the labelled frames",
)
