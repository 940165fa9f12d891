"""The sky where no label shows it."""

import numpy as np
import pytest

from nerfseg_ns.core.class_table import ClassTable, SemanticClass
from nerfseg_ns.core.open_sky import away_from, open_sky, sky_class, sky_examples


def table(*names: str) -> ClassTable:
    return ClassTable(tuple(SemanticClass(id, name, (id, 0, 0)) for id, name in enumerate(names)))


@pytest.mark.parametrize(
    ("names", "labelled", "expected"),
    [
        (("Road", "Sky"), [0], 1),
        (("sky", "Road"), [1, 255], 0),
        (("Road", "Sky"), [0, 1], None),  # labels have it: they know better
        (("Road", "Skyscraper"), [0], None),
    ],
)
def test_a_class_called_sky_that_no_label_has(names: tuple, labelled: list, expected: int | None) -> None:
    assert sky_class(table(*names), labelled) == expected


def test_a_ray_that_rises_and_leaves_the_scene_goes_to_the_sky() -> None:
    points = np.array([[0.0, 1.5, 0.3], [0.0, 0.9, 0.3], [0.0, 1.5, -0.1], [0.2, 0.1, 1.2]])
    directions = np.array([[0.0, 1.0, 0.2], [0.0, 1.0, 0.2], [0.0, 1.0, -0.2], [0.1, 0.0, 5.0]])
    # a tower in the scene is no sky, and neither is the ground near the horizon
    assert open_sky(points, directions).tolist() == [True, False, False, True]


def test_what_is_near_a_label_is_what_the_label_says() -> None:
    labelled = np.array([[0.0, 0, 0], [1.0, 0, 0]])
    points = np.array([[0.0, 0, 0.09], [0.5, 0, 0], [1.0, 0.2, 0], [1.05, 0, 0]])
    assert away_from(labelled, points, 0.1).tolist() == [1, 2]
    assert away_from(labelled, points[:0], 0.1).tolist() == []


def test_examples_are_as_frequent_as_in_the_views() -> None:
    sky = np.arange(1000, 1100)
    rows = sky_examples(sky, 1000, 300, seed=0)  # a tenth
    assert len(set(rows.tolist())) == 30 and np.isin(rows, sky).all()
    assert len(sky_examples(sky, 1000, 1_000_000, seed=0)) == 100 and len(sky_examples(sky, 1000, 2, seed=0)) == 1
    assert len(sky_examples(sky[:0], 1000, 300, seed=0)) == len(sky_examples(sky[:0], 0, 3, seed=0)) == 0
