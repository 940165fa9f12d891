"""The default engine: SA3D's voting without an optimiser, over the views that see the object, until they agree."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.mask_agreement import agreement, largest_of_the_best
from nerfseg_ns.core.mask_prompts import inner_points
from nerfseg_ns.segmenters.segmenter import Segmenter
from nerfseg_ns.selection.ballots import Ballot, count, settle
from nerfseg_ns.selection.closer_look import closer_window
from nerfseg_ns.selection.corrections import Correction, decide
from nerfseg_ns.selection.first_view import predict
from nerfseg_ns.selection.meanings import Meanings, meanings
from nerfseg_ns.selection.neighbourhood import Neighbourhood
from nerfseg_ns.selection.prompts import ObjectPrompt
from nerfseg_ns.selection.scene import Scene
from nerfseg_ns.selection.selected_object import SelectedObject
from nerfseg_ns.selection.selector import FirstMask, Listener
from nerfseg_ns.selection.view_choice import beside_mask, seen_points, spread
from nerfseg_ns.selection.vote_rounds import VoteRounds, VoteSettings


class VoteSelector:
    """Weighted voting with self-prompting.

    One click may mean a part, an object or its surroundings: the first view's masks compete, and views that see the
    clicked point decide which one they find again (:mod:`~nerfseg_ns.selection.meanings`). That mask stands: it votes
    in every round, and what the first view shows beside it is voted down. Then, in rounds, the votes of all other views
    are rendered into a view, points inside, a box and points beside it prompt the segmenter there, and the mask that
    agrees best joins the votes, weighted by that agreement (:mod:`~nerfseg_ns.selection.vote_rounds`). No view judges
    itself. The user's clicks in later views decide against all votes (:mod:`~nerfseg_ns.selection.corrections`).
    """

    def __init__(self, settings: VoteSettings | None = None) -> None:
        self.settings = settings or VoteSettings()

    def first_mask(self, scene: Scene, segmenter: Segmenter, prompt: ObjectPrompt) -> FirstMask:
        """See :class:`~nerfseg_ns.selection.selector.Selector`; the likeliest meaning before other views are asked."""
        found = meanings(scene, segmenter, prompt, self.settings.closer_look)
        order = np.argsort(found.masks.sum(axis=(1, 2)), kind="stable")
        return FirstMask(found.view, found.masks[order], found.priors[order], int(np.flatnonzero(order == 0)[0]))

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
        self.reasons: dict[int, str] = {}
        self.corrections: list[Correction] = []
        self.rounds: list[dict[str, float | None]] = []
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def run(self) -> SelectedObject:
        with torch.no_grad():
            self.listener.step(f"{self.prompt.name}: first view", 0, 1)
            found = meanings(self.scene, self.segmenter, self.prompt, self.settings.closer_look)
            self._lap("first view")
            mask, early = self._meant(found)
            self._lap("meaning")
            ballot = self._voted(found.view, mask, early)
            self._lap("rounds")
            final = self._neighbourhood(found.view, mask, list(ballot.masks), self.settings.final_cells, 1)
            for view in ballot.masks:
                count(final, [ballot], view)
            decide(final, self.scene, self.corrections)
            self._lap("final votes")
        selected = SelectedObject(self.prompt, final.sites, final.result(), report=self._report(ballot))
        if selected.bounds() is None:
            raise InputError(
                f"object {self.prompt.name!r}: nowhere are more votes for the object than against it; click on its "
                "middle, or draw a box around all of it"
            )
        return selected

    def _meant(self, found: Meanings) -> tuple[Bool[Tensor, "h w"], Ballot]:
        """The meaning that other views find again, and what they say to it."""
        first, masks = found.view, torch.from_numpy(found.masks).to(self.scene.samples(found.view).distance.device)
        low, high, cell = self._extent(first, masks.any(dim=0))
        extent = float((high - low).max())
        where = self._sights_of_the_click(first, masks[0], cell)
        if len(masks) == 1 or not where:
            return masks[0], Ballot()
        ballots = [Ballot() for _ in masks]
        reach = self.settings.margin * extent
        neighbourhood = Neighbourhood(self.scene, [first, *where], low - reach, high + reach, cell, len(masks))
        neighbourhood.vote(first, masks.permute(1, 2, 0), torch.ones(len(masks), device=masks.device))
        candidates = {}
        for done, (view, place) in enumerate(where.items()):
            self.listener.step(f"{self.prompt.name}: meaning", done, len(where))
            candidates[view] = predict(self.scene, self.segmenter, view, place[None], np.ones(1)).on(masks.device)
        for _ in range(2):
            settle(neighbourhood, ballots, candidates)
        rendered, known = neighbourhood.render(first)
        scores = []
        for i, (ballot, prior) in enumerate(zip(ballots, found.priors.tolist())):
            itself = float(agreement(rendered[..., i], known[..., i], masks[i : i + 1])[0])
            scores.append(prior * itself * ballot.agreement)
        best = int(np.argmax(scores))
        return masks[best], ballots[best]

    def _sights_of_the_click(
        self, first: int, mask: Bool[Tensor, "h w"], cell: float
    ) -> dict[int, Float[np.ndarray, "2"]]:
        """Some views that see the clicked point (a box's: the middle of its mask), and where in them it is."""
        clicks = [point[:2] for point in self.prompt.views[0].points if point[2] == 1]
        x, y = clicks[0] if clicks else inner_points(mask.cpu().numpy(), 1, 0.0)[0].tolist()
        height, width = self.scene.camera(first).size
        surface = self.scene.camera(first).points(self.scene.samples(first).distance)
        point = surface[min(int(y), height - 1), min(int(x), width - 1)]
        if not point.isfinite().all():
            return {}
        where, away = {}, {}
        for view in range(len(self.scene.names)):
            camera = self.scene.camera(view)
            seen, pixels = seen_points(camera, self.scene.samples(view).distance, point[None], 4 * cell)
            if view != first and seen[0]:
                where[view] = pixels[0].cpu().numpy()
                away[view] = float((point - camera.centre).norm())
        chosen = spread(sorted(where, key=lambda view: away[view]), self.settings.meaning_views)
        return {view: where[view] for view in chosen}

    def _extent(
        self, view: int, mask: Bool[Tensor, "h w"], cells: int | None = None
    ) -> tuple[Float[Tensor, "3"], Float[Tensor, "3"], float]:
        """A box around the surface that a mask shows, and the size of its voxels, never finer than a pixel there."""
        points = self._surface(view, mask)
        # the farthest 2 % are mostly behind the object's rim
        low, high = torch.quantile(points, points.new_tensor([0.02, 0.98]), dim=0)
        camera = self.scene.camera(view)
        pixel = float((points - camera.centre).norm(dim=-1).median()) / camera.fx
        return low, high, max(pixel, float((high - low).max()) / (cells or self.settings.cells))

    def _surface(self, view: int, mask: Bool[Tensor, "h w"], most: int = 4096) -> Float[Tensor, "points 3"]:
        points = self.scene.camera(view).points(self.scene.samples(view).distance)[mask]
        points = points[points.isfinite().all(dim=-1)]
        return points[torch.linspace(0, len(points) - 1, min(len(points), most)).long()]

    def _neighbourhood(
        self, first: int, mask: Bool[Tensor, "h w"], views: Sequence[int], cells: int, objects: int
    ) -> Neighbourhood:
        """Voxels around what the first mask shows; what that view shows beside it, or beside the user's box, is out."""
        low, high, cell = self._extent(first, mask, cells)
        reach = self.settings.margin * float((high - low).max())
        outline, box = mask, self.prompt.views[0].box
        if box is not None:
            x0, y0, x1, y1 = (round(side) for side in box)
            outline = torch.zeros_like(mask)
            outline[max(0, y0) : y1, max(0, x0) : x1] = True
        neighbourhood = Neighbourhood(self.scene, views, low - reach, high + reach, cell, objects)
        camera, slack = self.scene.camera(first), self.settings.outline_slack
        pixel = float(((low + high) / 2 - camera.centre).norm()) / camera.fx
        # a view puts one vote on a voxel of a pixel's size, and more on larger ones
        weight = self.settings.outline_weight * max(1.0, cell / pixel) ** 2
        neighbourhood.oppose(lambda points: beside_mask(camera, outline, points, slack), weight)
        return neighbourhood

    def _voted(self, first: int, mask: Bool[Tensor, "h w"], early: Ballot) -> Ballot:
        """Rounds of votes, once for each growth, and the result that is believed."""
        low, high, cell = self._extent(first, mask)
        own = {list(self.scene.names).index(later.view): later for later in self.prompt.views[1:]}
        views = self._views(first, low, high, self._surface(first, mask, 256), 6 * cell, list(own))
        growth = self.settings.growth if self.prompt.granularity != "part" else self.settings.growth[:1]
        neighbourhood = self._neighbourhood(first, mask, views, self.settings.cells, len(growth))
        fine = self.settings.closer_look and closer_window(mask.cpu().numpy()) is not None
        rounds = VoteRounds(
            self.settings,
            self.scene,
            self.segmenter,
            self.prompt,
            own,
            neighbourhood,
            self.listener,
            self.reasons,
            fine,
        )
        ballots = []
        for _ in growth:
            ballot = Ballot({first: mask}, {first: 1.0})
            for view in early.masks:
                if view in views and early.agreements[view] > 0.2:
                    ballot.cast(view, early.masks[view], early.agreements[view])
            ballots.append(ballot)
        self._lap("voxels")
        ballots = rounds.run(ballots, views)
        self.corrections = rounds.corrections
        areas = [float(sum(mask.sum() for mask in ballot.masks.values())) / len(ballot.masks) for ballot in ballots]
        agreements = [ballot.agreement for ballot in ballots]
        believed = largest_of_the_best(agreements, areas, self.settings.larger_ratio)
        self.rounds = [round_[believed] for round_ in rounds.history]
        return ballots[believed]

    def _views(
        self,
        first: int,
        low: Float[Tensor, "3"],
        high: Float[Tensor, "3"],
        surface: Float[Tensor, "points 3"],
        tolerance: float,
        own: list[int],
    ) -> list[int]:
        """The views that may see the object, best first, after the first one and the user's own."""
        sight = {}
        for view in range(len(self.scene.names)):
            camera = self.scene.camera(view)
            seen, _ = seen_points(camera, self.scene.samples(view).distance, surface, tolerance)
            pixels, depth, away = camera.project((low + high) / 2)
            height, width = camera.size
            # pixels that the object covers, for views that see its far side a tenth of them
            sight[view] = float((0.1 + seen.float().mean()) / away**2)
            if not (depth > 0 and 0 <= pixels[0] < width and 0 <= pixels[1] < height):
                sight[view] = 0.0
                self.reasons[view] = "the middle of the object is outside of the image"
        ranked = sorted((v for v in sight if sight[v] > 0 and v != first), key=lambda v: -sight[v])
        most = 2 * self.settings.views
        for view in ranked[most:]:
            self.reasons[view] = "other views see more of the object"
        views = [first, *own]
        return views + [view for view in ranked[:most] if view not in views]

    def _lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now

    def _report(self, ballot: Ballot) -> dict[str, Any]:
        names = self.scene.names
        return {
            "method": "vote",
            "segmenter": self.segmenter.name,
            "views_used": {names[view]: round(score, 4) for view, score in sorted(ballot.agreements.items())},
            "views_left_out": {
                names[view]: reason for view, reason in sorted(self.reasons.items()) if view not in ballot.masks
            },
            "agreement": round(ballot.agreement, 4),
            "rounds": self.rounds,
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
        }
