"""SA3D as it is published, for comparison: one pass over the views in order, a dense grid trained by SGD."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.object_votes import ObjectVotes
from nerfseg_ns.core.self_prompting import self_prompts
from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.core.voxel_blocks import blocks_around
from nerfseg_ns.segmenters.segmenter import Segmenter
from nerfseg_ns.selection.first_view import chosen_in_2d, first_mask, predict, prompted_masks
from nerfseg_ns.selection.prompts import ObjectPrompt
from nerfseg_ns.selection.scene import Scene
from nerfseg_ns.selection.selected_object import SelectedObject
from nerfseg_ns.selection.selector import FirstMask, Listener

LEAST_WITHIN = 0.5
"""Share of the first mask's samples that must lie in the grid: what is outside of it cannot be learnt."""


@dataclass(frozen=True)
class Sa3dSettings:
    """The published constants."""

    resolution: int = 320
    """Voxels along each edge of the grid over the scene."""
    prompts: int = 3
    """Self-prompts in each view."""
    first_against: float = 5.0
    """Lambda of the first view."""
    against: float = 1.0
    """Lambda of the later views."""
    minimum_iou: float = 0.5
    """Views whose mask agrees less with the rendered one are left out."""
    extent: float = 1.0
    """The grid reaches from -extent to extent along each axis, scene units."""


class DenseGrid:
    """Mask scores V on a dense grid, trained by mask inverse rendering (Eq. 3 to 5).

    As published, V is what the views teach a voxel divided by how many they were. That does not change its sign, but it
    decides where a view's score is highest and which pixels exceed its mean.
    """

    def __init__(self, resolution: int, extent: float, device: torch.device) -> None:
        self.resolution, self.extent = resolution, extent
        self.values = torch.zeros(1, 1, resolution, resolution, resolution, device=device, requires_grad=True)
        self.views = torch.zeros_like(self.values, requires_grad=False)

    def at(self, positions: Float[Tensor, "positions 3"]) -> Float[Tensor, "positions 1"]:
        """V, interpolated; 0 outside of the grid."""
        where = (positions / self.extent).flip(-1).reshape(1, -1, 1, 1, 3)
        return F.grid_sample(self.values, where, align_corners=True)[0, :, :, 0, 0].T

    def score(self, samples: ViewSamples) -> Float[Tensor, "h w"]:
        """The rendered mask score of a view."""
        return samples.per_pixel(self.at(samples.positions))[..., 0]

    def learn(self, samples: ViewSamples, mask: Bool[Tensor, "h w"], against: float) -> None:
        """One step on one view."""
        with torch.enable_grad():
            rendered, said = self.score(samples), mask.to(samples.weights)
            loss = (-said * rendered + against * (1 - said) * rendered).sum()
            loss.backward()
        with torch.no_grad():  # SGD's step with rate 1, on the sum over the views, where this view has something to say
            assert self.values.grad is not None
            gradient, values, views = (grid.flatten() for grid in (self.values.grad, self.values, self.views))
            taught = gradient.nonzero()[:, 0]
            before = views[taught]
            values[taught] = (values[taught] * before - gradient[taught]) / (before + 1)
            views[taught] = before + 1
            self.values.grad = None


