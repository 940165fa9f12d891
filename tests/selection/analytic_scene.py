"""A scene whose samples and masks are known exactly: a red and a blue ball on a plane, seen from a circle above.

Each ball is of one colour in every view, so :class:`ColourSegmenter` finds its true mask in an image alone.
"""

import itertools
from dataclasses import replace

import numpy as np
import torch

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.segmenters.prompt import Prompt2D
from nerfseg_ns.segmenters.segmenter import Candidates

BALLS = {"red": ((0.0, 0.0, 0.2), 0.2, (220, 30, 30)), "blue": ((0.45, 0.25, 0.12), 0.12, (30, 60, 220))}
"""name -> centre and radius (scene units), colour."""
PLANE = ((90, 140, 70), (120, 160, 90))
SKY = (200, 220, 240)
_NUMBERS = itertools.count()


class AnalyticScene:
    """A :class:`nerfseg_ns.selection.scene.Scene`; ``truth(view, ball)`` is the exact mask.

    Args:
        views: on a circle of radius 1 at height 0.8, looking at the origin.
        size: (h, w) of the cameras.
        image_factor: the images are so many times larger than the cameras.
        device: where cameras and samples are.
    """

    def __init__(
        self,
        views: int = 8,
        size: tuple[int, int] = (48, 64),
        image_factor: int = 1,
        device: torch.device | str = "cpu",
    ) -> None:
        self.names = [f"{view:03d}" for view in range(views)]
        self.frame = SceneFrame(torch.tensor([[0.0, -1, 0, 2], [1, 0, 0, -3], [0, 0, 1, 0.5]]), 0.25)
        self._size, self._factor, self._device = size, image_factor, torch.device(device)
        self.samples_asked = 0
        self._number = next(_NUMBERS)

    def camera(self, view: int) -> Pinhole:
        camera = self._camera(view)
        return replace(camera, c2w=camera.c2w.to(self._device))

    def _camera(self, view: int, factor: int = 1) -> Pinhole:
        angle = 2 * np.pi * view / len(self.names)
        centre = np.array([np.cos(angle), np.sin(angle), 0.8])
        back = centre / np.linalg.norm(centre)
        right = np.cross((0.0, 0.0, 1.0), back)
        right /= np.linalg.norm(right)
        c2w = torch.tensor(np.stack([right, np.cross(back, right), back, centre], axis=1), dtype=torch.float32)
        height, width = (side * factor for side in self._size)
        return Pinhole(c2w, float(width), float(width), width / 2, height / 2, (height, width))

    def _trace(self, camera: Pinhole) -> tuple[torch.Tensor, torch.Tensor]:
        """Distance [h, w] (infinite for the sky) and what is hit: 0 the plane, 1.. the balls, -1 the sky."""
        directions, centre = camera.directions(), camera.centre
        distance = torch.where(directions[..., 2] < 0, -centre[2] / directions[..., 2], torch.inf)
        hit = torch.where(distance.isfinite(), 0, -1)
        for number, (ball, radius, _) in enumerate(BALLS.values(), start=1):
            towards = torch.tensor(ball) - centre
            along = directions @ towards
            under = radius**2 - (towards @ towards - along**2)
            near = along - under.clamp(min=0).sqrt()
            nearer = (under > 0) & (near > 0) & (near < distance)
            distance, hit = torch.where(nearer, near, distance), torch.where(nearer, number, hit)
        return distance, hit

    def truth(self, view: int, ball: str) -> torch.Tensor:
        """The exact mask [h, w] of a ball."""
        return self._trace(self._camera(view))[1] == 1 + list(BALLS).index(ball)

    def middle(self, view: int, ball: str) -> tuple[float, float]:
        """(x, y) of a pixel's centre in the middle of what shows of a ball."""
        rows, columns = self.truth(view, ball).nonzero().float().unbind(-1)
        nearest = ((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2).argmin()
        return float(columns[nearest]) + 0.5, float(rows[nearest]) + 0.5

    def image(self, view: int) -> np.ndarray:
        camera = self._camera(view, self._factor)
        distance, hit = self._trace(camera)
        x, y = camera.points(distance)[..., :2].nan_to_num().unbind(-1)
        checks = ((x * 5).floor() + (y * 5).floor()).long() % 2
        palette = torch.tensor([*PLANE, *(colour for *_, colour in BALLS.values()), SKY])
        index = torch.where(hit == 0, checks, torch.where(hit > 0, hit + 1, len(palette) - 1))
        return palette[index].to(torch.uint8).numpy()

    def image_key(self, view: int) -> tuple[int, int]:
        return self._number, view

    def samples(self, view: int) -> ViewSamples:
        """One sample of weight 0.9 on each surface."""
        self.samples_asked += 1
        camera = self._camera(view)
        distance, _ = self._trace(camera)
        pixels = distance.isfinite().flatten().nonzero()[:, 0]
        positions = camera.points(distance).reshape(-1, 3)[pixels]
        parts = (positions, torch.full((len(pixels),), 0.9), pixels, distance)
        return ViewSamples(*(part.to(self._device) for part in parts))


class ColourSegmenter:
    """A segmenter that gives true masks of :class:`AnalyticScene`: everything of the prompted colour.

    Candidates: the mask and, for a single click, its left half (a part), itself and itself with a margin.
    """

    name = "colour"

    def __init__(self) -> None:
        self._image: np.ndarray | None = None
        self.images_set = 0

    def set_image(self, image: np.ndarray, key: object = None, on_disk: bool = True) -> None:
        self._image = image
        self.images_set += 1

    def predict(self, prompt: Prompt2D, size: tuple[int, int] | None = None) -> Candidates:
        if self._image is None:
            raise ValueError("predict before set_image")
        height, width = self._image.shape[:2]
        colours = [tuple(c) for *_, c in BALLS.values()]
        clicked = {
            label: {
                tuple(self._image[int(y), int(x)])
                for (x, y), which in zip(prompt.points, prompt.labels)
                if which == label
            }
            for label in (0, 1)
        }
        wanted = clicked[1] - clicked[0]
        if prompt.box is not None:
            x0, y0, x1, y1 = prompt.box.round().astype(int)
            inside = [tuple(c) for c in self._image[y0:y1, x0:x1].reshape(-1, 3)]
            wanted = wanted or {max(colours, key=inside.count)}
        mask = np.zeros((height, width), dtype=bool)
        for colour in wanted:
            mask |= (self._image == np.array(colour)).all(axis=-1)
        columns = np.arange(width) < (np.nonzero(mask)[1].mean() if mask.any() else 0)
        margin = np.pad(mask, 2)
        margin = np.max([np.roll(margin, (i, j), (0, 1)) for i in (-2, 0, 2) for j in (-2, 0, 2)], axis=0)[2:-2, 2:-2]
        masks = [mask, mask & columns, mask, margin]
        scores = np.array([0.95, 0.6, 0.97, 0.7], dtype=np.float32)
        logits = [np.where(m, 5.0, -5.0).astype(np.float32) for m in masks]
        target = size or (height, width)
        return Candidates(
            np.stack([_nearest(values, target) for values in logits]),
            scores,
            np.stack([_nearest(values, (256, 256)) for values in logits]),
        )


def _nearest(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    rows, columns = ((np.arange(new) + 0.5) * old / new for new, old in zip(size, values.shape))
    return values[rows.astype(int)[:, None], columns.astype(int)[None]]


class DirectSelector:
    """An engine for tests of what is around one: true masks of the analytic scene vote in every view.

    It refuses an object whose name starts with ``bad``.
    """

    def first_mask(self, scene, segmenter, prompt):
        from nerfseg_ns.selection.first_view import first_mask

        return first_mask(scene, segmenter, prompt)

    def select(self, scene, segmenter, prompts, listener):
        from nerfseg_ns.core.object_votes import ObjectVotes
        from nerfseg_ns.core.voxel_blocks import blocks_around
        from nerfseg_ns.selection.selected_object import SelectedObject

        for prompt in prompts:
            if prompt.name.startswith("bad"):
                raise InputError(f"object {prompt.name!r}: nothing is dense where the prompt points")
        for prompt in prompts:
            first = self.first_mask(scene, segmenter, prompt)
            colour = scene.image(first.view)[first.masks[first.chosen]][0]
            everything = [scene.samples(view) for view in range(len(scene.names))]
            everything = [s.where(s.positions.norm(dim=-1) < 3.0) for s in everything]
            blocks = blocks_around(torch.cat([s.positions for s in everything]), 0.02)
            votes = ObjectVotes.none(blocks, 1)
            for view, samples in enumerate(everything):
                listener.step("voting", view, len(everything))
                mask = torch.from_numpy((scene.image(view) == colour).all(axis=-1)).float()
                votes.add(samples, blocks.trilinear(samples.positions), mask[..., None])
            listener.step("voting", len(everything), len(everything))
            yield SelectedObject(prompt, blocks, votes, 0.5, {"views": len(everything), "seconds": {"voting": 0.1}})
