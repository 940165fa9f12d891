"""What there is to click in a scene whose objects and classes are known, and what a click on it may rightly mean."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from jaxtyping import Bool, UInt8, UInt16
from scipy import ndimage

from nerfseg_ns.benchmark.selection_objects import NO_OBJECT
from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.mask_prompts import bounding_box, inner_points

_TOUCHING = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class SimulatedClick:
    """A click on what shows of an object.

    Args:
        object_id: in the instance images.
        class_id: of the pixels that are clicked on; a piece of road has lines of another class on it.
        view: index of the view.
        place: (x, y) in pixels, pixel centres at +0.5: the one farthest from the edge.
        width: distance from there to the edge, pixels.
        pixels: of the connected region that is clicked on.
        box: x0, y0, x1, y1 around it.
    """

    object_id: int
    class_id: int
    view: int
    place: tuple[float, float]
    width: float
    pixels: int
    box: tuple[float, float, float, float]


def simulated_clicks(
    instances: Sequence[UInt16[np.ndarray, "h w"]],
    labels: Sequence[UInt8[np.ndarray, "h w"]],
    minimum_pixels: int = 1,
) -> list[SimulatedClick]:
    """All places to click, the widest first: each class of each object where it is widest.

    A click is surest in the middle of something wide; the street that crosses a whole view is thin, and what somebody
    means by a click on it less clear. What belongs to no object, such as the sky, is not one thing: every connected
    region of a class in every view is a place of its own.

    Args:
        instances: object ids of each view.
        labels: class ids of the same pixels, 255 without one: these are not clicked.
        minimum_pixels: regions that are smaller are left out.
    """
    widest: dict[tuple[int, ...], tuple[float, int, int, Bool[np.ndarray, "h w"]]] = {}
    for view, (ids, classes) in enumerate(zip(instances, labels)):
        for number, (object_id, class_id, region) in enumerate(_regions(ids, classes)):
            pixels = int(region.sum())
            key = (object_id, class_id) if object_id != NO_OBJECT else (object_id, class_id, view, number)
            if pixels >= minimum_pixels and (width := _width(region), pixels) > widest.get(key, (0.0, 0))[:2]:
                widest[key] = width, pixels, view, region
    clicks = []
    for (object_id, class_id, *_), (width, pixels, view, region) in widest.items():
        x, y = inner_points(region, 1, 0.0)[0].tolist()
        x0, y0, x1, y1 = bounding_box(region)
        box = (float(x0), float(y0), float(x1), float(y1))
        clicks.append(SimulatedClick(object_id, class_id, view, (x, y), width, pixels, box))
    order = attrgetter("object_id", "class_id", "view")
    return sorted(clicks, key=lambda click: (-click.width, -click.pixels, *order(click)))


def rightly_meant(
    click: SimulatedClick, instances: UInt16[np.ndarray, "h w"], labels: UInt8[np.ndarray, "h w"]
) -> list[Bool[np.ndarray, "h w"]]:
    """The masks that give only right labels to what a click is on: region, object, region of the class.

    The region that was clicked on; all that shows of its object, in pieces perhaps; and the connected region of the
    class, whatever its objects: tiles of one road, which nobody tells apart, or trees that touch.

    Args:
        click: its place.
        instances: object ids of its view.
        labels: class ids of its view.
    """
    alike = labels == click.class_id
    whole = alike & (instances == click.object_id)
    meant = [_at(whole, click.place), whole, _at(alike, click.place)]
    return meant if click.object_id != NO_OBJECT else meant[::2]


def _regions(
    instances: UInt16[np.ndarray, "h w"], labels: UInt8[np.ndarray, "h w"]
) -> Iterator[tuple[int, int, Bool[np.ndarray, "h w"]]]:
    """Object, class and pixels of every connected region of one object and one class."""
    pairs, which = np.unique(np.stack([instances.ravel(), labels.ravel()]), axis=1, return_inverse=True)
    which = which.reshape(instances.shape)
    for number, (object_id, class_id) in enumerate(pairs.T.tolist()):
        if class_id != IGNORE:
            parts, count = ndimage.label(which == number, structure=_TOUCHING)
            for part in range(1, count + 1):
                yield object_id, class_id, parts == part


def _width(region: Bool[np.ndarray, "h w"]) -> float:
    """Greatest distance of its pixels from its edge, of which that of the image is one."""
    x0, y0, x1, y1 = bounding_box(region)
    return float(ndimage.distance_transform_edt(np.pad(region[y0:y1, x0:x1], 1)).max())


def _at(mask: Bool[np.ndarray, "h w"], place: tuple[float, float]) -> Bool[np.ndarray, "h w"]:
    """The connected part of a mask that a place on it, (x, y), is in."""
    parts, _ = ndimage.label(mask, structure=_TOUCHING)
    return parts == parts[int(place[1]), int(place[0])]
