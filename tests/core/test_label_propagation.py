"""Labels carried over near their surface, and judged by look elsewhere."""

import numpy as np
import pytest

from nerfseg_ns.core import label_propagation
from nerfseg_ns.core.label_propagation import LOOK_WEIGHT, LabelPropagation, SeenPixels

GREY = np.full(3, 0.5)


def known(generator: np.random.Generator, count: int = 400) -> dict:
    """Class 3 at x = 0, class 7 at x = 100; 3 looks dark and 7 bright. Spacing 1."""
    points = generator.normal(size=(2 * count, 3))
    points[count:, 0] += 100.0
    look = np.concatenate([generator.normal(0.2, 0.02, (count, 2)), generator.normal(0.8, 0.02, (count, 2))])
    classes = np.repeat([3, 7], count)
    return dict(points=points, colours=np.tile(GREY, (2 * count, 1)), features=look, classes=classes, spacing=1.0)


def test_a_label_is_carried_to_its_surface_whatever_the_look_and_the_look_decides_far_away() -> None:
    propagation = LabelPropagation(**known(np.random.default_rng(0)))
    points = np.array([[0.0, 0, 0], [100.0, 0, 0], [0.0, 0, 50], [100.0, 0, 50]])
    looks = np.array([[0.8, 0.8], [0.2, 0.2], [0.8, 0.8], [0.2, 0.2]])
    found = propagation(points, np.tile(GREY, (4, 1)), looks)
    assert found.classes.tolist() == [3, 7, 7, 3]
    # near: 1 x carried against LOOK_WEIGHT x look, up to the distance of the nearest labelled points
    assert found.confidence[:2] == pytest.approx(1 / (1 + LOOK_WEIGHT), abs=0.05)
    assert (found.confidence[2:] > 0.95).all()


def test_beside_an_outline_a_label_nearby_says_nothing() -> None:
    propagation = LabelPropagation(**known(np.random.default_rng(0)))
    # on the labelled surface of 3, and bright as 7 is: a thing that the outline of 3 left out
    points, look = np.array([[0.0, 0, 0], [0.0, 0, 0]]), np.array([[0.8, 0.8], [0.2, 0.2]])
    assert propagation(points, np.tile(GREY, (2, 1)), look).classes.tolist() == [3, 3]
    found = propagation(points, np.tile(GREY, (2, 1)), look, beside_outlines=np.array([True, True]))
    assert found.classes.tolist() == [7, 3] and (found.confidence > 0.95).all()
    points, look = np.repeat(points[:1], 2, axis=0), np.repeat(look[:1], 2, axis=0)
    found = propagation(points, np.tile(GREY, (2, 1)), look, beside_outlines=np.array([True, False]))
    assert found.classes.tolist() == [7, 3]


def test_colour_keeps_a_label_from_its_neighbour() -> None:
    generator = np.random.default_rng(1)
    points = generator.uniform(-3, 3, (2000, 3)) * [1, 1, 0]
    classes = (np.arange(2000) % 2).astype(np.int64)
    colours = np.where(classes[:, None] == 1, 1.0, 0.2) * np.ones(3)
    propagation = LabelPropagation(points, colours, np.zeros((2000, 1)), classes, spacing=1.0)
    asked = np.zeros((2, 3))
    found = propagation(asked, np.array([[0.95] * 3, [0.25] * 3]), np.zeros((2, 1)))
    assert found.classes.tolist() == [1, 0]


def test_a_unit_has_no_meaning() -> None:
    values = known(np.random.default_rng(2))
    points = np.array([[1.0, 2, 0], [97.0, 1, 3], [50.0, 0, 0]])
    looks = np.full((3, 2), 0.45)
    first = LabelPropagation(**values)(points, np.tile(GREY, (3, 1)), looks)
    scaled = LabelPropagation(**{**values, "points": 1e-3 * values["points"], "spacing": 1e-3})
    second = scaled(1e-3 * points, np.tile(GREY, (3, 1)), looks)
    assert first.classes.tolist() == second.classes.tolist()
    np.testing.assert_allclose(first.confidence, second.confidence, rtol=1e-6)


