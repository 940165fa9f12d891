"""The default engine: SA3D's voting without an optimiser, over the views that see the object, until they agree."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.mask_agreement import agreement, largest_of_the_best
from nerfseg_ns.core.mask_prompts import bounding_box, inner_points, surroundings
from nerfseg_ns.segmenters.segmenter import Segmenter
from nerfseg_ns.selection.first_view import LARGEST_SHARE, chosen_in_2d, first_mask, predict, prompted_masks
from nerfseg_ns.selection.neighbourhood import Neighbourhood
from nerfseg_ns.selection.prompts import GRANULARITIES, ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.scene import Scene
from nerfseg_ns.selection.selected_object import SelectedObject
from nerfseg_ns.selection.selector import FirstMask, Listener
from nerfseg_ns.selection.view_choice import seen_points, spread


@dataclass(frozen=True)
class VoteSettings:
    """Settings of :class:`VoteSelector`."""

    meaning_views: int = 8
    """Views that decide which of the first view's masks is meant: they see the clicked point itself."""
    views: int = 16
    """Views asked in each round."""
    rounds: int = 3
    """Rounds of rendering the votes, prompting with the render and voting anew."""
    meaning_ratio: float = 0.75
    """A larger mask is preferred when its agreement is at least this share of the best one's."""
    growth_ratio: float = 0.7
    """The same for the masks of each later view."""
    minimum_agreement: float = 0.3
    """Views whose best mask agrees less than this are left out of a round."""
    cells: int = 64
    """Voxels along the object's longest edge, at most; never finer than a pixel at the object's distance."""
    margin: float = 0.6
    """How far the voxels reach around the first mask, as a share of the object's longest edge."""


@dataclass(eq=False)
class _Ballot:
    """The mask each view gave, and its weight."""

    masks: dict[int, Bool[Tensor, "h w"]] = field(default_factory=dict)
    agreements: dict[int, float] = field(default_factory=dict)

    def weight(self, view: int) -> float:
        return self.agreements[view] ** 2


class VoteSelector:
    """Weighted voting with self-prompting.

    One click may mean a part, an object or its surroundings: the first view's masks compete, and views that see the
    clicked point decide which one they find again. Then, in rounds, the votes of all other views are rendered into a
    view, points inside, a box and points beside it prompt the segmenter there, and the mask that agrees best joins the
    votes, weighted by that agreement. No view judges itself and no view comes first.
    """

    def __init__(self, settings: VoteSettings | None = None) -> None:
        self.settings = settings or VoteSettings()

    def first_mask(self, scene: Scene, segmenter: Segmenter, prompt: ObjectPrompt) -> FirstMask:
        """See :class:`~nerfseg_ns.selection.selector.Selector`."""
        return first_mask(scene, segmenter, prompt)

    def select(
        self, scene: Scene, segmenter: Segmenter, prompts: Sequence[ObjectPrompt], listener: Listener
    ) -> Iterator[SelectedObject]:
        """See :class:`~nerfseg_ns.selection.selector.Selector`."""
        for prompt in prompts:
            yield _Selection(self.settings, scene, segmenter, prompt, listener).run()


