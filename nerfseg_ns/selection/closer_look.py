"""Small and thin things, shown to the segmenter enlarged.

SAM's masks have 256 pixels along the longer side of what it is shown, however large the image is. A pole or a line on
the road is one of them wide, and comes back three times as wide. The same prompt on the part of the image around it
gives the outline that the image has.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64
from scipy import ndimage

from nerfseg_ns.core.mask_prompts import bounding_box
from nerfseg_ns.segmenters.prompt import LOW_RESOLUTION, Prompt2D
from nerfseg_ns.segmenters.segmenter import Segmenter
from nerfseg_ns.selection.scene import Scene

FINE = 4.0
"""Masks nowhere deeper than this are looked at again, in pixels of SAM's masks of the whole image."""
LEAST_ALIKE = 0.1
"""IoU of a closer outline with the first one, at least; that of a pole drawn four times too wide has a quarter."""
ROOM = 1.5
"""Side of the part that is shown, at least so many times the mask's longer one: SAM tells things by what is around."""
CLOSEST = 3
"""The part that is shown is the image's longer side halved so often at most."""
STEPS = 4
"""Parts begin at multiples of this fraction of their side, so that one embedding serves several masks and rounds."""


@dataclass(frozen=True)
class Window:
    """A part of a view, in pixels of its camera.

    Args:
        x: its first column.
        y: its first row.
        width: its columns.
        height: its rows.
    """

    x: int
    y: int
    width: int
    height: int

    def shows(self, x: float, y: float) -> bool:
        """Whether a place, pixel centres at +0.5, lies in it."""
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height


def closer_window(mask: Bool[np.ndarray, "h w"]) -> Window | None:
    """The part of a view to show for a mask; None where the mask is not fine, or too long to be shown any larger."""
    if not mask.any():
        return None
    height, width = mask.shape
    longest = max(height, width)
    depth = float(ndimage.distance_transform_edt(np.pad(mask, 1)).max())
    if depth * LOW_RESOLUTION > FINE * longest:
        return None
    x0, y0, x1, y1 = bounding_box(mask)
    needed = ROOM * max(x1 - x0, y1 - y0)
    halvings = next((k for k in range(CLOSEST, 0, -1) if longest / 2**k >= needed), 0)
    if not halvings:
        return None
    side = round(longest / 2**halvings)
    step = max(1, side // STEPS)
    columns, rows = min(side, width), min(side, height)
    x = min(max(0, round(((x0 + x1) / 2 - columns / 2) / step) * step), width - columns)
    y = min(max(0, round(((y0 + y1) / 2 - rows / 2) / step) * step), height - rows)
    return Window(x, y, columns, rows)


def look_closer(
    scene: Scene,
    segmenter: Segmenter,
    view: int,
    masks: Bool[np.ndarray, "candidates h w"],
    scores: Float32[np.ndarray, " candidates"],
    prompt: Prompt2D,
) -> tuple[Bool[np.ndarray, "candidates h w"], Float32[np.ndarray, " candidates"]]:
    """Candidates of a prompt, the fine ones as the segmenter draws them when it is shown what is around them alone.

    Each becomes the closer outline that is most like it, whichever candidate that is: of a thing a pixel wide, part and
    object may come to the same.

    Args:
        scene: the views.
        segmenter: asked once for each part of the view that is shown.
        view: number of the view.
        masks: what it drew in the whole view.
        scores: its own estimate of each.
        prompt: what it was asked, in pixels of the view's camera.
    """
    masks, scores = masks.copy(), scores.copy()
    drawn: dict[Window, tuple[Bool[np.ndarray, "candidates h w"], Float32[np.ndarray, " candidates"]]] = {}
    for number, mask in enumerate(masks):
        window = closer_window(mask)
        there = None if window is None else _within(prompt, window)
        if window is None or there is None:
            continue
        if window not in drawn:
            drawn[window] = _drawn(scene, segmenter, view, window, there, mask.shape)
        closer, closer_scores = drawn[window]
        alike = (closer & mask).sum(axis=(1, 2)) / (closer | mask).sum(axis=(1, 2)).clip(min=1)
        alike[_cut_off(closer, window)] = 0.0
        best = int(alike.argmax())
        if alike[best] >= LEAST_ALIKE:
            masks[number], scores[number] = closer[best], closer_scores[best]
    return masks, scores


def _cut_off(masks: Bool[np.ndarray, "candidates h w"], window: Window) -> Bool[np.ndarray, " candidates"]:
    """Which masks go on where the part that was shown ends: larger things, of which it shows a piece."""
    height, width = masks.shape[1:]
    right, below = window.x + window.width, window.y + window.height
    cut = np.zeros(len(masks), dtype=bool)
    if window.x > 0:
        cut |= masks[:, :, window.x].any(axis=1)
    if right < width:
        cut |= masks[:, :, right - 1].any(axis=1)
    if window.y > 0:
        cut |= masks[:, window.y].any(axis=1)
    if below < height:
        cut |= masks[:, below - 1].any(axis=1)
    return cut


def _within(prompt: Prompt2D, window: Window) -> Prompt2D | None:
    """A prompt in pixels of a part of the view; None when it says nothing of what is there."""
    shown: Int64[np.ndarray, " shown"] = np.array(
        [number for number, (x, y) in enumerate(prompt.points) if window.shows(x, y)], dtype=np.int64
    )
    corner = np.array([window.x, window.y], dtype=np.float32)
    points, labels = prompt.points[shown] - corner, prompt.labels[shown]
    box = None
    if prompt.box is not None:
        box = prompt.box.reshape(2, 2) - corner
        box = box.clip(0, [window.width, window.height]).astype(np.float32).reshape(4)
    empty = box is None or box[0] >= box[2] or box[1] >= box[3]
    if empty and not (labels == 1).any():
        return None
    return Prompt2D(points.astype(np.float32), labels, None if empty else box)


def _drawn(
    scene: Scene, segmenter: Segmenter, view: int, window: Window, prompt: Prompt2D, size: tuple[int, ...]
) -> tuple[Bool[np.ndarray, "candidates h w"], Float32[np.ndarray, " candidates"]]:
    key, image = scene.image_key(view), scene.image(view)
    scale = image.shape[1] // size[1]
    there = image[scale * window.y :, scale * window.x :][: scale * window.height, : scale * window.width]
    segmenter.set_image(np.ascontiguousarray(there), key=(key, window), on_disk=False)
    box = None if prompt.box is None else prompt.box * np.float32(scale)
    found = segmenter.predict(
        Prompt2D(prompt.points * np.float32(scale), prompt.labels, box), size=(window.height, window.width)
    )
    masks = np.zeros((len(found.logits), *size), dtype=bool)
    masks[:, window.y : window.y + window.height, window.x : window.x + window.width] = found.logits > 0
    return masks, found.scores
