"""The prompt in the view it was given in, and the masks that it may mean."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.mask_prompts import bounding_box
from nerfseg_ns.segmenters.prompt import Prompt2D
from nerfseg_ns.segmenters.segmenter import Segmenter
from nerfseg_ns.selection.closer_look import look_closer
from nerfseg_ns.selection.prompts import GRANULARITIES, ObjectPrompt
from nerfseg_ns.selection.prompts_file import check_views
from nerfseg_ns.selection.scene import Scene
from nerfseg_ns.selection.selector import FirstMask

LARGEST_SHARE = 0.4
"""Masks that cover more of an image are surroundings, not objects."""


@dataclass(frozen=True, eq=False)
class PromptedMasks:
    """What the segmenter makes of a prompt.

    Args:
        masks: candidates at the size of the view's camera, in the segmenter's order.
        scores: its own estimate of each.
        fits: how well each keeps to the prompt, 0..1: clicks on the right side, box filled.
    """

    masks: Bool[np.ndarray, "candidates h w"]
    scores: Float32[np.ndarray, " candidates"]
    fits: Float32[np.ndarray, " candidates"]

    def on(self, device: torch.device) -> Bool[Tensor, "candidates h w"]:
        """The masks where the scene's samples are."""
        return torch.from_numpy(self.masks).to(device)


def predict(
    scene: Scene,
    segmenter: Segmenter,
    view: int,
    points: np.ndarray,
    labels: np.ndarray,
    box: np.ndarray | None = None,
    closer: bool = False,
) -> PromptedMasks:
    """Ask the segmenter about a view.

    Args:
        points: (x, y) in pixels of the view's camera.
        labels: 1 on the object, 0 beside it.
        box: x0, y0, x1, y1.
        closer: take a :mod:`closer look <nerfseg_ns.selection.closer_look>` at masks of small and thin things.
    """
    key = scene.image_key(view)  # first: when the scene forgets in between, it is the old name that goes wrong
    image, size = scene.image(view), scene.camera(view).size
    segmenter.set_image(image, key=key)
    scale = image.shape[1] / size[1]
    points = np.asarray(points, dtype=np.float32).reshape(-1, 2)
    labels = np.asarray(labels, dtype=np.int64).reshape(-1)
    scaled_box = None if box is None else np.asarray(box, dtype=np.float32) * np.float32(scale)
    candidates = segmenter.predict(Prompt2D(points * np.float32(scale), labels, scaled_box), size=size)
    masks, scores = candidates.logits > 0, candidates.scores
    if closer:
        prompt = Prompt2D(points, labels, None if box is None else np.asarray(box, dtype=np.float32))
        masks, scores = look_closer(scene, segmenter, view, masks, scores, prompt)
    return PromptedMasks(masks, scores, _fits(masks, points, labels, box))


def prompted_masks(
    scene: Scene, segmenter: Segmenter, prompt: ObjectPrompt, closer: bool = False
) -> tuple[int, PromptedMasks]:
    """The first prompted view and the masks its prompt may mean.

    Raises:
        InputError: see :func:`~nerfseg_ns.selection.prompts_file.check_views`; or the segmenter finds nothing there.
    """
    check_views(prompt, scene, f"object {prompt.name!r}")
    first = prompt.views[0]
    view = list(scene.names).index(first.view)
    points = np.array([p[:2] for p in first.points], dtype=np.float32).reshape(-1, 2)
    labels = np.array([p[2] for p in first.points], dtype=np.int64)
    box = None if first.box is None else np.array(first.box, dtype=np.float32)
    found = predict(scene, segmenter, view, points, labels, box, closer)
    if not found.masks.any():
        raise InputError(f"object {prompt.name!r}: the segmenter finds nothing at the prompt in view {first.view}")
    return view, found


def chosen_in_2d(found: PromptedMasks, granularity: str) -> int:
    """The candidate that the granularity asks for; ``auto``: by the segmenter's score, among those that fit best.

    SAM orders its candidates: unambiguous, part, object, whole.
    """
    count = len(found.masks)
    if granularity != "auto" and count == 4:
        wanted = GRANULARITIES.index(granularity)
        if found.masks[wanted].any():
            return wanted
    usable = [i for i in range(count) if found.masks[i].any()]
    return max(usable, key=lambda i: (round(float(found.fits[i]), 1), float(found.scores[i])))


def first_mask(scene: Scene, segmenter: Segmenter, prompt: ObjectPrompt) -> FirstMask:
    """See :meth:`nerfseg_ns.selection.selector.Selector.first_mask`."""
    view, found = prompted_masks(scene, segmenter, prompt)
    chosen = chosen_in_2d(found, prompt.granularity)
    order = np.argsort(found.masks.sum(axis=(1, 2)), kind="stable")
    return FirstMask(view, found.masks[order], found.scores[order], int(np.flatnonzero(order == chosen)[0]))


def _fits(
    masks: Bool[np.ndarray, "candidates h w"], points: np.ndarray, labels: np.ndarray, box: np.ndarray | None
) -> Float32[np.ndarray, " candidates"]:
    height, width = masks.shape[1:]
    result = np.ones(len(masks), dtype=np.float32)
    if len(points):
        x = points[:, 0].astype(int).clip(0, width - 1)
        y = points[:, 1].astype(int).clip(0, height - 1)
        result *= (masks[:, y, x] == (labels == 1)).mean(axis=1)
    if box is not None:
        for i, mask in enumerate(masks):
            result[i] *= _box_iou(bounding_box(mask), box) if mask.any() else 0.0
    return result


def _box_iou(a: tuple[int, int, int, int], b: np.ndarray) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return float(width * height / max(union, 1e-6))
