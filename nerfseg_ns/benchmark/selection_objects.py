"""The objects of a scene with instance masks that a selection benchmark asks for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt16
from PIL import Image

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.mask_prompts import bounding_box, inner_points

GROUPS: Mapping[str, tuple[int, ...]] = {
    "buildings": (1,),
    "vehicles": (10,),
    "plants and props": (9, 20, 3, 19, 5, 18),
}
"""Group -> CARLA tags of its objects."""
PLANTS = "tree"
"""Models of tag 1 with this in their name are plants: pieces of lawn with trees on them."""
NO_OBJECT = 0


@dataclass(frozen=True, eq=False)
class BenchmarkObject:
    """An object and its prompts.

    Args:
        id: its number in the instance images.
        model: its name in classes.json.
        group: key of :data:`GROUPS`.
        view: index of the training view where it is largest.
        click: (x, y), the pixel centre farthest from the mask's edge.
        box: x0, y0, x1, y1 of the mask.
        test_views: indices of the test views that count.
    """

    id: int
    model: str
    group: str
    view: int
    click: tuple[float, float]
    box: tuple[float, float, float, float]
    test_views: tuple[int, ...]


def instance_image(image_path: Path) -> UInt16[np.ndarray, "h w"]:
    """The object ids beside a view's image: ``.../train/rgb/NAME.png`` has ``.../train/instances/NAME.png``.

    Raises:
        InputError: there is none.
    """
    path = image_path.parent.parent / "instances" / f"{image_path.stem}.png"
    if not path.is_file():
        raise InputError(f"{path}: no such file; a selection benchmark needs instance masks of every view")
    with Image.open(path) as image:
        return np.array(image).astype(np.uint16)


def choose_objects(
    data: Path,
    train: Sequence[UInt16[np.ndarray, "h w"]],
    test: Sequence[UInt16[np.ndarray, "h w"]],
    per_group: int,
    minimum_pixels: int,
) -> list[BenchmarkObject]:
    """The largest objects of each group that show in at least one test view.

    Args:
        data: the scene folder, with classes.json.
        train: instance images of the training views, at the size that prompts are given in.
        test: those of the test views, at the data's size.
        per_group: objects of each group, fewer where the scene has fewer.
        minimum_pixels: see :class:`nerfseg_ns.benchmark.selection.ObjectSelection`.

    Raises:
        InputError: classes.json lists no objects, or none of them can be used.
    """
    path = data / "classes.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        tags = {entry["name"]: entry.get("carla_tag") for entry in document["classes"]} if "classes" in document else {}
        entries = {int(entry["id"]): _model_and_tag(entry, tags) for entry in document["objects"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: cannot read its list of objects (id, model, tag; or id, kind, class): {error!r}"
        ) from None
    area = np.stack([np.bincount(view.ravel(), minlength=1 << 16) for view in train])
    shown = np.stack([np.bincount(view.ravel(), minlength=1 << 16) for view in test]) >= minimum_pixels
    chosen: list[BenchmarkObject] = []
    for group in GROUPS:
        members = [
            number
            for number, (model, tag) in entries.items()
            if number != NO_OBJECT and _group(model, tag) == group and shown[:, number].any() and area[:, number].any()
        ]
        members.sort(key=lambda number: (-int(area[:, number].max()), number))
        for number in members[:per_group]:
            view = int(area[:, number].argmax())
            mask: Bool[np.ndarray, "h w"] = train[view] == number
            x, y = inner_points(mask, 1, 0.0)[0].tolist()
            x0, y0, x1, y1 = bounding_box(mask)
            views = tuple(np.flatnonzero(shown[:, number]).tolist())
            box = (float(x0), float(y0), float(x1), float(y1))
            chosen.append(BenchmarkObject(number, entries[number][0], group, view, (x, y), box, views))
    if not chosen:
        raise InputError(f"{data}: none of its objects shows {minimum_pixels} pixels in a test view")
    return chosen


def _model_and_tag(entry: Mapping[str, Any], tags: Mapping[str, int | None]) -> tuple[str, int]:
    """Of a listed object, in the form of city-a, or in that of ``nerfseg scene``, which names its class instead."""
    if "model" in entry:
        return str(entry["model"]), int(entry["tag"])
    tag = tags[entry["class"]]
    return str(entry["kind"]), -1 if tag is None else tag


def _group(model: str, tag: int) -> str | None:
    if PLANTS in model:
        return "plants and props"
    return next((group for group, tags in GROUPS.items() if tag in tags), None)
