"""Images and labels at the resolution of their cameras."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, UInt8
from nerfstudio.data.dataparsers.base_dataparser import DataparserOutputs
from nerfstudio.data.datasets.base_dataset import InputDataset
from PIL import Image
from torch import Tensor

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.image_reduction import averaged, picked
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import open_image, read_label_image
from nerfseg_ns.data.semantic_views import SEMANTICS, SemanticViews


class SemanticDataset(InputDataset):
    """An :class:`InputDataset` whose items also hold ``semantics``: uint8 class ids [H, W, 1], 255 without a class.

    Images are reduced by area averaging to the size of their camera, labels and masks by nearest neighbour, around the
    same points (:mod:`nerfseg_ns.core.image_reduction`). Without
    :class:`SemanticViews` in the dataparser's metadata every view counts as unlabelled.
    """

    def __init__(self, dataparser_outputs: DataparserOutputs, scale_factor: float = 1.0) -> None:
        super().__init__(dataparser_outputs, scale_factor)
        # A list of its own: the datamanager removes keys from it.
        self.exclude_batch_keys_from_device = [*InputDataset.exclude_batch_keys_from_device, SEMANTICS]
        semantics = self.metadata.get(SEMANTICS)
        # nerfstudio keeps labels of another kind under the same key
        self.semantic_views = semantics if isinstance(semantics, SemanticViews) else None

    @property
    def labelled_view_indices(self) -> tuple[int, ...]:
        """Positions of the views with a label, ascending."""
        return () if self.semantic_views is None else self.semantic_views.labelled_view_indices

    def get_numpy_image(self, image_idx: int) -> npt.NDArray[np.uint8]:
        """The image [H, W, 3 or 4] at its camera's size, reduced by area averaging.

        Raises:
            InputError: the file is missing or cut short.
        """
        path = self.image_filenames[image_idx]
        with open_image(path) as image:
            try:
                colour = image if image.mode in ("RGB", "RGBA") else image.convert("RGB")
                return averaged(colour, self._size(image_idx))
            except (OSError, SyntaxError) as error:
                raise InputError(f"{path}: the image cannot be decoded ({error})") from None

    def get_data(self, image_idx: int, image_type: Literal["uint8", "float32"] = "float32") -> dict:
        """One view: ``image_idx``, ``image``, ``semantics`` and, where the scene has masks, ``mask`` [H, W, 1]."""
        image = self.get_image_float32(image_idx) if image_type == "float32" else self.get_image_uint8(image_idx)
        data = {"image_idx": image_idx, "image": image, SEMANTICS: self.get_semantics(image_idx)}
        mask = self.get_mask(image_idx)
        if mask is not None:
            data["mask"] = mask
            if self.mask_color:
                fill = torch.tensor(self.mask_color) * (1.0 if image_type == "float32" else 255.0)
                data["image"] = torch.where(data["mask"], image, fill.to(image.dtype))
        data.update(self.get_metadata(data))
        return data

    def get_semantics(self, image_idx: int) -> UInt8[Tensor, "h w 1"]:
        """Class ids at the camera's size, 255 everywhere for an unlabelled view.

        Raises:
            InputError: the label image cannot be read, see :func:`~nerfseg_ns.core.label_image.read_label_image`.
        """
        width, height = self._size(image_idx)
        views = self.semantic_views
        path = views.label_filenames[image_idx] if views is not None else None
        if views is None or path is None:
            return torch.full((height, width, 1), IGNORE, dtype=torch.uint8)
        ids = read_label_image(path, views.label_format, views.class_table)
        return torch.from_numpy(np.array(picked(Image.fromarray(ids), (width, height))))[..., None]

    def get_mask(self, image_idx: int) -> Bool[Tensor, "h w 1"] | None:
        """Which pixels take part, at the camera's size; None: the scene has no masks."""
        if self._dataparser_outputs.mask_filenames is None:
            return None
        with open_image(self._dataparser_outputs.mask_filenames[image_idx]) as image:
            mask = picked(image.convert("L"), self._size(image_idx))
            return torch.from_numpy(np.array(mask) > 0)[..., None]

    def _size(self, image_idx: int) -> tuple[int, int]:
        """Width and height of the view's camera in pixels."""
        return int(self.cameras.width[image_idx]), int(self.cameras.height[image_idx])
