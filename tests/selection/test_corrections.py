"""Clicks in later views, where the other views see it otherwise."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from nerfseg_ns.core.mask_prompts import apart
from nerfseg_ns.segmenters.prompt import Prompt2D
from nerfseg_ns.segmenters.segmenter import Candidates
from nerfseg_ns.selection.corrections import corrections
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.selector import Listener
from nerfseg_ns.selection.vote_selector import VoteSelector


@pytest.fixture
def both_segmenter(analytic: object, colour_segmenter: object, monkeypatch: pytest.MonkeyPatch) -> object:
    """It takes both balls for one object, but for a ball with a click of label 0."""
    balls = [colour for *_, colour in analytic.BALLS.values()]

    def predict(prompt: Prompt2D, size: tuple[int, int] | None = None) -> Candidates:
        image = colour_segmenter._image
        beside = [tuple(image[int(y), int(x)]) for (x, y), label in zip(prompt.points, prompt.labels) if label == 0]
        mask = np.any([(image == ball).all(axis=-1) for ball in balls if ball not in beside], axis=0)
        logits = np.repeat(np.where(mask, 5.0, -5.0).astype(np.float32)[None], 4, axis=0)
        return Candidates(logits, np.full(4, 0.9, np.float32), np.zeros((4, 256, 256), np.float32))

    monkeypatch.setattr(colour_segmenter, "predict", predict)
    return colour_segmenter


def covered(scene: object, selected: object, ball: str) -> float:
    """Share of a ball's pixels, over all views, that are in the object."""
    masks = torch.stack([selected.mask(scene.samples(view)) for view in range(len(scene.names))])
    truth = torch.stack([scene.truth(view, ball) for view in range(len(scene.names))])
    return float((masks & truth).sum() / truth.sum())


def select(scene: object, segmenter: object, *clicks: tuple[int, str, int]) -> Callable[[str], float]:
    """Segment with clicks of (view, ball, label); tells how much of a ball is in the object."""
    views = tuple(ViewPrompt(scene.names[view], ((*scene.middle(view, ball), label),)) for view, ball, label in clicks)
    selected = next(VoteSelector().select(scene, segmenter, [ObjectPrompt("thing", views)], Listener()))
    return lambda ball: covered(scene, selected, ball)


def test_a_click_beside_the_object_in_a_later_view_takes_away_what_all_views_vote_for(
    analytic_scene: object, both_segmenter: object
) -> None:
    alone = select(analytic_scene, both_segmenter, (0, "red", 1))
    assert alone("red") > 0.95 and alone("blue") > 0.95
    corrected = select(analytic_scene, both_segmenter, (0, "red", 1), (3, "blue", 0))
    assert corrected("red") > 0.95 and corrected("blue") < 0.15


def test_a_click_on_the_object_in_a_later_view_adds_what_shows_there(
    analytic_scene: object, colour_segmenter: object
) -> None:
    alone = select(analytic_scene, colour_segmenter, (0, "red", 1))
    assert alone("blue") < 0.05
    corrected = select(analytic_scene, colour_segmenter, (0, "red", 1), (3, "blue", 1))
    assert corrected("red") > 0.95 and corrected("blue") > 0.5


def test_only_the_part_around_the_click_that_the_votes_see_otherwise_is_corrected() -> None:
    rendered, mask = torch.zeros(2, 10, 20, dtype=torch.bool)
    rendered[2:6, 2:14] = True
    mask[2:6, 2:6] = mask[2:6, 16:19] = True
    beside = ViewPrompt("a", ((12.0, 3.0, 0), (3.0, 3.0, 0), (17.5, 4.5, 1), (0.5, 0.5, 1)))
    found = corrections(7, beside, rendered, mask)
    # the second click's mask does not keep to it, the last one's neither: nothing to decide about
    assert [(one.view, one.belongs, int(one.region.sum())) for one in found] == [(7, False, 32), (7, True, 12)]
    assert bool(found[0].region[2:6, 6:14].all()) and bool(found[1].region[2:6, 16:19].all())


def test_what_is_hidden_far_behind_stays(analytic_scene: object) -> None:
    camera, distance = analytic_scene.camera(0), analytic_scene.samples(0).distance
    x, y = (int(place) for place in analytic_scene.middle(0, "red"))
    rendered = torch.zeros(camera.size, dtype=torch.bool)
    rendered[y - 2 : y + 3, x - 2 : x + 3] = True
    beside, on = ((float(x), float(y), label) for label in (0, 1))
    (taken,) = corrections(0, ViewPrompt("000", (beside,)), rendered, ~rendered)
    (added,) = corrections(0, ViewPrompt("000", (on,)), ~rendered, rendered)
    width = 5 * float(distance[y, x]) / camera.fx
    along = distance[y, x] + torch.tensor([-0.02, 0.0, 0.02, 0.8 * width, 2 * width])
    points = camera.centre + camera.directions()[y, x] * along[:, None]
    assert taken.reaches(analytic_scene, points, 0.01).tolist() == [False, True, True, True, False]
    assert added.reaches(analytic_scene, points, 0.01).tolist() == [False, True, False, False, False]
    elsewhere = camera.centre + camera.directions()[y, x + 6] * distance[y, x + 6]
    assert not taken.reaches(analytic_scene, elsewhere[None], 0.01).any()


def test_pixels_apart_from_points() -> None:
    mask = np.ones((1, 9), dtype=bool)
    assert apart(mask, [(2.5, 0.5), (8.5, 0.5)], 1.0).tolist() == [
        [True, False, False, False, True, True, True, False, False]
    ]
    assert apart(mask, [], 9.0).all()
