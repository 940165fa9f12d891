"""The masks that a prompt may mean in its first view, and how likely each is before any other view is asked."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.mask_prompts import bounding_box, centrality, inner_points
from nerfseg_ns.segmenters.segmenter import Segmenter
from nerfseg_ns.selection.first_view import LARGEST_SHARE, PromptedMasks, predict, prompted_masks
from nerfseg_ns.selection.prompts import GRANULARITIES, ObjectPrompt
from nerfseg_ns.selection.scene import Scene
from nerfseg_ns.selection.sky import points_at_sky

MOST = 6
_SAME = 0.92  # IoU above which two masks are one meaning
_LIKELY = 0.4  # of the likeliest one's prior: less is not followed
_LEAST_POINTS = 4


@dataclass(frozen=True, eq=False)
class Meanings:
    """What a prompt may mean.

    Args:
        view: number of the first prompted view.
        masks: at the size of the view's camera, the likeliest first, no two alike.
        priors: of each, 0..1: the segmenter's score, times how well the mask keeps to clicks and box, times how near
            to its middle the clicks are. People click on the middle of what they mean.
    """

    view: int
    masks: Bool[np.ndarray, "meanings h w"]
    priors: Float32[np.ndarray, " meanings"]


def meanings(scene: Scene, segmenter: Segmenter, prompt: ObjectPrompt, closer: bool = False) -> Meanings:
    """Ask the segmenter what a prompt may mean: the prompt itself, then together with the box around each answer.

    A granularity other than ``auto`` asks for one of SAM's candidates, which is then the only meaning.

    Raises:
        InputError: see :func:`~nerfseg_ns.selection.first_view.prompted_masks`; or a click is on the sky, or no mask
            shows anything dense.
    """
    view, found = prompted_masks(scene, segmenter, prompt, closer)
    first = prompt.views[0]
    clicks = np.array([p[:2] for p in first.points if p[2] == 1], dtype=np.float32).reshape(-1, 2)
    distance = scene.samples(view).distance
    if points_at_sky(scene, prompt):
        raise InputError(
            f"object {prompt.name!r}: nothing is dense where the prompt points in view {first.view} (sky); "
            "click on a surface, or give the object a class to label the sky"
        )
    wanted, most = GRANULARITIES.index(prompt.granularity), _largest(first.box, scene.camera(view).size)
    if wanted and len(found.masks) == 4 and _usable(found.masks[wanted], most):
        pool = [(found.masks[wanted], 1.0)]
    else:
        answers = (found, *_asked_again(scene, segmenter, prompt, view, found, closer))
        if prompt.class_name is not None and not any(_usable(mask, most) for each in answers for mask in each.masks):
            most = 1.0  # a class may be what is around all objects, such as the road
        pool = [
            (mask, float(score) * float(fit) * centrality(mask, clicks))
            for answer in answers
            for mask, score, fit in zip(answer.masks, answer.scores, answer.fits)
            if _usable(mask, most)
        ]
        if not pool:
            raise InputError(
                f"object {prompt.name!r}: every mask at the prompt covers more than {most:.0%} of view {first.view}, "
                "as surroundings do; draw a box around the object, or choose a view that shows it smaller"
            )
    surface = distance.isfinite().cpu().numpy()
    kept: list[tuple[np.ndarray, float]] = []
    for mask, prior in sorted(pool, key=lambda entry: -entry[1]):
        if len(kept) == MOST or (kept and prior < _LIKELY * kept[0][1]):
            break
        if (mask & surface).sum() >= _LEAST_POINTS and not any(_alike(mask, other) for other, _ in kept):
            kept.append((mask, prior))
    if not kept:
        raise InputError(
            f"object {prompt.name!r}: nothing is dense where the prompt points in view {first.view} (sky); click on a "
            "surface"
        )
    return Meanings(view, np.stack([mask for mask, _ in kept]), np.array([p for _, p in kept], dtype=np.float32))


def _asked_again(
    scene: Scene, segmenter: Segmenter, prompt: ObjectPrompt, view: int, found: PromptedMasks, closer: bool
) -> Iterator[PromptedMasks]:
    """A click's answers with the box around each; a box's with a click on its middle, and on its mask's."""
    first = prompt.views[0]
    points = np.array([p[:2] for p in first.points], dtype=np.float32).reshape(-1, 2)
    labels = np.array([p[2] for p in first.points], dtype=np.int64)
    most = _largest(first.box, scene.camera(view).size)
    usable = [mask for mask in found.masks if _usable(mask, most)]
    if first.box is None:
        for mask in usable:
            again = predict(
                scene, segmenter, view, points, labels, np.array(bounding_box(mask), dtype=np.float32), closer
            )
            # that box was not the user's: it makes no mask fit better
            fits = [(mask[points[:, 1].astype(int), points[:, 0].astype(int)] == labels).mean() for mask in again.masks]
            yield PromptedMasks(again.masks, again.scores, np.array(fits, dtype=np.float32))
        return
    box = np.array(first.box, dtype=np.float32)
    for middle in ((box[None, :2] + box[None, 2:]) / 2, *(inner_points(mask, 1, 0.0) for mask in usable[:1])):
        yield predict(scene, segmenter, view, np.concatenate([points, middle]), np.append(labels, 1), box, closer)


def _largest(box: tuple[float, float, float, float] | None, size: tuple[int, int]) -> float:
    """The share of the image that an object may cover: a box says how large it is, and masks reach over it a little."""
    if box is None:
        return LARGEST_SHARE
    return max(LARGEST_SHARE, 1.1 * (box[2] - box[0]) * (box[3] - box[1]) / (size[0] * size[1]))


def _usable(mask: Bool[np.ndarray, "h w"], most: float) -> bool:
    return bool(mask.any()) and bool(mask.mean() < most)


def _alike(a: Bool[np.ndarray, "h w"], b: Bool[np.ndarray, "h w"]) -> bool:
    return bool((a & b).sum() >= _SAME * (a | b).sum())
