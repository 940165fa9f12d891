"""Clicks of somebody who labels a scene: the largest objects first, and every class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8, UInt16

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.mask_prompts import inner_points


@dataclass(frozen=True)
class SimulatedClick:
    """A click on an object.

    Args:
        object_id: in the instance images.
        class_id: of the object.
        view: index of the view.
        place: (x, y) in pixels, pixel centres at +0.5.
        pixels: of the object in that view.
    """

    object_id: int
    class_id: int
    view: int
    place: tuple[float, float]
    pixels: int


def simulated_clicks(
    instances: Sequence[UInt16[np.ndarray, "h w"]],
    labels: Sequence[UInt8[np.ndarray, "h w"]],
    count: int,
    minimum_pixels: int = 1,
) -> list[SimulatedClick]:
    """Clicks on objects, each in the view where its object is largest.

    The largest object of every class comes first, large classes before small ones; then the largest of the others.

    Args:
        instances: object ids of each view.
        labels: class ids of the same pixels, 255 without one; an object has the class that most of its pixels have.
        count: how many clicks, fewer where there are fewer objects.
        minimum_pixels: objects that are smaller in every view are left out.
    """
    largest: dict[int, tuple[int, int]] = {}
    for view, ids in enumerate(instances):
        for number, pixels in zip(*np.unique(ids, return_counts=True)):
            if int(pixels) >= minimum_pixels and int(pixels) > largest.get(int(number), (0, 0))[0]:
                largest[int(number)] = int(pixels), view
    clicks = []
    for number, (pixels, view) in largest.items():
        mask = instances[view] == number
        classes = labels[view][mask & (labels[view] != IGNORE)]
        if len(classes):
            x, y = inner_points(mask, 1, 0.0)[0].tolist()
            clicks.append(SimulatedClick(number, int(np.bincount(classes).argmax()), view, (x, y), pixels))
    clicks.sort(key=lambda click: (-click.pixels, click.object_id))
    first: dict[int, SimulatedClick] = {}
    for click in clicks:
        first.setdefault(click.class_id, click)
    chosen = list(first.values())
    chosen += [click for click in clicks if click not in chosen]
    return chosen[:count]
