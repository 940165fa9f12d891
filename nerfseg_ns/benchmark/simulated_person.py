"""Somebody who gives a scene classes by clicks, and looks at what each click gives before going on."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, UInt8, UInt16
from scipy import ndimage

from nerfseg_ns.benchmark.simulated_clicks import SimulatedClick, rightly_meant
from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.segmenters.segmenter import Segmenter
from nerfseg_ns.selection.prompts import GRANULARITIES, ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.scene import Scene
from nerfseg_ns.selection.selected_object import SelectedObject
from nerfseg_ns.selection.selector import Listener, Selector
from nerfseg_ns.selection.sky import names_the_sky, select_with_sky, sky_mask

RIGHT_ENOUGH = 0.9
"""Share of what is highlighted that has to be of the class that it gets."""
RIGHT_FROM_ALL_SIDES = 2 / 3
"""The same share over all views: most of them show it from farther away or another side than the one clicked in."""
RIGHT_BUT_FOR_A_RIM = 0.5
"""The same share where nothing else is wrong than pixels next to the class: of a pole these are as many as its own."""
BESIDE = 0.05
"""Share of what is highlighted that may be wrong and not next to the class, for it to count as a rim."""
LARGE_ENOUGH = 0.2
"""What is highlighted rightly has to be as large as this share of the region that was clicked on, ..."""
LARGE_IN_VIEW = 0.01
"""... or as this share of the view: the roads of a town are one region, of which a street is no speck."""
TRIES = 2
"""Objects of a class that are tried while none could be had; then it is left out as long as there is another class."""
_AUTO = GRANULARITIES[0]


@dataclass(eq=False)
class ClickedScene:
    """What came of the clicks.

    Args:
        objects: those that were kept, with their prompts and classes.
        actions: how many ``clicks``, ``boxes`` and ``granularities`` (other meanings chosen).
        given_up: the reason for every object that was clicked and not kept, by name.
    """

    objects: list[SelectedObject] = field(default_factory=list)
    actions: Counter[str] = field(default_factory=Counter)
    given_up: dict[str, str] = field(default_factory=dict)

    @property
    def spent(self) -> int:
        """Clicks, of which a box is one."""
        return self.actions["clicks"] + self.actions["boxes"]


class SimulatedPerson:
    """Clicks, looks at what comes of it, and chooses another meaning, draws a box, or gives the object up.

    For each object: a click on its middle. What matters is whether what gets the class has it: an outline is good when
    :data:`RIGHT_ENOUGH` of it does, or all but a rim of one pixel, and it is not a mere speck (:data:`LARGE_ENOUGH`,
    :data:`LARGE_IN_VIEW`); a piece of a pavement is as good an example as all of it. Of the outlines of all meanings
    (auto, part, object, whole) the good one that shows most of the class is selected in 3D, and undone when what is
    highlighted is no good in that view, or too much of it is wrong in all views together
    (:data:`RIGHT_FROM_ALL_SIDES`); then the next. If none is left, a box around the object follows, which costs a
    click, and its meanings likewise. Clicks that were in vain stay spent.

    Classes take turns, those of wide objects before those of narrow ones, and each turn goes to the class's widest
    object that is left. A class of which :data:`TRIES` objects were tried in vain waits until no other class has
    anything left. What is highlighted already, as the class that it is, is not clicked again and costs no turn.

    Args:
        scene: the views.
        segmenter: gives their masks.
        selector: the engine, whose preview is looked at.
        instances: object ids of each view, at the size of its camera: they tell what is highlighted already.
        labels: class ids of the same pixels, 255 without one: what the eye sees.
        names: of the classes.
    """

    def __init__(
        self,
        scene: Scene,
        segmenter: Segmenter,
        selector: Selector,
        instances: Sequence[UInt16[np.ndarray, "h w"]],
        labels: Sequence[UInt8[np.ndarray, "h w"]],
        names: Sequence[str],
    ) -> None:
        self.scene, self.segmenter, self.selector = scene, segmenter, selector
        self.instances, self.labels, self.names = instances, labels, names

    def label(self, places: Sequence[SimulatedClick], most: int) -> ClickedScene:
        """Click until the clicks are spent or there is nothing left to click.

        Args:
            places: see :func:`~nerfseg_ns.benchmark.simulated_clicks.simulated_clicks`.
            most: clicks, of which a box is one.
        """
        done, open_places = ClickedScene(), list(places)
        tries: Counter[int] = Counter()
        while open_places and done.spent < most:
            place = self._next(open_places, tries, done)
            open_places.remove(place)
            if self._highlighted(place, done):
                continue
            tries[place.class_id] += 1
            name = f"{self.names[place.class_id]} {tries[place.class_id]}"
            try:
                done.objects.append(self._had(name, place, done, most))
            except InputError as problem:
                done.given_up[name] = str(problem)
                print(f"{name}: given up: {problem}", flush=True)
        return done

    def _next(self, places: Sequence[SimulatedClick], tries: Counter[int], done: ClickedScene) -> SimulatedClick:
        """The widest of the class whose turn it is; of a class of which none can be had, no more than a few."""
        had = {each.prompt.class_name for each in done.objects}
        hopeless = {number for number, count in tries.items() if count >= TRIES and self.names[number] not in had}
        return min(places, key=lambda place: (place.class_id in hopeless, tries[place.class_id]))

    def _highlighted(self, place: SimulatedClick, done: ClickedScene) -> bool:
        """Whether most of a place shows objects of its class already."""
        region = rightly_meant(place, self.instances[place.view], self.labels[place.view])[0]
        shown = np.zeros_like(region)
        for each in done.objects:
            if each.prompt.class_name == self.names[place.class_id]:
                shown |= each.mask(self.scene.samples(place.view)).cpu().numpy()
        return bool((shown & region).sum() > 0.5 * region.sum())

    def _had(self, name: str, place: SimulatedClick, done: ClickedScene, most: int) -> SelectedObject:
        """The object in 3D, by the first prompt whose outline is good and that gives a good one.

        Raises:
            InputError: none does.
        """
        best, undone = 0.0, []
        for prompts in self._prompts(name, place, done, most):
            looks = [(self._look(place, {place.view: self._outline(prompt)}), prompt) for prompt in prompts]
            best = max([best, *(look.right for look, _ in looks)])
            good = [(look, prompt) for look, prompt in looks if look.good]
            for look, prompt in sorted(good, key=lambda each: -each[0].pixels):  # of equal ones auto is the first
                how = f"{prompt.granularity}{' with a box' * (prompt.views[0].box is not None)}: {look.right:.0%} right"
                if prompt.granularity != _AUTO:
                    done.actions["granularities"] += 1
                try:
                    selected = next(select_with_sky(self.selector, self.scene, self.segmenter, [prompt], Listener()))
                except InputError as problem:
                    undone.append(f"{how}, {problem}")
                    continue
                in_3d = self._look(place, self._shown(selected, [place.view]))
                how = f"{how}, in 3D {in_3d.right:.0%}"
                if in_3d.good:  # from all sides takes seconds, so it is looked at last
                    in_3d = self._look(place, self._shown(selected, range(len(self.labels))), RIGHT_FROM_ALL_SIDES)
                    how = f"{how}, from all sides {in_3d.right:.0%}"
                if in_3d.good:
                    print(f"{name}: {how}", flush=True)
                    return selected
                undone.append(how)
        where = f"in view {self.scene.names[place.view]}"
        raise InputError(f"{where}, {'; '.join(undone) or f'{best:.0%} right at best'}")

    def _prompts(
        self, name: str, place: SimulatedClick, done: ClickedScene, most: int
    ) -> Iterator[Sequence[ObjectPrompt]]:
        """A click in all its meanings, and then with a box around it.

        Args:
            name: of the object.
            place: to click.
            done: counts the clicks, each when it is asked for.
            most: no box is drawn when so many are spent.
        """
        click = ViewPrompt(self.scene.names[place.view], ((*place.place, 1),))
        for action, view in (("clicks", click), ("boxes", replace(click, box=place.box))):
            if done.spent == most:
                return
            done.actions[action] += 1
            prompt = ObjectPrompt(name, (view,), class_name=self.names[place.class_id])
            if names_the_sky(self.scene, prompt):  # of which every meaning is the same, and a box too
                yield [prompt]
                return
            yield [replace(prompt, granularity=meaning) for meaning in GRANULARITIES]

    def _outline(self, prompt: ObjectPrompt) -> Bool[np.ndarray, "h w"] | None:
        """What the viewer shows of a prompt before anything is done in 3D; None when it says why there is nothing."""
        try:
            first = sky_mask(self.scene, prompt) or self.selector.first_mask(self.scene, self.segmenter, prompt)
        except InputError:
            return None
        return first.masks[first.chosen]

    def _shown(self, selected: SelectedObject, views: Iterable[int]) -> dict[int, Bool[np.ndarray, "h w"]]:
        """What is highlighted of an object in some views."""
        return {view: selected.mask(self.scene.samples(view)).cpu().numpy() for view in views}

    def _look(
        self,
        place: SimulatedClick,
        masks: Mapping[int, Bool[np.ndarray, "h w"] | None],
        right_enough: float = RIGHT_ENOUGH,
    ) -> "_Look":
        """What is seen of the masks of some views; the size of what is right, in the view that was clicked."""
        shown = right = aside = pixels = 0
        for view, mask in masks.items():
            if mask is None or not mask.any():
                continue
            labels = self.labels[view]
            known, alike = mask & (labels != IGNORE), labels == place.class_id
            shown += int(known.sum())
            right += int((known & alike).sum())
            aside += int((known & ~ndimage.binary_dilation(alike, np.ones((3, 3)))).sum())
            if view == place.view:
                pixels = int((known & alike).sum())
        if not shown:
            return _Look(0.0, 0, False)
        pure = right >= right_enough * shown or (right >= RIGHT_BUT_FOR_A_RIM * shown and aside <= BESIDE * shown)
        least = min(LARGE_ENOUGH * place.pixels, LARGE_IN_VIEW * self.labels[place.view].size)
        return _Look(right / shown, pixels, pure and pixels >= least)


@dataclass(frozen=True)
class _Look:
    """What the eye sees of something highlighted.

    Args:
        right: share of it that is of the class, of what has a class.
        pixels: of the class, in it, in the view that was clicked.
        good: whether it may become a label.
    """

    right: float
    pixels: int
    good: bool