def test_one_class_alone_and_fewer_pixels_than_neighbours() -> None:
    propagation = LabelPropagation(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 1)), np.array([4, 4]), spacing=1.0)
    found = propagation(np.array([[0.0, 0, 0], [9.0, 9, 9]]), np.zeros((2, 3)), np.zeros((2, 1)))
    assert found.classes.tolist() == [4, 4] and found.confidence.tolist() == [1.0, 1.0]


def test_two_clicks_tell_two_looks_apart() -> None:
    looks = np.array([[0.2, 0.5], [0.8, 0.5]])
    propagation = LabelPropagation(np.zeros((2, 3)), np.zeros((2, 3)), looks, np.array([3, 7]), spacing=1.0)
    found = propagation(np.full((2, 3), 90.0), np.zeros((2, 3)), np.array([[0.25, 0.5], [0.75, 0.5]]))
    assert found.classes.tolist() == [3, 7]


def test_a_class_of_one_pixel_is_not_lost_among_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_propagation, "MOST_EXAMPLES", 50)
    monkeypatch.setattr(label_propagation, "MOST_KNOWN", 60)
    points, classes = np.zeros((1000, 3)), np.full(1000, 3)
    points[:, 0] = np.arange(1000)
    classes[700] = 7
    for seed in range(5):  # a choice of 50 seldom has it, and one class alone is nothing to learn from
        propagation = LabelPropagation(points, np.zeros((1000, 3)), points[:, :1], classes, spacing=0.01, seed=seed)
        found = propagation(points[700:701], np.zeros((1, 3)), points[700:701, :1])
        assert found.confidence.shape == (1,) and 1 in propagation._known


def test_the_seed_chooses_the_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_propagation, "MOST_EXAMPLES", 100)
    values, asked = known(np.random.default_rng(3)), np.random.default_rng(4).normal(0.5, 0.2, (50, 2))
    far = np.full((50, 3), 1e3)
    first, again, other = (
        LabelPropagation(**values, seed=seed)(far, np.tile(GREY, (50, 1)), asked).confidence for seed in (0, 0, 1)
    )
    assert (first == again).all() and not (first == other).all()


def from_the_other_side(generator: np.random.Generator, where: np.ndarray, count: int = 300) -> SeenPixels:
    """Pixels around a place that look like nothing that is labelled: their first feature is as bright as class 7's."""
    points = generator.normal(scale=0.3, size=(count, 3)) + where
    look = np.stack([generator.normal(0.8, 0.02, count), generator.normal(0.2, 0.02, count)], axis=-1)
    return SeenPixels(points, np.tile(GREY, (count, 1)), look)


def test_a_labelled_surface_teaches_what_it_looks_like_from_elsewhere() -> None:
    values = known(np.random.default_rng(5))
    values["points"] *= [1.0, 0.1, 0.1]  # dense enough for labels to be carried surely
    far, look = np.full((1, 3), 1e3), np.array([[0.8, 0.2]])
    taught = LabelPropagation(
        **values, others=from_the_other_side(np.random.default_rng(6), np.zeros(3))
    )  # they show class 3
    found = taught(far, GREY[None], look)
    assert found.classes.tolist() == [3] and found.confidence[0] > 0.9
    other = LabelPropagation(**values, others=from_the_other_side(np.random.default_rng(6), np.array([100.0, 0, 0])))
    found = other(far, GREY[None], look)
    assert found.classes.tolist() == [7] and found.confidence[0] > 0.9


def test_pixels_away_from_labelled_surfaces_teach_nothing() -> None:
    values, asked = known(np.random.default_rng(7)), np.random.default_rng(8).uniform(size=(50, 2))
    away = from_the_other_side(np.random.default_rng(9), np.array([50.0, 0, 0]))
    nobody = SeenPixels(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 2)))
    far, grey = np.full((50, 3), 1e3), np.tile(GREY, (50, 1))
    alone = LabelPropagation(**values)(far, grey, asked)
    for others in (away, nobody):
        found = LabelPropagation(**values, others=others)(far, grey, asked)
        np.testing.assert_array_equal(found.confidence, alone.confidence)


