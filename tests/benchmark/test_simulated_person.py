"""What the simulated person does with each outline, on a street whose masks are made by hand."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import ndimage

from nerfseg_ns.benchmark.simulated_clicks import simulated_clicks
from nerfseg_ns.benchmark.simulated_person import TRIES, ClickedScene, SimulatedPerson
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.segmenters.segmenter import Candidates
from nerfseg_ns.selection.first_view import first_mask

HEIGHT, WIDTH = 20, 24
NAMES = ("Sky", "Road", "Line", "Car", "House")
SKY, ROAD, LINE, CAR, HOUSE = range(5)


def street():
    """Sky; a road of the tiles 1 and 2 with a line on tile 1; the cars 3 and 4; the house 5. And sky alone."""
    instances, labels = np.ones((HEIGHT, WIDTH), dtype=np.uint16), np.full((HEIGHT, WIDTH), ROAD, dtype=np.uint8)
    instances[:, 12:] = 2
    for number, class_id, rows, columns in (
        (0, SKY, slice(0, 4), slice(0, WIDTH)),
        (1, LINE, slice(15, 17), slice(2, 10)),
        (3, CAR, slice(6, 10), slice(2, 6)),
        (4, CAR, slice(6, 9), slice(8, 11)),
        (5, HOUSE, slice(5, 13), slice(14, 22)),
    ):
        instances[rows, columns], labels[rows, columns] = number, class_id
    other = np.where(np.arange(HEIGHT)[:, None] < 2, 0, 9).repeat(WIDTH, axis=1).astype(np.uint16)
    return [instances, other], [labels, np.where(other == 0, SKY, 255).astype(np.uint8)]


INSTANCES, LABELS = street()
PLACES = simulated_clicks(INSTANCES, LABELS)
NOTHING = np.zeros((HEIGHT, WIDTH), dtype=bool)
EVERYTHING = ~NOTHING
AUTO, PART, OBJECT, WHOLE = range(4)  # places of SAM's candidates; of the masks here, auto takes the first


def object_mask(number, class_id):
    return (INSTANCES[0] == number) & (LABELS[0] == class_id)


def place_of(number, class_id):
    return next(p for p in PLACES if (p.object_id, p.class_id) == (number, class_id))


class Street:
    """A scene of two views whose surfaces are one unit away, but for the sky."""

    names = ("000", "001")

    def camera(self, view):
        return Pinhole(torch.eye(4)[:3], 24.0, 24.0, 12.0, 10.0, (HEIGHT, WIDTH))

    def image(self, view):
        return np.full((HEIGHT, WIDTH, 3), view, dtype=np.uint8)

    def image_key(self, view):
        return view

    def samples(self, view):
        distance = torch.ones(HEIGHT, WIDTH)
        distance[torch.from_numpy(INSTANCES[view] == 0)] = torch.inf
        none = torch.zeros(0)
        return ViewSamples(none.reshape(0, 3), none, none.long(), distance)


class HandMadeMasks:
    """A segmenter with four masks for each click, and others for the click with a box; nothing elsewhere."""

    name = "hand-made"

    def __init__(self, clicks, boxes=None):
        self.answers = {(place_of(*key).place, False): masks for key, masks in clicks.items()}
        self.answers |= {(place_of(*key).place, True): masks for key, masks in (boxes or {}).items()}
        self.asked = []

    def set_image(self, image, key=None, on_disk=True):
        assert key == 0

    def predict(self, prompt, size=None):
        question = tuple(prompt.points[0].tolist()), prompt.box is not None
        self.asked.append(question)
        masks = np.stack(self.answers.get(question, [NOTHING] * 4))
        scores = np.array([0.9, 0.8, 0.8, 0.8], dtype=np.float32)
        return Candidates(np.where(masks, 5.0, -5.0).astype(np.float32), scores, np.zeros((4, 256, 256), np.float32))


class Highlighted:
    """An object in 3D that shows one mask in the first view and another, or nothing, in the other."""

    def __init__(self, prompt, mask, elsewhere=NOTHING):
        self.prompt, self._mask, self._elsewhere = prompt, torch.from_numpy(mask), torch.from_numpy(elsewhere)

    def mask(self, samples):
        return self._mask if samples.distance[3, 0].isinf() else self._elsewhere


class Engine:
    """Previews as the selection does; in 3D an object is its preview, unless something else is given.

    Args:
        in_3d: (name, granularity, whether there is a box) -> mask in the first view, None for what cannot be selected.
        elsewhere: the same keys -> mask in the other view.
    """

    def __init__(self, in_3d=None, elsewhere=None):
        self.in_3d, self.elsewhere = in_3d or {}, elsewhere or {}

    def first_mask(self, scene, segmenter, prompt):
        return first_mask(scene, segmenter, prompt)

    def select(self, scene, segmenter, prompts, listener):
        for prompt in prompts:
            first = self.first_mask(scene, segmenter, prompt)
            key = prompt.name, prompt.granularity, prompt.views[0].box is not None
            mask = self.in_3d.get(key, first.masks[first.chosen])
            if mask is None:
                raise InputError("nowhere are more votes for the object")
            yield Highlighted(prompt, mask, self.elsewhere.get(key, NOTHING))


def clicked(segmenter, *objects, most=30, engine=None):
    """What a person does who sees only these objects: (number, class), the widest first."""
    person = SimulatedPerson(Street(), segmenter, engine or Engine(), INSTANCES, LABELS, NAMES)
    return person.label([place_of(*each) for each in objects], most)


def test_an_outline_that_is_right_is_taken_as_it_is():
    segmenter = HandMadeMasks({(5, HOUSE): [object_mask(5, HOUSE), NOTHING, EVERYTHING, EVERYTHING]})
    done = clicked(segmenter, (5, HOUSE))
    (house,) = done.objects
    assert (house.prompt.name, house.prompt.class_name, house.prompt.granularity) == ("House 1", "House", "auto")
    (view,) = house.prompt.views
    assert view.view == "000" and view.points == ((*place_of(5, HOUSE).place, 1),) and view.box is None
    assert done.actions == {"clicks": 1} and done.spent == 1 and not done.given_up
    assert not any(boxed for _, boxed in segmenter.asked)


@pytest.mark.parametrize("pixels, taken", [(4, True), (3, False)])
def test_a_piece_of_a_thing_is_a_good_label_and_a_speck_is_not(pixels, taken):
    part = object_mask(3, CAR) & (np.cumsum(object_mask(3, CAR)).reshape(HEIGHT, WIDTH) <= pixels)  # of 16
    done = clicked(HandMadeMasks({(3, CAR): [part] * 4}), (3, CAR))
    assert bool(done.objects) is taken


@pytest.mark.parametrize("beside, taken", [(1, True), (2, False)])
def test_what_a_label_takes_too_much_is_little(beside, taken):
    car, road = object_mask(3, CAR), (LABELS[0] == ROAD) & (np.arange(HEIGHT)[:, None] > 12)
    outline = car | (road & (np.cumsum(road).reshape(HEIGHT, WIDTH) <= beside))  # 16 of 17 pixels are 0.94
    done = clicked(HandMadeMasks({(3, CAR): [outline] * 4}), (3, CAR))
    assert bool(done.objects) is taken
    if not taken:
        assert done.given_up == {"Car 1": "in view 000, 89% right at best"}


def test_a_rim_of_one_pixel_is_not_seen():
    person = SimulatedPerson(Street(), HandMadeMasks({}), Engine(), INSTANCES, LABELS, NAMES)
    car = object_mask(4, CAR)  # 3 by 3
    rim = ndimage.binary_dilation(car, np.ones((3, 3)))
    rim[5] = False  # 20 pixels, 9 of them right
    assert not person._look(place_of(4, CAR), {0: rim}).good
    rim[:, 7] = False  # 9 of 16
    assert person._look(place_of(4, CAR), {0: rim}).good
    aside = rim.copy()
    aside[17, 20] = True  # 1 of 17 lies elsewhere
    assert not person._look(place_of(4, CAR), {0: aside}).good


def test_the_good_meaning_that_shows_most_is_taken_and_costs_no_click():
    house = object_mask(5, HOUSE)
    half = house & (np.arange(WIDTH) < 19)  # 5 of 8 columns: good, but not the most
    done = clicked(HandMadeMasks({(5, HOUSE): [half, half, house, EVERYTHING]}), (5, HOUSE))
    assert done.objects[0].prompt.granularity == "object" and done.objects[0].prompt.views[0].box is None
    assert done.actions == {"clicks": 1, "granularities": 1} and done.spent == 1


def test_what_has_no_class_is_neither_right_nor_wrong():
    person = SimulatedPerson(Street(), HandMadeMasks({}), Engine(), INSTANCES, LABELS, NAMES)
    sky = next(place for place in PLACES if place.view == 1)
    assert person._look(sky, {1: EVERYTHING}).right == 1.0 and not person._look(sky, {1: LABELS[1] == 255}).good


def test_a_box_helps_where_no_meaning_does_and_costs_a_click():
    masks = {(5, HOUSE): [EVERYTHING, NOTHING, EVERYTHING, EVERYTHING]}
    done = clicked(HandMadeMasks(masks, {(5, HOUSE): [object_mask(5, HOUSE)] * 4}), (5, HOUSE))
    (view,) = done.objects[0].prompt.views
    assert view.box == (14.0, 5.0, 22.0, 13.0) and len(view.points) == 1
    assert done.objects[0].prompt.granularity == "auto"
    assert done.actions == {"clicks": 1, "boxes": 1} and done.spent == 2


def test_another_meaning_of_the_box_is_looked_at_too():
    car = object_mask(3, CAR)
    cross = car & ((np.arange(WIDTH) == 3) | (np.arange(HEIGHT)[:, None] == 7))  # fills the box with 7 of 16 pixels
    speck = car & (np.arange(WIDTH) < 3) & (np.arange(HEIGHT)[:, None] < 9)
    done = clicked(HandMadeMasks({(3, CAR): [speck] * 4}, {(3, CAR): [cross, speck, speck, car]}), (3, CAR))
    assert done.objects[0].prompt.granularity == "whole" and done.objects[0].prompt.views[0].box is not None
    assert done.actions == {"clicks": 1, "boxes": 1, "granularities": 1} and done.spent == 2


def test_what_cannot_be_had_is_given_up_and_the_next_of_its_class_clicked():
    segmenter = HandMadeMasks({(3, CAR): [EVERYTHING] * 4, (4, CAR): [object_mask(4, CAR)] * 4})
    done = clicked(segmenter, (5, HOUSE), (3, CAR), (4, CAR))
    assert [each.prompt.name for each in done.objects] == ["Car 2"]
    assert done.actions == {"clicks": 3, "boxes": 2} and done.spent == 5
    assert set(done.given_up) == {"House 1", "Car 1"}
    # the road and all else is the outline: 16 + 9 pixels of 480
    assert done.given_up["Car 1"] == "in view 000, 5% right at best"


def test_clicks_are_never_more_than_allowed():
    segmenter = HandMadeMasks({(5, HOUSE): [EVERYTHING] * 4}, {(5, HOUSE): [object_mask(5, HOUSE)] * 4})
    done = clicked(segmenter, (5, HOUSE), (3, CAR), most=1)
    assert done.spent == 1 and not done.objects
    assert not any(boxed for _, boxed in segmenter.asked)
    done = clicked(segmenter, (3, CAR), (5, HOUSE), (4, CAR), most=3)  # none is left for the box of the house
    assert done.spent == 3 and list(done.given_up) == ["Car 1", "House 1"]


CARS = {(3, CAR): [object_mask(3, CAR)] * 4, (4, CAR): [object_mask(4, CAR)] * 4}


def test_an_object_that_floods_the_scene_in_3d_is_undone_and_its_click_stays_spent():
    wrong = {("Car 1", meaning, False): EVERYTHING for meaning in ("auto", "object", "whole")}
    floods = Engine({**wrong, ("Car 1", "part", False): None})
    done = clicked(HandMadeMasks(CARS), (3, CAR), (4, CAR), engine=floods)
    assert [each.prompt.name for each in done.objects] == ["Car 2"]
    assert done.actions == {"clicks": 2, "granularities": 3, "boxes": 1} and done.spent == 3
    assert done.given_up == {
        "Car 1": "in view 000, auto: 100% right, in 3D 5%; part: 100% right, nowhere are more votes for the object; "
        "object: 100% right, in 3D 5%; whole: 100% right, in 3D 5%"
    }


@pytest.mark.parametrize("wrong, taken", [(8, True), (9, False)])
def test_what_is_right_where_it_was_clicked_is_looked_at_from_all_sides(wrong, taken):
    """The other view shows the sky in its first two rows: 16 pixels of the car are right, and these are not."""
    sky = np.cumsum(LABELS[1] == SKY).reshape(HEIGHT, WIDTH)
    beyond = {("Car 1", meaning, False): sky <= wrong for meaning in ("auto", "part", "object", "whole")}
    done = clicked(HandMadeMasks(CARS), (3, CAR), engine=Engine(elsewhere=beyond))
    assert bool(done.objects) is taken  # two thirds of 24
    if not taken:
        assert "auto: 100% right, in 3D 100%, from all sides 64%" in done.given_up["Car 1"]


def test_a_street_is_no_speck_of_the_roads_of_a_town():
    person = SimulatedPerson(Street(), HandMadeMasks({}), Engine(), INSTANCES, LABELS, NAMES)
    town = replace(place_of(1, ROAD), pixels=100_000)  # a hundredth of the view are 4.8 pixels
    road = LABELS[0] == ROAD
    for pixels, good in ((4, False), (5, True)):
        piece = road & (np.cumsum(road).reshape(HEIGHT, WIDTH) <= pixels)
        assert person._look(town, {0: piece}).good is good


@pytest.mark.parametrize("right", [("auto", True), ("part", True)])
def test_after_an_object_is_undone_other_meanings_and_a_box_are_tried(right):
    meanings = ("auto", "part", "object", "whole")
    wrong = {("Car 1", meaning, box): EVERYTHING for meaning in meanings for box in (False, True)}
    del wrong[("Car 1", *right)]
    done = clicked(HandMadeMasks(CARS, {(3, CAR): [object_mask(3, CAR)] * 4}), (3, CAR), engine=Engine(wrong))
    (car,) = done.objects
    assert (car.prompt.granularity, car.prompt.views[0].box is not None) == right
    assert done.actions["clicks"] == done.actions["boxes"] == 1 and not done.given_up


def test_another_meaning_after_undoing_costs_no_click():
    done = clicked(HandMadeMasks(CARS), (3, CAR), engine=Engine({("Car 1", "auto", False): EVERYTHING}))
    assert done.objects[0].prompt.granularity == "part"  # the first of those that are alike
    assert done.actions == {"clicks": 1, "granularities": 1}


def test_a_road_of_tiles_is_one_click_and_its_line_another():
    road, line = LABELS[0] == ROAD, object_mask(1, LINE)
    segmenter = HandMadeMasks({(1, ROAD): [road] * 4, (2, ROAD): [road] * 4, (1, LINE): [line] * 4})
    done = clicked(segmenter, (1, ROAD), (2, ROAD), (1, LINE))
    # tile 2 is highlighted as road when its turn comes
    assert [each.prompt.class_name for each in done.objects] == ["Road", "Line"] and done.spent == 2
    # what is highlighted as another class is not done
    both = Engine({("House 1", "auto", False): object_mask(5, HOUSE) | object_mask(3, CAR)})
    segmenter = HandMadeMasks({(5, HOUSE): [object_mask(5, HOUSE)] * 4, (3, CAR): [object_mask(3, CAR)] * 4})
    done = clicked(segmenter, (5, HOUSE), (3, CAR), engine=both)
    assert [each.prompt.class_name for each in done.objects] == ["House", "Car"]


def test_one_click_on_the_sky_is_enough_for_all_views():
    person = SimulatedPerson(Street(), HandMadeMasks({}), Engine(), INSTANCES, LABELS, NAMES)
    sky = [place for place in PLACES if place.class_id == SKY]
    assert [place.view for place in sky] == [0, 1]
    done = person.label(sky, 30)
    assert [each.prompt.name for each in done.objects] == ["Sky 1"] and done.spent == 1


def test_a_sky_that_is_wrong_elsewhere_costs_one_click():
    """72 pixels of it are right where it is clicked, 24 have no class, and the other view's 48 show a house."""
    first = LABELS[0].copy()
    first[3] = 255
    labels = [first, np.where(LABELS[1] == SKY, HOUSE, 255).astype(np.uint8)]
    sky = next(place for place in PLACES if (place.class_id, place.view) == (SKY, 0))
    done = SimulatedPerson(Street(), HandMadeMasks({}), Engine(), INSTANCES, labels, NAMES).label([sky], 30)
    assert not done.objects and done.actions == {"clicks": 1}
    assert done.given_up == {"Sky 1": "in view 000, auto: 100% right, in 3D 100%, from all sides 60%"}