class Sa3dSelector:
    """Segment Anything in 3D with NeRFs, without its optional second pass for ambiguous prompts.

    Positive clicks and boxes only prompt the first view, as published; negative clicks are passed on to the segmenter
    there.
    """

    def __init__(self, settings: Sa3dSettings | None = None) -> None:
        self.settings = settings or Sa3dSettings()

    def first_mask(self, scene: Scene, segmenter: Segmenter, prompt: ObjectPrompt) -> FirstMask:
        """See :class:`~nerfseg_ns.selection.selector.Selector`."""
        return first_mask(scene, segmenter, prompt)

    def select(
        self, scene: Scene, segmenter: Segmenter, prompts: Sequence[ObjectPrompt], listener: Listener
    ) -> Iterator[SelectedObject]:
        """See :class:`~nerfseg_ns.selection.selector.Selector`."""
        for prompt in prompts:
            yield self._select(scene, segmenter, prompt, listener)

    def _select(self, scene: Scene, segmenter: Segmenter, prompt: ObjectPrompt, listener: Listener) -> SelectedObject:
        start = time.perf_counter()
        settings, used, left_out = self.settings, {}, {}
        first, found = prompted_masks(scene, segmenter, prompt)
        samples = scene.samples(first)
        mask = found.on(samples.distance.device)[chosen_in_2d(found, prompt.granularity)]
        masked = samples.positions[mask.flatten()[samples.pixels]]
        if len(masked) == 0:
            raise InputError(
                f"object {prompt.name!r}: nothing is dense where the prompt points in view {scene.names[first]}; "
                "click on a surface"
            )
        within = float((masked.abs() <= settings.extent).all(dim=-1).float().mean())
        if within < LEAST_WITHIN:
            raise InputError(
                f"object {prompt.name!r}: {1 - within:.0%} of what its mask in view {scene.names[first]} shows lies "
                f"outside of SA3D's grid, which reaches from -{settings.extent:g} to {settings.extent:g} scene units "
                "along each axis; use --method vote"
            )
        grid = DenseGrid(settings.resolution, settings.extent, samples.positions.device)
        grid.learn(samples, mask, settings.first_against)
        used[scene.names[first]] = 1.0
        learnt = time.perf_counter()
        others = [view for view in range(len(scene.names)) if view != first]
        for done, view in enumerate(others):
            listener.step(f"{prompt.name}: views", done, len(others))
            answer = self._learn_view(grid, scene, segmenter, view)
            if isinstance(answer, str):
                left_out[scene.names[view]] = answer
            else:
                used[scene.names[view]] = round(answer, 4)
        report = {
            "method": "sa3d",
            "segmenter": segmenter.name,
            "views_used": used,
            "views_left_out": left_out,
            "agreement": round(float(np.mean(list(used.values()))), 4),
            "seconds": {"first view": round(learnt - start, 3), "views": round(time.perf_counter() - learnt, 3)},
        }
        return self._object(scene, prompt, grid, report)

    def _learn_view(self, grid: DenseGrid, scene: Scene, segmenter: Segmenter, view: int) -> float | str:
        """One view's step: the IoU of its mask, or why it was left out."""
        samples = scene.samples(view)
        with torch.no_grad():
            score = grid.score(samples)

        def mask_of(points: Float[np.ndarray, "points 2"]) -> Bool[np.ndarray, "h w"]:
            return predict(scene, segmenter, view, points, np.ones(len(points))).masks[0]

        points = self_prompts(score.cpu().numpy(), samples.distance.cpu().numpy(), mask_of, self.settings.prompts)
        if len(points) == 0:
            return "nothing of the object is rendered there"
        mask = torch.from_numpy(mask_of(points)).to(score.device)
        rendered = score > max(float(score.mean()), 0.0)
        iou = float((mask & rendered).sum() / (mask | rendered).sum().clamp(min=1))
        if iou < self.settings.minimum_iou:
            return f"its mask has IoU {iou:.2f} with the rendered one, less than {self.settings.minimum_iou}"
        grid.learn(samples, mask, self.settings.against)
        return iou

    def _object(self, scene: Scene, prompt: ObjectPrompt, grid: DenseGrid, report: dict[str, Any]) -> SelectedObject:
        """V > 0 as votes: a positive score votes for the object, a negative one against it."""
        spacing = 2 * grid.extent / (grid.resolution - 1)
        with torch.no_grad():
            values = grid.values[0, 0]
            # centres lie at whole multiples of the spacing when the grid has an odd number of voxels, else half way
            shift = 0.0 if grid.resolution % 2 else spacing / 2
            inside = (values > 0).nonzero()
            if len(inside) == 0:
                raise InputError(f"object {prompt.name!r}: no voxel has more votes for the object than against it")
            centres = inside * spacing - grid.extent
            blocks = blocks_around(centres - shift + 1e-3 * spacing, spacing)
            votes = ObjectVotes.none(blocks, 1)
            score = grid.at(blocks.centres())[:, 0]
            votes.inside[:-1, 0], votes.outside[:-1, 0] = score.clamp(min=0), (-score).clamp(min=0)
        return SelectedObject(prompt, blocks, votes, report=report)
