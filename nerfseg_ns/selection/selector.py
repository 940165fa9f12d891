"""The interface of the engines that turn prompts into objects in 3D."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float32

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean
from nerfseg_ns.segmenters.segmenter import Segmenter
from nerfseg_ns.selection.prompts import ObjectPrompt
from nerfseg_ns.selection.scene import Scene
from nerfseg_ns.selection.selected_object import SelectedObject


class SelectionCancelled(Exception):
    """The caller asked to stop; objects handed out before stay valid."""


@dataclass(frozen=True)
class Listener:
    """Who is told how far a selection is, and asked whether to go on.

    Args:
        progress: called with (what is being done, steps done, steps in all).
        cancelled: asked between steps; True raises :class:`SelectionCancelled`.
    """

    progress: Callable[[str, int, int], None] = lambda stage, done, total: None
    cancelled: Callable[[], bool] = lambda: False

    def step(self, stage: str, done: int, total: int) -> None:
        """Report a step.

        Raises:
            SelectionCancelled: the caller asked to stop.
        """
        if self.cancelled():
            raise SelectionCancelled(stage)
        self.progress(stage, done, total)


@dataclass(frozen=True, eq=False)
class FirstMask:
    """What a prompt means in the view it was given in, before anything is done in 3D.

    Args:
        view: number of the view.
        masks: at the size of the view's camera, from small to large.
        scores: the segmenter's own estimate of each.
        chosen: the one for the prompt's granularity (``auto``: the segmenter's best guess).
    """

    view: int
    masks: Bool[np.ndarray, "candidates h w"]
    scores: Float32[np.ndarray, " candidates"]
    chosen: int


class Selector(Protocol):
    """An engine: prompts in a few views to objects in 3D."""

    def first_mask(self, scene: Scene, segmenter: Segmenter, prompt: ObjectPrompt) -> FirstMask:
        """The mask in the first prompted view, for a preview. Fast: one call of the segmenter.

        Raises:
            InputError: a prompt in an unknown view or outside of it, contradictory clicks, an empty mask.
        """

    def select(
        self, scene: Scene, segmenter: Segmenter, prompts: Sequence[ObjectPrompt], listener: Listener
    ) -> Iterator[SelectedObject]:
        """Select objects, each handed out as soon as it is finished.

        Raises:
            InputError: as in :meth:`first_mask`, or nothing is dense where the prompt points, or a grid that would not
                fit in memory.
            SelectionCancelled: see :class:`Listener`.
        """


SELECTORS = {
    "vote": "nerfseg_ns.selection.vote_selector:VoteSelector",
    "sa3d": "nerfseg_ns.selection.sa3d_selector:Sa3dSelector",
}
"""name -> ``module:class``."""


def make_selector(name: str) -> Selector:
    """The engine of a name, with its default settings.

    Raises:
        InputError: there is no such engine.
    """
    if name not in SELECTORS:
        raise InputError(f"no selection method {name!r}; {did_you_mean(name, SELECTORS)}")
    module, cls = SELECTORS[name].split(":")
    return getattr(import_module(module), cls)()
