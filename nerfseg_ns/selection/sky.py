"""The sky as an object: what rises and meets nothing. A click there has no place in 3D, but it can name a class."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nerfseg_ns.core.object_votes import ObjectVotes
from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.core.voxel_blocks import VoxelBlocks
from nerfseg_ns.segmenters.segmenter import Segmenter
from nerfseg_ns.selection.prompts import ObjectPrompt
from nerfseg_ns.selection.scene import Scene
from nerfseg_ns.selection.selected_object import SelectedObject
from nerfseg_ns.selection.selector import FirstMask, Listener, Selector

SKY = "sky"
"""The method in the report of such an object."""
HORIZON = 0.0
"""The elevation, a sine, of the rays that neither rise nor fall."""
ANYWHERE = -1.0
"""The elevation of rays that fall straight down: no ray is lower."""
UPRIGHT = 0.3
"""How far the cameras of a scene whose third axis points up do so in the mean, at least: 1 level, 0.5 steeply down."""
MOST_CAMERAS = 64
"""So many, spread evenly, are asked for that."""
_LOWEST = "lowest_elevation"


@dataclass(frozen=True, eq=False)
class SkyObject(SelectedObject):
    """All pixels whose rays rise and meet nothing dense. No point of the scene belongs to it.

    Which mask the segmenter gives does not matter: what is not dense in one view is the sky of all others too. Below
    the horizon a learned scene has holes, where the ground is far away or was seen from few sides; a scene that ends
    somewhere has sky there as well. A click there tells that it does, and how far down. Where the third axis of a scene
    does not point up, as in files of Gaussians, there is no horizon, and everything that is not dense counts.

    Args:
        lowest: elevation (sine of the angle with the ground plane) of the lowest rays that count, from
            :data:`ANYWHERE` to :data:`HORIZON`.
    """

    has_place = False

    lowest: float = HORIZON

    @classmethod
    def of(cls, prompt: ObjectPrompt, lowest: float = HORIZON, device: torch.device | str = "cpu") -> "SkyObject":
        """The object of a prompt, that far down."""
        none = torch.full((1, 1, 1), -1, dtype=torch.long, device=device)
        blocks = VoxelBlocks(1.0, torch.zeros(3, dtype=torch.long, device=device), none, 0)
        report = {"method": SKY, _LOWEST: lowest, "seconds": {}}
        return cls(prompt, blocks, ObjectVotes.none(blocks, 1), report=report, lowest=lowest)

    @classmethod
    def clicked(cls, scene: Scene, prompt: ObjectPrompt) -> "SkyObject":
        """The object of a prompt that points at the sky of a scene: down to its lowest click, or to the horizon."""
        names = list(scene.names)
        lowest = HORIZON if _has_horizon(scene) else ANYWHERE
        for each in prompt.views:
            if each.view in names:
                seen = scene.samples(names.index(each.view))
                clicks = [(x, y) for x, y, label in each.points if label == 1 and _open(seen.distance, x, y)]
                if seen.elevation is not None:
                    lowest = min([lowest, *(float(around(seen.elevation, *click).min()) for click in clicks)])
        device = scene.samples(names.index(prompt.views[0].view)).distance.device
        return cls.of(prompt, max(lowest, ANYWHERE), device)

    @classmethod
    def read(
        cls, prompt: ObjectPrompt, report: dict[str, Any], threshold: float, device: torch.device | str
    ) -> "SkyObject":
        """The object of a file; one that does not say how far down it reaches has everything that is not dense.

        Raises:
            ValueError: how far down it reaches is no elevation.
        """
        lowest = report.get(_LOWEST, ANYWHERE)
        if not isinstance(lowest, int | float) or not ANYWHERE <= lowest <= HORIZON:
            raise ValueError(f"{_LOWEST} {lowest!r}")
        return replace(cls.of(prompt, float(lowest), device), threshold=threshold, report=report)

    def share(self, samples: ViewSamples) -> Float[Tensor, "h w"]:
        """1 where the ray rises and meets nothing, 0 elsewhere; where elevations are not known, all rays rise."""
        nothing = ~samples.distance.isfinite()
        if samples.elevation is not None and self.lowest > ANYWHERE:
            nothing &= samples.elevation >= self.lowest
        return nothing.to(samples.weights)

    def vote(self, samples: ViewSamples) -> Float[Tensor, "h w"]:
        """Share of the pixels around each that are sky: edges of surfaces are less sure."""
        share = torch.nn.functional.pad(self.share(samples)[None, None], (1, 1, 1, 1), mode="replicate")
        return torch.nn.functional.avg_pool2d(share, 3, stride=1)[0, 0]


def select_with_sky(
    selector: Selector, scene: Scene, segmenter: Segmenter, prompts: Sequence[ObjectPrompt], listener: Listener
) -> Iterator[SelectedObject]:
    """What an engine selects; a prompt that says a class and points at the sky, which engines refuse, makes the sky.

    Raises:
        InputError, SelectionCancelled: see :class:`~nerfseg_ns.selection.selector.Selector`.
    """
    sky = [prompt for prompt in prompts if names_the_sky(scene, prompt)]
    for prompt in sky:
        yield SkyObject.clicked(scene, prompt)
    others = [prompt for prompt in prompts if prompt not in sky]
    if others:
        yield from selector.select(scene, segmenter, others, listener)


def sky_mask(scene: Scene, prompt: ObjectPrompt) -> FirstMask | None:
    """What a prompt that names the sky means in its view; None of all other prompts, which are for engines."""
    if not names_the_sky(scene, prompt):
        return None
    view = list(scene.names).index(prompt.views[0].view)
    mask = SkyObject.clicked(scene, prompt).mask(scene.samples(view)).cpu().numpy()
    return FirstMask(view, mask[None], np.ones(1, dtype=np.float32), 0)


def names_the_sky(scene: Scene, prompt: ObjectPrompt) -> bool:
    """Whether a prompt points at the sky and says a class; without one a click there is a mistake."""
    return prompt.class_name is not None and points_at_sky(scene, prompt)


def points_at_sky(scene: Scene, prompt: ObjectPrompt) -> bool:
    """Whether all clicks on the object in its first view meet nothing dense, neither there nor in a pixel next to it.

    Args:
        scene: the views; it has to have the prompt's first one.
        prompt: the prompt. One without clicks, a box, does not point at the sky.
    """
    first = prompt.views[0]
    clicks = [point for point in first.points if point[2] == 1]
    if not clicks or first.view not in scene.names:
        return False
    distance = scene.samples(list(scene.names).index(first.view)).distance
    return all(_open(distance, x, y) for x, y, _ in clicks)


def _open(distance: Float[Tensor, "h w"], x: float, y: float) -> bool:
    """Whether nothing is dense at a click and next to it."""
    return not around(distance, x, y).isfinite().any()


def _has_horizon(scene: Scene) -> bool:
    """Whether the third axis points up, as far as the cameras tell: they are seldom held on their sides."""
    count = min(len(scene.names), MOST_CAMERAS)
    views = [int((each + 0.5) * len(scene.names) / count) for each in range(count)]
    return sum(float(scene.camera(view).c2w[2, 1]) for view in views) >= UPRIGHT * count


def around(values: Float[Tensor, "h w"], x: float, y: float) -> Float[Tensor, "rows columns"]:
    """The values at a click and next to it."""
    row, column = min(int(y), values.shape[0] - 1), min(int(x), values.shape[1] - 1)
    return values[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
