"""Measures one row of kind ``selection``."""

import statistics
import time
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, UInt8, UInt16
from torch import Tensor

from nerfseg_ns.benchmark.label_budget import nearest
from nerfseg_ns.benchmark.row_kinds import RowPlace
from nerfseg_ns.benchmark.selection import ObjectSelection
from nerfseg_ns.benchmark.selection_objects import BenchmarkObject, choose_objects, instance_image
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.evaluation.trained_run import load_run
from nerfseg_ns.segmenters.prompt import Prompt2D
from nerfseg_ns.segmenters.registry import make_segmenter
from nerfseg_ns.segmenters.segmenter import Candidates, Segmenter
from nerfseg_ns.selection.console_listener import console_listener
from nerfseg_ns.selection.first_view import first_mask
from nerfseg_ns.selection.mask_votes import around, count_masks, place_of, vote_with_masks
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.run_scene import RunScene
from nerfseg_ns.selection.selector import Listener, make_selector
from nerfseg_ns.selection.view_choice import seen_points

TOGETHER = 5
"""Objects in the pass that is compared with a pass for one."""

MaskOf = Callable[[RunScene, int], Bool[Tensor, "h w"]]
"""The mask of an object in a view of the test scene."""


class TimedSegmenter:
    """A segmenter that counts its own time."""

    def __init__(self, segmenter: Segmenter) -> None:
        self.segmenter, self.name, self.seconds = segmenter, segmenter.name, 0.0

    def set_image(self, image: UInt8[np.ndarray, "h w 3"], key: Hashable = None, on_disk: bool = True) -> None:
        """See :class:`~nerfseg_ns.segmenters.segmenter.Segmenter`."""
        start = time.perf_counter()
        self.segmenter.set_image(image, key=key, on_disk=on_disk)
        self.seconds += time.perf_counter() - start

    def predict(self, prompt: Prompt2D, size: tuple[int, int] | None = None) -> Candidates:
        """See there."""
        start = time.perf_counter()
        found = self.segmenter.predict(prompt, size)
        self.seconds += time.perf_counter() - start
        return found


def measure_selection(settings: ObjectSelection, place: RowPlace) -> dict[str, Any]:
    """Select every object and score it.

    Returns:
        ``mean_iou``, ``seconds_per_object`` and ``seconds_without_segmenter`` (medians), ``objects`` (``id``,
        ``model``, ``group``, ``iou``, ``seconds``, ``segmenter_seconds``, ``test_views``, ``error`` or null),
        ``image_size``, for true masks ``passes`` (``objects``, ``seconds_together``, ``seconds_alone``).

    Raises:
        InputError: the row of ``run_of`` has no finished run, the data no instance masks, the segmenter no weights.
    """
    config = place.finished_run(settings.run_of)
    assert place.data is not None
    train_run, test_run = load_run(config, "train"), load_run(config, "test")
    scene = RunScene.from_run(train_run)
    truth = [instance_image(Path(path)) for path in train_run.dataset.image_filenames]
    test_truth = [instance_image(Path(path)) for path in test_run.dataset.image_filenames]
    test = RunScene.from_run(test_run, camera_scale=test_truth[0].shape[1] / test_run.dataset.cameras.width[0].item())
    with console_listener() as listener:
        scene.prepare(listener)
        test.prepare(listener)
    small = [nearest(ids, scene.camera(view).size) for view, ids in enumerate(truth)]
    objects = choose_objects(place.data, small, test_truth, settings.per_group, settings.minimum_pixels)
    segmenter = TimedSegmenter(make_segmenter(settings.segmenter))
    if settings.prompt != "masks":
        for view in range(len(scene.names)):
            segmenter.set_image(scene.image(view), key=scene.image_key(view))
    results: list[dict[str, Any]] = []
    for wanted in objects:
        start, before = time.perf_counter(), segmenter.seconds
        error = None
        try:
            mask_of = _selected(settings, scene, segmenter, wanted, small)
        except InputError as problem:
            error, mask_of = str(problem), None
        seconds = time.perf_counter() - start
        ious = [_iou(mask_of, test, view, test_truth[view] == wanted.id) for view in wanted.test_views]
        results.append(
            {
                "id": wanted.id,
                "model": wanted.model,
                "group": wanted.group,
                "iou": statistics.fmean(ious),
                "seconds": seconds,
                "segmenter_seconds": segmenter.seconds - before,
                "test_views": len(ious),
                "error": error,
            }
        )
        print(f"{wanted.model} ({wanted.id}): IoU {results[-1]['iou']:.3f}, {seconds:.2f} s", flush=True)
    return {
        "mean_iou": statistics.fmean(result["iou"] for result in results),
        "seconds_per_object": statistics.median(result["seconds"] for result in results),
        "seconds_without_segmenter": statistics.median(r["seconds"] - r["segmenter_seconds"] for r in results),
        "objects": results,
        "image_size": list(test.camera(0).size),
        "passes": _passes(scene, objects, small) if settings.prompt == "masks" else None,
    }


