"""Votes with masks that are given: a closed-form pass over the views, several objects at once."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.selection.neighbourhood import Neighbourhood
from nerfseg_ns.selection.prompts import ObjectPrompt
from nerfseg_ns.selection.scene import Scene
from nerfseg_ns.selection.selected_object import SelectedObject

CELLS = 128
"""Voxels along the longest edge of an object, at most; never finer than a pixel."""


def vote_with_masks(
    scene: Scene, masks: Mapping[int, Bool[Tensor, "h w objects"]], names: Sequence[str]
) -> list[SelectedObject]:
    """Objects from masks of some views.

    Args:
        scene: gives samples and cameras.
        masks: number of a view -> masks of all objects in it; on any device.
        names: of the objects.

    Raises:
        InputError: an object has no dense point in any mask; the voxels would not fit in memory.
    """
    masks = {view: mask.to(scene.samples(view).distance.device) for view, mask in masks.items()}
    boxes, cells = [], []
    for i, name in enumerate(names):
        points, pixel = _points(scene, masks, i)
        if len(points) == 0:
            raise InputError(f"object {name!r}: nothing is dense in its masks")
        low, high = torch.quantile(points, points.new_tensor([0.02, 0.98]), dim=0)
        extent = float((high - low).max())
        boxes.append((low - 0.3 * extent, high + 0.3 * extent))
        cells.append(max(pixel, extent / CELLS))
    chosen = [Neighbourhood(scene, sorted(masks), low, high, cell) for (low, high), cell in zip(boxes, cells)]
    for view in sorted(masks):
        for i, neighbourhood in enumerate(chosen):
            neighbourhood.vote(
                view, masks[view][..., i : i + 1], torch.ones(1, device=neighbourhood.votes.inside.device)
            )
    return [
        SelectedObject(ObjectPrompt(name), one.blocks, one.votes, report={"method": "masks"})
        for name, one in zip(names, chosen)
    ]


def _points(scene: Scene, masks: Mapping[int, Bool[Tensor, "h w objects"]], i: int) -> tuple[Tensor, float]:
    """Surface points in an object's masks, at most 1,024 of a view, and the size of a pixel there."""
    points, pixels = [], []
    for view, mask in masks.items():
        if not bool(mask[..., i].any()):
            continue
        camera = scene.camera(view)
        found = camera.points(scene.samples(view).distance)[mask[..., i]]
        found = found[found.isfinite().all(dim=-1)]
        if len(found):
            points.append(found[:: max(1, len(found) // 1024)])
            pixels.append(float((points[-1] - camera.centre).norm(dim=-1).median()) / camera.fx)
    if not points:
        return torch.zeros(0, 3), 0.0
    return torch.cat(points), min(pixels)