def test_a_seen_again_pixel_needs_the_colour_of_its_label_and_never_drowns_its_examples() -> None:
    values = known(np.random.default_rng(10))
    propagation = LabelPropagation(**values)
    again, examples = from_the_other_side(np.random.default_rng(11), np.zeros(3)), np.repeat([0, 1], 400)
    features, classes = propagation._seen_again(again, examples, np.random.default_rng(0))
    assert len(features) == len(classes) > 20 and set(classes.tolist()) == {0}  # the first of the known ids, 3
    few = propagation._seen_again(again, examples[390:], np.random.default_rng(0))[1]
    assert few.tolist() == [0] * 10
    white = SeenPixels(again.points, np.ones((300, 3)), again.features)
    assert len(propagation._seen_again(white, examples, np.random.default_rng(0))[0]) == 0


def test_a_class_of_three_clicks_survives_thousands_of_pixels_that_show_another() -> None:
    generator = np.random.default_rng(12)
    points = np.concatenate([generator.normal(size=(27, 3)) * 0.2, generator.normal(size=(3, 3)) + [100.0, 0, 0]])
    look = np.concatenate([generator.normal(0.3, 0.1, (27, 2)), generator.normal(0.7, 0.1, (3, 2))])
    others = SeenPixels(
        generator.normal(size=(4000, 3)) * 0.2, np.tile(GREY, (4000, 1)), generator.normal(0.3, 0.1, (4000, 2))
    )
    propagation = LabelPropagation(
        points, np.tile(GREY, (30, 1)), look, np.repeat([3, 7], [27, 3]), spacing=1.0, others=others
    )
    found = propagation(np.full((200, 3), 1e3), np.tile(GREY, (200, 1)), generator.normal(0.75, 0.1, (200, 2)))
    assert (found.classes == 7).mean() > 0.8


def test_what_is_sure_without_a_label_teaches_what_its_kind_looks_like() -> None:
    generator = np.random.default_rng(0)
    labelled = known(generator)
    labelled["features"][:, 1] = generator.normal(0.5, 0.2, 800)  # says nothing of the classes
    # without labels, things of 3 are dark as the labelled ones are, and their second feature is high
    darkness, second = np.repeat([0.2, 0.8], 4000), np.repeat([1.5, 0.0], 4000)
    unlabelled = np.stack([darkness, second], axis=-1) + generator.normal(0.0, 0.02, (8000, 2))
    unsure = np.full((400, 2), [0.5, -2.0]) + generator.normal(0.0, 0.02, (400, 2))
    far, asked = np.array([[0.0, 0, 500], [0.0, 0, 500]]), np.array([[0.49, 1.5], [0.51, 0.0]])

    def sure_of(**options: object) -> np.ndarray:
        propagation = LabelPropagation(**labelled, frequencies_count=False, **options)
        found = propagation(far, np.tile(GREY, (2, 1)), asked)
        return np.where(found.classes == [3, 7], found.confidence, 1.0 - found.confidence)

    once, again = sure_of(), sure_of(unlabelled=np.concatenate([unlabelled, unsure]))
    assert once.min() < 0.5 and again.min() > 0.58
    assert sure_of(unlabelled=np.zeros((0, 2))) == pytest.approx(once)


def test_nothing_known_is_no_knowledge() -> None:
    empty = np.zeros((0, 3))
    with pytest.raises(ValueError, match="0 labelled pixels"):
        LabelPropagation(empty, empty, empty, np.zeros(0, np.int64), spacing=1.0)
    with pytest.raises(ValueError, match="spacing of 0"):
        LabelPropagation(np.zeros((1, 3)), np.zeros((1, 3)), np.zeros((1, 1)), np.zeros(1, np.int64), spacing=0.0)