def test_every_class_comes_before_a_second_object_of_one():
    keys = [(1, ROAD), (2, ROAD), (5, HOUSE), (3, CAR), (4, CAR), (1, LINE)]
    segmenter = HandMadeMasks({key: [object_mask(*key)] * 4 for key in keys})
    done = clicked(segmenter, *keys)
    assert [each.prompt.name for each in done.objects] == [
        *("Road 1", "House 1", "Car 1", "Line 1"),
        *("Road 2", "Car 2"),
    ]


def test_a_class_that_cannot_be_had_does_not_take_all_clicks():
    keys = [(1, ROAD), (2, ROAD)]
    segmenter = HandMadeMasks({key: [object_mask(*key)] * 4 for key in keys})
    done = clicked(segmenter, *keys, *[(3, CAR)] * (TRIES + 2), most=1 + 2 * TRIES + 1)
    assert [each.prompt.name for each in done.objects] == ["Road 1", "Road 2"]
    assert list(done.given_up) == [f"Car {number + 1}" for number in range(TRIES)]
    done = clicked(segmenter, *keys, *[(3, CAR)] * (TRIES + 2))  # with clicks left, the others follow
    assert len(done.given_up) == TRIES + 2


def test_a_class_of_many_large_things_waits_for_its_next_turn():
    person = SimulatedPerson(Street(), HandMadeMasks({}), Engine(), INSTANCES, LABELS, NAMES)
    # sizes fall from left to right: the three largest things are houses
    places = [replace(place_of(5, HOUSE), object_id=number, class_id=kind) for number, kind in enumerate("AAABB")]
    person.names = {"A": "A", "B": "B"}
    order, tries, done = [], Counter(), ClickedScene()
    while places:
        place = person._next(places, tries, done)
        places.remove(place)
        tries[place.class_id] += 1
        done.objects.append(SimpleNamespace(prompt=SimpleNamespace(class_name=place.class_id)))
        order.append(place.object_id)
    assert order == [0, 3, 1, 4, 2]


def test_classes_take_turns():
    segmenter = HandMadeMasks({(5, HOUSE): [object_mask(5, HOUSE)] * 4})
    done = clicked(segmenter, (3, CAR), (4, CAR), (5, HOUSE), most=3)
    assert list(done.given_up) == ["Car 1"] and [each.prompt.name for each in done.objects] == ["House 1"]
