"""What the segmenter is shown of small and thin things, and which of its answers is taken."""

import numpy as np
import pytest

from nerfseg_ns.segmenters.prompt import Prompt2D
from nerfseg_ns.segmenters.segmenter import Candidates
from nerfseg_ns.selection import vote_rounds, vote_selector
from nerfseg_ns.selection.closer_look import Window, closer_window, look_closer
from nerfseg_ns.selection.first_view import predict
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.selector import Listener
from nerfseg_ns.selection.vote_rounds import VoteSettings
from nerfseg_ns.selection.vote_selector import VoteSelector

SIZE = (192, 256)


def rectangle(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = np.zeros(SIZE, dtype=bool)
    mask[y0:y1, x0:x1] = True
    return mask


class OneView:
    """A scene of one view whose image is twice as large as its camera; each pixel of it says where it is."""

    names = ("000",)

    def image(self, view: int) -> np.ndarray:
        y, x = np.mgrid[: 2 * SIZE[0], : 2 * SIZE[1]]
        return np.stack([x // 2, y // 2, np.zeros_like(x)], axis=-1).astype(np.uint8)

    def image_key(self, view: int) -> int:
        return 7


class Shown:
    """A segmenter that notes what it is shown and asked, and answers with masks at the places of the whole view."""

    name = "shown"

    def __init__(self, *masks: np.ndarray) -> None:
        self.masks, self.keys, self.prompts, self.kept = masks, [], [], []

    def set_image(self, image: np.ndarray, key: object = None, on_disk: bool = True) -> None:
        self.corner = tuple(int(value) for value in image[0, 0, :2])
        self.keys.append(key)
        self.kept.append(on_disk)

    def predict(self, prompt: Prompt2D, size: tuple[int, int] | None = None) -> Candidates:
        self.prompts.append(prompt)
        x, y = self.corner
        shown = np.stack([mask[y : y + size[0], x : x + size[1]] for mask in self.masks])
        logits = np.where(shown, 1.0, -1.0).astype(np.float32)
        return Candidates(logits, np.linspace(0.5, 0.9, len(shown), dtype=np.float32), np.zeros((len(shown), 256, 256)))


def click(x: float, y: float, label: int = 1) -> Prompt2D:
    return Prompt2D(np.array([[x, y]], dtype=np.float32), np.array([label]))


@pytest.mark.parametrize(
    ("mask", "window"),
    [
        (rectangle(100, 100, 102, 120), Window(88, 96, 32, 32)),  # 1.5 times 20 is less than an eighth of 256
        (rectangle(100, 100, 102, 123), Window(64, 80, 64, 64)),  # 1.5 times 23 is not
        (rectangle(0, 0, 4, 4), Window(0, 0, 32, 32)),  # in a corner
        (rectangle(40, 180, 125, 184), Window(32, 64, 128, 128)),  # long: half of the image
        (rectangle(40, 180, 126, 184), None),  # longer: nothing would be enlarged
        (rectangle(100, 100, 108, 120), Window(88, 96, 32, 32)),  # 4 deep
        (rectangle(100, 100, 110, 120), None),  # 5 deep
        (np.zeros(SIZE, dtype=bool), None),
    ],
)
def test_the_part_that_is_shown(mask: np.ndarray, window: Window | None) -> None:
    assert closer_window(mask) == window


@pytest.mark.parametrize("seed", range(20))
def test_the_part_has_all_of_the_mask_and_some_room(seed: int) -> None:
    random = np.random.default_rng(seed)
    x, y = random.integers(0, 200), random.integers(0, 150)
    width, height = random.integers(1, 9), random.integers(1, 41)
    mask = rectangle(x, y, x + width, y + height)
    window = closer_window(mask)
    assert window is not None
    assert mask[window.y : window.y + window.height, window.x : window.x + window.width].sum() == mask.sum()
    assert window.x >= 0 and window.y >= 0
    assert window.x + window.width <= SIZE[1] and window.y + window.height <= SIZE[0]
    assert window.width >= 1.5 * max(mask.any(axis=0).sum(), mask.any(axis=1).sum())


def test_a_fine_mask_is_drawn_again_and_a_large_one_is_not() -> None:
    pole, thick, house = rectangle(100, 100, 102, 120), rectangle(98, 100, 104, 120), rectangle(20, 20, 90, 150)
    segmenter = Shown(pole, rectangle(85, 90, 86, 91))
    scores = np.array([0.3, 0.4], dtype=np.float32)
    masks, new = look_closer(OneView(), segmenter, 0, np.stack([thick, house]), scores, click(101.5, 110.5))
    assert np.array_equal(masks[0], pole) and np.array_equal(masks[1], house)
    assert new.tolist() == pytest.approx([0.5, 0.4])
    assert segmenter.keys == [(7, Window(88, 96, 32, 32))] and segmenter.kept == [False]
    # the same place of the picture, whose pixels are half as large
    assert segmenter.prompts[0].points.tolist() == [[2 * (101.5 - 88), 2 * (110.5 - 96)]]
    assert scores.tolist() == pytest.approx([0.3, 0.4])  # what was given stays


def test_masks_of_one_part_share_its_embedding() -> None:
    segmenter = Shown(rectangle(100, 100, 102, 120))
    coarse = np.stack([rectangle(99, 100, 103, 120), rectangle(98, 100, 104, 119)])
    look_closer(OneView(), segmenter, 0, coarse, np.ones(2, dtype=np.float32), click(101.5, 110.5))
    assert len(segmenter.keys) == 1


def test_a_larger_thing_that_the_part_cuts_off_is_no_answer() -> None:
    coarse, street = rectangle(98, 100, 104, 120), rectangle(90, 0, 106, 192)
    masks, scores = look_closer(
        OneView(), Shown(street), 0, coarse[None], np.array([0.3], dtype=np.float32), click(101.5, 110.5)
    )
    assert np.array_equal(masks[0], coarse) and scores.tolist() == pytest.approx([0.3])


def test_a_speck_is_no_answer() -> None:
    coarse, speck = rectangle(98, 100, 104, 120), rectangle(100, 108, 103, 112)  # 12 of its 120 pixels
    for less, taken in ((0, True), (1, False)):
        smaller = speck.copy()
        smaller[108, 100 : 100 + less] = False
        masks, _ = look_closer(OneView(), Shown(smaller), 0, coarse[None], np.ones(1, np.float32), click(101.5, 110.5))
        assert np.array_equal(masks[0], smaller if taken else coarse)


def test_what_the_picture_itself_cuts_off_is_an_answer() -> None:
    coarse, pole = rectangle(98, 170, 104, 192), rectangle(100, 170, 102, 192)
    masks, _ = look_closer(
        OneView(), Shown(pole), 0, coarse[None], np.array([0.3], dtype=np.float32), click(101.5, 180.5)
    )
    assert np.array_equal(masks[0], pole)


def test_clicks_and_boxes_elsewhere_are_left_out() -> None:
    segmenter = Shown(rectangle(100, 100, 102, 120))
    coarse = rectangle(98, 100, 104, 120)[None]
    points = np.array([[101.5, 110.5], [10.5, 10.5]], dtype=np.float32)
    prompt = Prompt2D(points, np.array([1, 0]), np.array([0, 95, 106, 125], dtype=np.float32))
    look_closer(OneView(), segmenter, 0, coarse, np.ones(1, dtype=np.float32), prompt)
    asked = segmenter.prompts[0]
    assert asked.labels.tolist() == [1]
    assert asked.box.tolist() == [0, 0, 36, 58]  # as far as the part goes

    elsewhere = look_closer(OneView(), segmenter, 0, coarse, np.ones(1, dtype=np.float32), click(10.5, 10.5))
    assert np.array_equal(elsewhere[0], coarse) and len(segmenter.prompts) == 1


def test_only_engines_that_want_it_look_closer(analytic_scene: object) -> None:
    class Counted(Shown):
        def set_image(self, image: np.ndarray, key: object = None, on_disk: bool = True) -> None:
            self.keys.append(key)

        def predict(self, prompt: Prompt2D, size: tuple[int, int] | None = None) -> Candidates:
            thin = np.full((1, *size), -1.0, dtype=np.float32)
            thin[0, 4:6, 4] = 1.0
            return Candidates(thin, np.ones(1, dtype=np.float32), np.zeros((1, 256, 256), dtype=np.float32))

    segmenter = Counted()
    place = np.array([[4.5, 4.5]])
    predict(analytic_scene, segmenter, 0, place, np.ones(1))
    assert segmenter.keys == [analytic_scene.image_key(0)]
    predict(analytic_scene, segmenter, 0, place, np.ones(1), closer=True)
    assert len(segmenter.keys) == 3 and segmenter.keys[2][0] == analytic_scene.image_key(0)


@pytest.mark.parametrize(("most", "fine_most"), [(16, 2), (1, 8)])
def test_the_rounds_look_closer_at_a_fine_thing_and_in_fewer_views(
    most: int,
    fine_most: int,
    analytic_scene: object,
    colour_segmenter: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = VoteSettings(rounds=1, views=most, fine_views=fine_most)
    asked: list[tuple[int, bool]] = []

    def noted(scene: object, segmenter: object, view: int, *prompt: object) -> object:
        asked.append((view, bool(prompt[3])))
        return predict(scene, segmenter, view, *prompt[:3])

    monkeypatch.setattr(vote_rounds, "predict", noted)
    place = (*analytic_scene.middle(0, "red"), 1)
    prompts = [ObjectPrompt("ball", (ViewPrompt(analytic_scene.names[0], (place,)),))]
    for fine in (False, True):
        asked.clear()
        monkeypatch.setattr(
            vote_selector, "closer_window", lambda mask, fine=fine: Window(0, 0, 8, 8) if fine else None
        )
        next(VoteSelector(settings).select(analytic_scene, colour_segmenter, prompts, Listener()))
        assert {closer for _, closer in asked} == {fine}
        views = len({view for view, _ in asked})
        assert views == min(most, fine_most) if fine else views == 1 or views > fine_most
