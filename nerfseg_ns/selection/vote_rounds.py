"""Cross-view self-prompting by votes: what all other views say of a view prompts the segmenter there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from nerfseg_ns.core.mask_agreement import agreement, largest_of_the_best
from nerfseg_ns.core.mask_prompts import apart, bounding_box, inner_points, surroundings
from nerfseg_ns.segmenters.segmenter import Segmenter
from nerfseg_ns.selection.ballots import Ballot, count, without
from nerfseg_ns.selection.corrections import Correction, corrections, decide
from nerfseg_ns.selection.first_view import LARGEST_SHARE, PromptedMasks, chosen_in_2d, predict
from nerfseg_ns.selection.neighbourhood import Neighbourhood
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.scene import Scene
from nerfseg_ns.selection.selector import Listener
from nerfseg_ns.selection.view_choice import spread

LEAST_PIXELS = 12
"""Of an object in a view: less is neither a prompt nor a vote."""


@dataclass(frozen=True)
class VoteSettings:
    """Settings of :class:`~nerfseg_ns.selection.vote_selector.VoteSelector`."""

    meaning_views: int = 8
    """Views that decide which of the first view's masks is meant: they see the clicked point itself."""
    views: int = 16
    """Views asked in each round."""
    rounds: int = 2
    """Rounds of rendering the votes, prompting with the render and voting anew."""
    growth: tuple[float, ...] = (1.0, 0.7)
    """The rounds go separate ways, one for each: a view's larger mask is preferred when its agreement is at least this
    share of the best one's. Masks of parts agree with each other as well as those of the whole do: 1 keeps to what the
    first mask shows, less finds the rest of an object of which it showed a part, and may take in a neighbour."""
    larger_ratio: float = 0.9
    """Of these ways' results the largest is taken whose views agree at least this share of the best."""
    minimum_agreement: float = 0.3
    """Views whose best mask agrees less than this are left out of a round."""
    outline_weight: float = 4.0
    """Votes against what the first view shows beside its mask, in views."""
    outline_slack: int = 3
    """Pixels around that mask that still count as inside."""
    cells: int = 64
    """Voxels along the object's longest edge, at most, while views are asked; never finer than a pixel there."""
    final_cells: int = 128
    """The same for the votes that are kept: the boundary is refined once the masks are known."""
    closer_look: bool = True
    """Show small and thin things enlarged to the segmenter: sharper outlines, for another embedding of each view."""
    fine_views: int = 8
    """Views asked in each round about a thing that is shown enlarged, if that is less."""
    margin: float = 0.6
    """How far the voxels reach around the first mask, as a share of the object's longest edge."""


