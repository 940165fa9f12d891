"""The masks of an object in the views of a scene."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from PIL import Image

from nerfseg_ns.core.whole_file import replacing
from nerfseg_ns.selection.scene import Scene
from nerfseg_ns.selection.selected_object import SelectedObject
from nerfseg_ns.selection.selector import Listener


def view_masks(
    scene: Scene, selected: SelectedObject, listener: Listener | None = None
) -> Iterator[tuple[int, Bool[np.ndarray, "h w"]]]:
    """The number and the mask of every view, one after the other.

    Raises:
        SelectionCancelled: see :class:`~nerfseg_ns.selection.selector.Listener`.
    """
    listener = listener or Listener()
    for view in range(len(scene.names)):
        listener.step("masks", view, len(scene.names))
        yield view, selected.mask(scene.samples(view)).cpu().numpy()
    listener.step("masks", len(scene.names), len(scene.names))


def mask_path(folder: Path, name: str) -> Path:
    """The PNG of a view's mask; a view named ``a/b`` has a folder of its own."""
    return folder / f"{name}.png"


def write_masks(
    scene: Scene, selected: SelectedObject, folder: Path, listener: Listener | None = None
) -> list[Bool[np.ndarray, "h w"]]:
    """Write the mask of every view as ``VIEW.png``: one byte a pixel, 255 on the object and 0 beside it.

    Args:
        scene: the views.
        selected: the object.
        folder: for the masks of this object; files of the same name are replaced.
        listener: asked and told once a view.

    Returns:
        The masks in the order of the views.

    Raises:
        InputError: the folder cannot be written.
        SelectionCancelled: see :class:`~nerfseg_ns.selection.selector.Listener`.
    """
    masks = []
    for view, mask in view_masks(scene, selected, listener):
        with replacing(mask_path(folder, scene.names[view])) as temporary:
            Image.fromarray(mask.astype(np.uint8) * 255).save(temporary)
        masks.append(mask)
    return masks
