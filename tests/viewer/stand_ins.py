"""A segmenter by colour and an engine that lifts one mask: quick, exact, without weights."""

import os
import time
from collections.abc import Hashable, Iterator, Sequence

import numpy as np
import torch

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.object_votes import ObjectVotes
from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.core.voxel_blocks import blocks_around
from nerfseg_ns.segmenters.prompt import Prompt2D
from nerfseg_ns.segmenters.segmenter import Candidates
from nerfseg_ns.selection.prompts import ObjectPrompt
from nerfseg_ns.selection.selected_object import SelectedObject
from nerfseg_ns.selection.selector import FirstMask, Listener


class ColourSegmenter:
    """Everything that is nearly as coloured as the clicked pixels, within the box; its upper half is a part.

    Waits as long as the file is there that the environment names as HOLD.
    """

    name = "colour"

    def set_image(self, image: np.ndarray, key: Hashable = None, on_disk: bool = True) -> None:
        self.image = image.astype(np.float32)

    def predict(self, prompt: Prompt2D, size: tuple[int, int] | None = None) -> Candidates:
        while os.path.exists(os.environ.get("HOLD", "")):
            time.sleep(0.05)
        height, width = self.image.shape[:2]
        points = prompt.points[prompt.labels == 1]
        if not len(points):
            assert prompt.box is not None
            points = prompt.box.reshape(2, 2).mean(axis=0, keepdims=True)
        mask = np.zeros((height, width), dtype=bool)
        for x, y in points.astype(int):
            near = self.image[min(y, height - 1), min(x, width - 1)]
            mask |= np.abs(self.image - near).max(axis=-1) < 20
        for x, y in prompt.points[prompt.labels == 0].astype(int):
            mask &= np.abs(self.image - self.image[y, x]).max(axis=-1) >= 20
        if prompt.box is not None:
            inside = np.zeros_like(mask)
            x0, y0, x1, y1 = prompt.box.astype(int)
            inside[y0:y1, x0:x1] = True
            mask &= inside
        part = mask.copy()
        if mask.any():
            part[int(np.nonzero(mask)[0].mean()) :] = False
        masks = np.stack([mask, part, mask, mask])
        logits, low = (_logits(masks, shape) for shape in (size or mask.shape, (256, 256)))
        return Candidates(logits, np.ones(4, dtype=np.float32), low)


class LiftingSelector:
    """The first mask, lifted by the samples of its own view."""

    def first_mask(self, scene, segmenter, prompt: ObjectPrompt) -> FirstMask:
        first = prompt.views[0]
        if first.view not in scene.names:
            raise InputError(f"no view {first.view!r}")
        view = list(scene.names).index(first.view)
        camera, image = scene.camera(view), scene.image(view)
        scale = image.shape[1] / camera.size[1]
        segmenter.set_image(image, key=first.view)
        points = np.array([point[:2] for point in first.points], dtype=np.float32).reshape(-1, 2) * scale
        labels = np.array([point[2] for point in first.points], dtype=np.int64)
        box = None if first.box is None else np.array(first.box, dtype=np.float32) * scale
        found = segmenter.predict(Prompt2D(points, labels, box), camera.size)
        chosen = {"part": 1, "object": 2, "whole": 3}.get(prompt.granularity, 0)
        return FirstMask(view, found.logits > 0, found.scores, chosen)

    def select(self, scene, segmenter, prompts: Sequence[ObjectPrompt], listener: Listener) -> Iterator[SelectedObject]:
        for number, prompt in enumerate(prompts):
            listener.step("lifting", number, len(prompts))
            first = self.first_mask(scene, segmenter, prompt)
            yield lifted(prompt, scene.samples(first.view), first.masks[first.chosen])


def lifted(prompt: ObjectPrompt, samples: ViewSamples, mask: np.ndarray, cell: float = 0.02) -> SelectedObject:
    """The object that one view's mask makes."""
    inside = torch.from_numpy(mask)
    near = samples.where(inside.flatten()[samples.pixels])
    blocks = blocks_around(near.positions, cell)
    votes = ObjectVotes.none(blocks, 1)
    votes.add(samples, blocks.trilinear(samples.positions), inside[..., None].float())
    return SelectedObject(prompt, blocks, votes)


def _logits(masks: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    rows, columns = (np.linspace(0, n - 0.5, m).astype(int) for n, m in zip(masks.shape[1:], shape))
    return np.where(masks[:, rows[:, None], columns], 8.0, -8.0).astype(np.float32)


def make_colour_segmenter(name, cache_dir, checkpoint, device) -> ColourSegmenter:
    """For the registry of segmenters."""
    return ColourSegmenter()