def _selected(
    settings: ObjectSelection,
    scene: RunScene,
    segmenter: Segmenter,
    wanted: BenchmarkObject,
    truth: Sequence[UInt16[np.ndarray, "h w"]],
) -> MaskOf:
    name = f"{wanted.model}-{wanted.id}"
    if settings.prompt == "masks":
        masks = {view: torch.from_numpy(ids == wanted.id)[..., None] for view, ids in enumerate(truth)}
        voted = vote_with_masks(scene, masks, [name])[0]
        return lambda test, view: voted.mask(test.samples(view))
    box = wanted.box if settings.prompt == "box" else None
    points = () if box is not None else ((*wanted.click, 1),)
    prompt = ObjectPrompt(name, (ViewPrompt(scene.names[wanted.view], points, box),))
    if settings.prompt == "projected":
        first = first_mask(scene, segmenter, prompt)
        return _projected(scene, wanted.view, torch.from_numpy(first.masks[first.chosen]))
    selected = next(make_selector(settings.method).select(scene, segmenter, [prompt], Listener()))
    return lambda test, view: selected.mask(test.samples(view))


def _projected(scene: RunScene, first: int, mask: Bool[Tensor, "h w"]) -> MaskOf:
    """The baseline: a pixel shows the object when the prompted view sees its surface point inside the mask."""
    camera, distance = scene.camera(first), scene.samples(first).distance
    mask = mask.to(distance.device)
    masked = distance[mask & distance.isfinite()]
    if len(masked) == 0:
        raise InputError("nothing is dense where the prompt points")
    tolerance = 4 * float(masked.median()) / camera.fx

    def mask_of(test: RunScene, view: int) -> Bool[Tensor, "h w"]:
        points = test.camera(view).points(test.samples(view).distance)
        finite = points.isfinite().all(dim=-1)
        seen, pixels = seen_points(camera, distance, points[finite], tolerance)
        inside = torch.zeros_like(seen)
        x, y = pixels[seen].long().unbind(-1)
        inside[seen] = mask[y, x]
        result = torch.zeros_like(finite)
        result[finite] = inside
        return result

    return mask_of


def _iou(mask_of: MaskOf | None, test: RunScene, view: int, truth: Bool[np.ndarray, "h w"]) -> float:
    if mask_of is None:
        return 0.0
    mask = mask_of(test, view).cpu().numpy()
    return float((mask & truth).sum() / (mask | truth).sum())


def _passes(
    scene: RunScene, objects: Sequence[BenchmarkObject], truth: Sequence[UInt16[np.ndarray, "h w"]], repeats: int = 5
) -> dict[str, float]:
    """Seconds of a pass over all views with the masks of several neighbouring objects, and with one of them.

    Both count on the same grid, which holds all of them: objects are channels of one pass.
    """
    masks = {
        view: torch.stack([torch.from_numpy(ids == one.id) for one in objects], dim=-1)
        for view, ids in enumerate(truth)
    }
    places = [place_of(scene, masks, i, one.model) for i, one in enumerate(objects)]
    middles = torch.stack([(place.low + place.high) / 2 for place in places])
    several = (middles - middles[0]).norm(dim=-1).argsort()[:TOGETHER].tolist()
    place = around(places, several)

    def seconds(chosen: list[int]) -> float:
        these = {view: mask[..., chosen] for view, mask in masks.items()}
        start = time.perf_counter()
        count_masks(scene, these, place)
        return time.perf_counter() - start

    alone = [seconds([one]) for _ in range(repeats) for one in several]
    together = [seconds(several) for _ in range(repeats)]
    return {
        "objects": len(several),
        "seconds_together": statistics.median(together),
        "seconds_alone": statistics.median(alone),
    }