class VoteRounds:
    """The rounds of one object.

    Args:
        settings: see there.
        scene: gives cameras and images.
        segmenter: is asked.
        prompt: the user's.
        own: the user's prompts in later views by the number of the view; they always take part, and where their clicks
            say something else than the votes, they decide.
        neighbourhood: holds the votes, one object for each growth.
        listener: is told.
        reasons: why a view gave no mask for one of the objects; written to.
        fine: the object is small or thin, so the segmenter is shown it enlarged.

    Attributes:
        corrections: what the clicks in later views have decided.
        history: of each round and growth, the views that gave a mask, how well they agree, and how much their masks are
            those of the round before (IoU, None without any): near 1 when another round would change nothing.
    """

    def __init__(
        self,
        settings: VoteSettings,
        scene: Scene,
        segmenter: Segmenter,
        prompt: ObjectPrompt,
        own: Mapping[int, ViewPrompt],
        neighbourhood: Neighbourhood,
        listener: Listener,
        reasons: dict[int, str],
        fine: bool = False,
    ) -> None:
        self.settings, self.scene, self.segmenter = settings, scene, segmenter
        self.prompt, self.own, self.neighbourhood = prompt, own, neighbourhood
        self.listener, self.reasons, self.fine = listener, reasons, fine
        self.corrections: list[Correction] = []
        self.history: list[list[dict[str, float | None]]] = []

    def run(self, ballots: Sequence[Ballot], views: Sequence[int]) -> list[Ballot]:
        """Vote until the rounds are over.

        Args:
            ballots: what is known, one for each growth: at least the first view's mask, which stays.
            views: that may see the object, the first one first.
        """
        ballots = list(ballots)
        for view in {view for ballot in ballots for view in ballot.masks}:
            count(self.neighbourhood, ballots, view)
        for number in range(self.settings.rounds):
            ballots = self._round(ballots, views, number)
        return ballots

    def _round(self, ballots: list[Ballot], views: Sequence[int], number: int) -> list[Ballot]:
        first = views[0]
        area = {view: int(self.neighbourhood.render(view)[0].any(dim=-1).sum()) for view in views}
        for view in views:
            if area[view] < LEAST_PIXELS:
                self.reasons[view] = f"hides the object, or shows less than {LEAST_PIXELS} pixels of it"
        visible = sorted(
            (view for view in views if view != first and area[view] >= LEAST_PIXELS), key=lambda view: -area[view]
        )
        most = min(self.settings.views, self.settings.fine_views) if self.fine else self.settings.views
        asked = spread(visible, most)
        asked += [view for view in self.own if view not in asked]
        for view in set(visible) - set(asked):
            self.reasons[view] = "other views see as much of the object"
        results = [Ballot({first: ballot.masks[first]}, {first: ballot.agreements[first]}) for ballot in ballots]
        known = len(self.corrections)
        stage = f"{self.prompt.name}: round {number + 1} of {self.settings.rounds}"
        for done, view in enumerate(asked):
            self.listener.step(stage, done, len(asked))
            self._ask(view, *without(self.neighbourhood, ballots, view), results)
        self.listener.step(stage, len(asked), len(asked))
        for i, result in enumerate(results):
            if len(result.masks) == 1:  # no view agrees with any other: what was known stands
                results[i] = ballots[i]
        self.history.append([_summary(result, ballot) for result, ballot in zip(results, ballots)])
        for view in {view for ballot in ballots for view in ballot.masks}:
            count(self.neighbourhood, ballots, view, -1.0)
        for view in {view for ballot in results for view in ballot.masks}:
            count(self.neighbourhood, results, view)
        decide(self.neighbourhood, self.scene, self.corrections[known:])
        return results

    def _ask(
        self,
        view: int,
        rendered: Bool[Tensor, "h w objects"],
        known: Bool[Tensor, "h w objects"],
        results: Sequence[Ballot],
    ) -> None:
        own = self.own.get(view)
        positive = own is not None and own.positive
        shown = rendered.sum(dim=(0, 1)) >= LEAST_PIXELS
        if not shown.any() and not positive:
            self.reasons[view] = "no other view votes for what it shows"
            return
        found: list[PromptedMasks] = []
        drawn: list[Tensor] = []
        for i in range(len(results)):
            if (shown[i] or positive) and not any(_alike(rendered[..., i], other) for other in drawn):
                drawn.append(rendered[..., i])
                points, labels, box = self._prompts(view, rendered[..., i], known[..., i], bool(shown[i]))
                found.append(predict(self.scene, self.segmenter, view, points, labels, box, self.fine))
        masks = torch.cat([one.on(rendered.device) for one in found])
        areas = masks.sum(dim=(1, 2))
        # surroundings are larger, unless the first view, whose mask all results begin with, shows a large object
        most = max(LARGEST_SHARE, 1.5 * float(next(iter(results[0].masks.values()), masks[0]).float().mean()))
        usable = ((areas > 0) & (areas < most * masks[0].numel())).nonzero()[:, 0].tolist()
        if not usable:
            self.reasons[view] = "the segmenter finds nothing there"
            return
        if own is not None and own.points:  # masks that keep to most of the user's clicks
            x, y, label = torch.tensor(own.points, device=masks.device).long().unbind(-1)
            kept = (masks[usable][:, y, x] == (label == 1)).sum(dim=1).tolist()
            usable = [index for index, count_kept in zip(usable, kept) if count_kept == max(kept)]
        refused: list[float] = []
        for i, result in enumerate(results):
            scores = agreement(rendered[..., i], known[..., i], masks[usable]).tolist()
            best = largest_of_the_best(scores, areas[usable].tolist(), self.settings.growth[i])
            if not shown[i] and (chosen := chosen_in_2d(found[0], self.prompt.granularity)) in usable:
                best = usable.index(chosen)  # nothing to agree with: as in a first view
            score = scores[best]
            if positive:  # where the user has said what the object is, other views may add to it but not overrule it
                score = max(score, self.settings.minimum_agreement)
            if score >= self.settings.minimum_agreement:
                result.cast(view, masks[usable[best]], score)
            else:
                refused.append(score)
            if own is not None:
                self.corrections += corrections(view, own, rendered[..., i], masks[usable[best]])
        if refused:  # by one growth perhaps, and it may be the one that is believed
            self.reasons[view] = f"its best mask agrees by {max(refused):.2f} with the other views"

    def _prompts(
        self, view: int, rendered: Bool[Tensor, "h w"], known: Bool[Tensor, "h w"], shown: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Points, their labels and a box: from what the votes show, and the user's own."""
        own = self.own.get(view)
        clicks = own.points if own is not None else ()
        box = None if own is None or own.box is None else np.array(own.box)
        inside = outside = np.zeros((0, 2), dtype=np.float32)
        if shown:
            drawn, rejected = rendered.cpu().numpy(), (known & ~rendered).cpu().numpy()
            around = bounding_box(drawn)
            clear = max(3.0, 0.2 * max(around[2] - around[0], around[3] - around[1]))
            rejected = apart(rejected, [p[:2] for p in clicks if p[2] == 1], clear)
            if box is not None:  # the user's box is about what is inside it
                within = np.zeros_like(drawn)
                x0, y0, x1, y1 = box.round().astype(int)
                within[y0:y1, x0:x1] = True
                drawn, rejected = drawn & within, rejected & ~within
            outside = inner_points(surroundings(rendered.cpu().numpy(), rejected), 2, 3.0)
            inside = inner_points(apart(drawn, [p[:2] for p in clicks if p[2] == 0], clear), 3)
            box = box if box is not None else np.array(around)
        points = np.concatenate([inside, outside, np.array([p[:2] for p in clicks], dtype=np.float32).reshape(-1, 2)])
        return points, np.array([1] * len(inside) + [0] * len(outside) + [p[2] for p in clicks]), box


def _summary(ballot: Ballot, earlier: Ballot) -> dict[str, float | None]:
    same = ballot.likeness(earlier)
    return {
        "views": len(ballot.masks),
        "agreement": round(ballot.agreement, 4),
        "same_as_before": None if same is None else round(same, 4),
    }


def _alike(a: Bool[Tensor, "h w"], b: Bool[Tensor, "h w"], iou: float = 0.9) -> bool:
    return bool((a & b).sum() >= iou * (a | b).sum())
