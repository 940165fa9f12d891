"""Votes with masks that are given: a closed-form pass over the views, several objects as channels of one grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
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
    """Objects from masks of some views; those near each other share one grid and one pass over the views.

    Args:
        scene: gives samples and cameras.
        masks: number of a view -> masks of all objects in it; on any device.
        names: of the objects.

    Raises:
        InputError: an object has no dense point in any mask; the voxels would not fit in memory.
    """
    masks = {view: mask.to(scene.samples(view).distance.device) for view, mask in masks.items()}
    places = [place_of(scene, masks, i, name) for i, name in enumerate(names)]
    result: dict[int, SelectedObject] = {}
    for together in neighbours(places):
        grid = count_masks(scene, {view: mask[..., together] for view, mask in masks.items()}, around(places, together))
        for channel, i in enumerate(together):
            votes = grid.votes.of(channel)
            result[i] = SelectedObject(ObjectPrompt(names[i]), grid.sites, votes, report={"method": "masks"})
    return [result[i] for i in range(len(names))]


@dataclass(frozen=True, eq=False)
class Place:
    """Where an object's votes are counted.

    Args:
        low: corner of its box, scene frame.
        high: the opposite corner.
        cell: edge of a voxel, scene units.
    """

    low: Float[Tensor, "3"]
    high: Float[Tensor, "3"]
    cell: float


def count_masks(scene: Scene, masks: Mapping[int, Bool[Tensor, "h w objects"]], place: Place) -> Neighbourhood:
    """One pass over the views: all objects are channels of one grid.

    Raises:
        InputError: the voxels would not fit in memory.
    """
    objects = next(iter(masks.values())).shape[-1]
    grid = Neighbourhood(scene, sorted(masks), place.low, place.high, place.cell, objects)
    grid.count(masks)
    return grid


def around(places: Sequence[Place], together: Sequence[int]) -> Place:
    """The box around several, with the finest of their voxels."""
    chosen = [places[i] for i in together]
    low = torch.stack([place.low for place in chosen]).amin(dim=0)
    high = torch.stack([place.high for place in chosen]).amax(dim=0)
    return Place(low, high, min(place.cell for place in chosen))


def neighbours(places: Sequence[Place]) -> list[list[int]]:
    """Groups of places that overlap, directly or by way of others: what shares a grid."""
    groups: list[list[int]] = []
    for i, place in enumerate(places):
        touched = [group for group in groups if any(_overlap(place, places[j]) for j in group)]
        groups = [group for group in groups if group not in touched]
        groups.append(sorted([i, *(j for group in touched for j in group)]))
    return sorted(groups)


def place_of(scene: Scene, masks: Mapping[int, Bool[Tensor, "h w objects"]], channel: int, name: str) -> Place:
    """The neighbourhood of the object that one channel of the masks shows.

    Raises:
        InputError: it has no dense point in any mask.
    """
    points, pixel = _points(scene, masks, channel)
    if len(points) == 0:
        raise InputError(f"object {name!r}: nothing is dense in its masks")
    low, high = torch.quantile(points, points.new_tensor([0.02, 0.98]), dim=0)
    extent = float((high - low).max())
    return Place(low - 0.3 * extent, high + 0.3 * extent, max(pixel, extent / CELLS))


def _overlap(a: Place, b: Place) -> bool:
    return bool(((a.low < b.high) & (b.low < a.high)).all())


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