class _Selection:
    """One object's selection."""

    def __init__(
        self, settings: VoteSettings, scene: Scene, segmenter: Segmenter, prompt: ObjectPrompt, listener: Listener
    ) -> None:
        self.settings, self.scene, self.segmenter = settings, scene, segmenter
        self.prompt, self.listener = prompt, listener
        self.own: dict[int, ViewPrompt] = {}
        """The user's prompts in later views, which always take part."""
        self.reasons: dict[int, str] = {}
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def run(self) -> SelectedObject:
        with torch.no_grad():
            first, masks = self._meanings()
            self._lap("first view")
            meaning, found = self._meaning(first, masks)
            self._lap("meaning")
            neighbourhood, ballot, candidates = self._start(first, masks[meaning], found[meaning])
            for number in range(self.settings.rounds):
                ballot = self._round(neighbourhood, ballot, candidates, number)
            self._lap("rounds")
        return SelectedObject(self.prompt, neighbourhood.blocks, neighbourhood.votes, report=self._report(ballot))

    def _meanings(self) -> tuple[int, Bool[Tensor, "masks h w"]]:
        """The masks that the prompt may mean in its first view."""
        self.listener.step(f"{self.prompt.name}: first view", 0, 1)
        view, found = prompted_masks(self.scene, self.segmenter, self.prompt)
        names = list(self.scene.names)
        self.own = {names.index(later.view): later for later in self.prompt.views[1:]}
        masks = found.on(self._device(view))
        wanted = GRANULARITIES.index(self.prompt.granularity)
        usable = [i for i in range(len(masks)) if masks[i].any() and masks[i].float().mean() < LARGEST_SHARE]
        if wanted and wanted in usable and len(masks) == 4:
            usable = [wanted]
        elif usable:
            best = max(found.fits[i] for i in usable)
            usable = [i for i in usable if found.fits[i] >= 0.9 * best]
        usable = [i for i in usable if self._lifted(view, masks[i]) is not None]
        if not usable:
            raise InputError(
                f"object {self.prompt.name!r}: nothing is dense where the prompt points in view "
                f"{self.scene.names[view]} (sky, or a mask that covers the image); click on a surface"
            )
        return view, masks[usable]

    def _lifted(self, view: int, mask: Bool[Tensor, "h w"]) -> Float[Tensor, "points 3"] | None:
        """The surface points that a mask shows, at most 4,096 of them; None when there are hardly any."""
        points = self.scene.camera(view).points(self.scene.samples(view).distance)[mask]
        points = points[points.isfinite().all(dim=-1)]
        if len(points) < 4:
            return None
        return points[torch.linspace(0, len(points) - 1, min(len(points), 4096)).long()]

    def _box(self, points: Float[Tensor, "points 3"]) -> tuple[Tensor, Tensor, float]:
        """A box around surface points, and its longest edge. The farthest 2 % are mostly behind the object's rim."""
        low, high = torch.quantile(points, points.new_tensor([0.02, 0.98]), dim=0)
        return low, high, float((high - low).max())

    def _cell(self, view: int, points: Float[Tensor, "points 3"], extent: float) -> float:
        camera = self.scene.camera(view)
        pixel = float((points - camera.centre).norm(dim=-1).median()) / camera.fx
        return max(pixel, extent / self.settings.cells)

    def _meaning(self, first: int, masks: Bool[Tensor, "masks h w"]) -> tuple[int, list[_Ballot]]:
        """Which mask is meant, and what the views that see the clicked point say to each."""
        count = len(masks)
        ballots = [_Ballot() for _ in range(count)]
        points = [self._lifted(first, mask) for mask in masks]
        boxes = [self._box(lifted) for lifted in points if lifted is not None]
        low, high = torch.stack([b[0] for b in boxes]).amin(dim=0), torch.stack([b[1] for b in boxes]).amax(dim=0)
        extent = float((high - low).max())
        largest = points[int(masks.sum(dim=(1, 2)).argmax())]
        assert largest is not None
        cell = self._cell(first, largest, extent)
        clicked, views = self._views_of_the_click(first, masks, cell)
        if not views:
            return int(masks.sum(dim=(1, 2)).argmax()) if count > 1 else 0, ballots
        reach = self.settings.margin * extent
        neighbourhood = Neighbourhood(self.scene, [first, *views], low - reach, high + reach, cell, objects=count)
        neighbourhood.vote(first, masks.permute(1, 2, 0), torch.ones(count, device=masks.device))
        candidates = {}
        for done, view in enumerate(views):
            self.listener.step(f"{self.prompt.name}: meaning", done, len(views))
            found = predict(self.scene, self.segmenter, view, clicked[view][None], np.ones(1))
            candidates[view] = found.on(self._device(view))
        for _ in range(2):
            self._agree(neighbourhood, ballots, candidates)
        rendered, known = neighbourhood.render(first)
        scores = []
        for i, ballot in enumerate(ballots):
            itself = float(agreement(rendered[..., i], known[..., i], masks[i : i + 1])[0])
            others = [ballot.agreements[view] for view in views]
            scores.append(itself * sum(others) / len(others))
        areas = masks.sum(dim=(1, 2)).tolist()
        return largest_of_the_best(scores, areas, self.settings.meaning_ratio), ballots

    def _agree(
        self, neighbourhood: Neighbourhood, ballots: list[_Ballot], candidates: dict[int, Bool[Tensor, "masks h w"]]
    ) -> None:
        """Let every view choose, for each meaning, the mask that agrees best with all others' votes."""
        chosen = {}
        for view, masks in candidates.items():
            self._count(neighbourhood, ballots, view, -1.0)
            rendered, known = neighbourhood.render(view)
            self._count(neighbourhood, ballots, view, 1.0)
            chosen[view] = [agreement(rendered[..., i], known[..., i], masks) for i in range(len(ballots))]
        for view, masks in candidates.items():
            self._count(neighbourhood, ballots, view, -1.0)
            for i, ballot in enumerate(ballots):
                best = int(chosen[view][i].argmax())
                ballot.masks[view], ballot.agreements[view] = masks[best], float(chosen[view][i][best])
            self._count(neighbourhood, ballots, view, 1.0)

    def _count(self, neighbourhood: Neighbourhood, ballots: list[_Ballot], view: int, sign: float) -> None:
        if view in ballots[0].masks:
            masks = torch.stack([ballot.masks[view] for ballot in ballots], dim=-1)
            weights = torch.tensor([sign * ballot.weight(view) for ballot in ballots], device=masks.device)
            neighbourhood.vote(view, masks, weights)

    def _views_of_the_click(
        self, first: int, masks: Bool[Tensor, "masks h w"], cell: float
    ) -> tuple[dict[int, Float[np.ndarray, "2"]], list[int]]:
        """Where other views see the clicked point (a box's: the middle of its mask)."""
        clicks = [point for point in self.prompt.views[0].points if point[2] == 1]
        if clicks:
            x, y = int(clicks[0][0]), int(clicks[0][1])
        else:
            inner = inner_points(masks[int(masks.sum(dim=(1, 2)).argmin())].cpu().numpy(), 1, 0.0)
            x, y = inner[0].astype(int).tolist()
        height, width = self.scene.camera(first).size
        x, y = min(x, width - 1), min(y, height - 1)
        point = self.scene.camera(first).points(self.scene.samples(first).distance)[y, x]
        if not point.isfinite().all():
            return {}, []
        where, away = {}, {}
        for view in range(len(self.scene.names)):
            if view == first:
                continue
            camera = self.scene.camera(view)
            seen, pixels = seen_points(camera, self.scene.samples(view).distance, point[None], 4 * cell)
            if seen[0]:
                where[view] = pixels[0].cpu().numpy()
                away[view] = float((point - camera.centre).norm())
        return where, spread(sorted(where, key=lambda view: away[view]), self.settings.meaning_views)

    def _start(self, first: int, mask: Bool[Tensor, "h w"], found: _Ballot) -> tuple[Neighbourhood, _Ballot, list[int]]:
        """The votes on the meaning's own voxels, and the views that may see the object, best first."""
        points = self._lifted(first, mask)
        assert points is not None
        low, high, extent = self._box(points)
        cell = self._cell(first, points, extent)
        reach = self.settings.margin * extent
        some = points[torch.linspace(0, len(points) - 1, min(len(points), 256)).long()]
        sight = {}
        for view in range(len(self.scene.names)):
            camera = self.scene.camera(view)
            seen, _ = seen_points(camera, self.scene.samples(view).distance, some, 6 * cell)
            _, depth, away = camera.project((low + high) / 2)
            # pixels that the object covers, for views that see its far side a tenth of them
            sight[view] = float((0.1 + seen.float().mean()) / away**2) if self._in_view(camera, low, high) else 0.0
            if sight[view] == 0.0:
                self.reasons[view] = "the object is outside of the image"
        ranked = sorted((v for v in sight if sight[v] > 0 and v != first), key=lambda v: -sight[v])
        views = [first, *self.own]
        views += [v for v in ranked[: 2 * self.settings.views] if v not in views]
        for view in ranked[2 * self.settings.views :]:
            self.reasons[view] = "other views see more of the object"
        neighbourhood = Neighbourhood(self.scene, views, low - reach, high + reach, cell)
        ballot = _Ballot({first: mask}, {first: 1.0})
        for view in found.masks:
            if view in views and found.agreements[view] > 0.2:
                ballot.masks[view], ballot.agreements[view] = found.masks[view], found.agreements[view]
        for view in ballot.masks:
            self._count(neighbourhood, [ballot], view, 1.0)
        self._lap("voxels")
        return neighbourhood, ballot, views

    def _in_view(self, camera: Any, low: Tensor, high: Tensor) -> bool:
        pixels, depth, _ = camera.project((low + high) / 2)
        height, width = camera.size
        return bool(depth > 0 and 0 <= pixels[0] < width and 0 <= pixels[1] < height)

    def _round(self, neighbourhood: Neighbourhood, ballot: _Ballot, views: list[int], number: int) -> _Ballot:
        """Prompt with what the votes show, and vote anew."""
        area = {view: int(neighbourhood.render(view)[0].sum()) for view in views}
        for view in views:
            if area[view] < 12:
                self.reasons[view] = "hides the object, or shows less than 12 pixels of it"
        visible = sorted((view for view in views if area[view] >= 12), key=lambda view: -area[view])
        asked = spread(visible, self.settings.views)
        if number > 0 and views[0] in visible and views[0] not in asked:
            asked.append(views[0])  # the first view too may have seen a part only
        asked += [view for view in self.own if view not in asked]
        for view in set(visible) - set(asked):
            self.reasons[view] = "other views see as much of the object"
        result = _Ballot()
        for done, view in enumerate(asked):
            self.listener.step(f"{self.prompt.name}: round {number + 1} of {self.settings.rounds}", done, len(asked))
            self._count(neighbourhood, [ballot], view, -1.0)
            rendered, known = neighbourhood.render(view)
            self._count(neighbourhood, [ballot], view, 1.0)
            self._ask(view, rendered[..., 0], known[..., 0], result)
        for view in ballot.masks:
            self._count(neighbourhood, [ballot], view, -1.0)
        if not result.masks:  # no view agrees with any other: the first view's word stands
            result = ballot
        for view in result.masks:
            self._count(neighbourhood, [result], view, 1.0)
        return result

    def _ask(self, view: int, rendered: Bool[Tensor, "h w"], known: Bool[Tensor, "h w"], result: _Ballot) -> None:
        shown = int(rendered.sum()) >= 12
        own = self.own.get(view)
        positive = own is not None and own.positive
        if not shown and not positive:
            self.reasons[view] = "no other view votes for what it shows"
            return
        points, labels, box = self._prompts(view, rendered, known, shown)
        found = predict(self.scene, self.segmenter, view, points, labels, box)
        masks = found.on(rendered.device)
        usable = [i for i in range(len(masks)) if masks[i].any() and masks[i].float().mean() < LARGEST_SHARE]
        if not usable:
            self.reasons[view] = "the segmenter finds nothing there"
            return
        scores = agreement(rendered, known, masks[usable]).tolist()
        areas = masks[usable].sum(dim=(1, 2)).tolist()
        best = largest_of_the_best(scores, areas, self.settings.growth_ratio)
        if not shown and (chosen := chosen_in_2d(found, self.prompt.granularity)) in usable:
            best = usable.index(chosen)  # nothing to agree with: as in a first view
        if positive:  # where the user has said what the object is, other views may add to it but not overrule it
            scores[best] = max(scores[best], self.settings.minimum_agreement)
        if scores[best] < self.settings.minimum_agreement:
            self.reasons[view] = f"its best mask agrees by {scores[best]:.2f} with the other views"
            return
        self.reasons.pop(view, None)
        result.masks[view], result.agreements[view] = masks[usable[best]], scores[best]

    def _prompts(
        self, view: int, rendered: Bool[Tensor, "h w"], known: Bool[Tensor, "h w"], shown: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Points, their labels and a box: from what the votes show, and the user's own."""
        given = self.prompt.views[0] if self.prompt.views[0].view == self.scene.names[view] else self.own.get(view)
        clicks = given.points if given is not None else ()
        box = None if view not in self.own or self.own[view].box is None else np.array(self.own[view].box)
        inside = outside = np.zeros((0, 2), dtype=np.float32)
        if shown:
            drawn = rendered.cpu().numpy()
            outside = inner_points(surroundings(drawn, (known & ~rendered).cpu().numpy()), 2, 3.0)
            if box is not None:  # the user's box is about what is inside it
                x0, y0, x1, y1 = box.round().astype(int)
                within = np.zeros_like(drawn)
                within[y0:y1, x0:x1] = True
                drawn = drawn & within
            else:
                box = np.array(bounding_box(drawn))
            inside = inner_points(drawn, 3)
        points = np.concatenate([inside, outside, np.array([p[:2] for p in clicks], dtype=np.float32).reshape(-1, 2)])
        return points, np.array([1] * len(inside) + [0] * len(outside) + [p[2] for p in clicks]), box

    def _device(self, view: int) -> torch.device:
        """Where the scene's samples are: everything is counted there."""
        return self.scene.samples(view).distance.device

    def _lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now

    def _report(self, ballot: _Ballot) -> dict[str, Any]:
        names = self.scene.names
        return {
            "method": "vote",
            "segmenter": self.segmenter.name,
            "views_used": {names[view]: round(score, 4) for view, score in sorted(ballot.agreements.items())},
            "views_left_out": {
                names[view]: reason for view, reason in sorted(self.reasons.items()) if view not in ballot.masks
            },
            "agreement": round(float(np.mean(list(ballot.agreements.values()))), 4),
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
        }
