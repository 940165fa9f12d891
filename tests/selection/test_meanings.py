"""What a prompt may mean, on a scene whose masks are known exactly."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.segmenters.segmenter import Candidates
from nerfseg_ns.selection.meanings import meanings
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.view_choice import beside_mask


class Rectangles:
    """A segmenter that answers every prompt with the same four masks."""

    name = "rectangles"

    def __init__(self, *corners: tuple[int, int, int, int]) -> None:
        self.masks = np.zeros((4, 48, 64), dtype=bool)
        for mask, (x0, y0, x1, y1) in zip(self.masks, corners):
            mask[y0:y1, x0:x1] = True

    def set_image(self, image: np.ndarray, key: object = None, on_disk: bool = True) -> None:
        pass

    def predict(self, prompt: object, size: object = None) -> Candidates:
        logits = np.where(self.masks, 5.0, -5.0).astype(np.float32)
        return Candidates(logits, np.full(4, 0.9, dtype=np.float32), np.zeros((4, 256, 256), dtype=np.float32))


def prompt_at(scene: object, *points: tuple[float, float, int], **options: object) -> ObjectPrompt:
    return ObjectPrompt("thing", (ViewPrompt(scene.names[0], points),), **options)


def test_the_mask_around_the_click_comes_first_and_masks_alike_count_once(analytic_scene: object) -> None:
    x, y = (int(place) for place in analytic_scene.middle(0, "red"))
    around, beside = (x - 4, y - 4, x + 5, y + 5), (x - 1, y - 4, x + 16, y + 5)
    found = meanings(
        analytic_scene, Rectangles(beside, around, around, beside), prompt_at(analytic_scene, (x + 0.5, y + 0.5, 1))
    )
    assert found.view == 0
    assert found.masks.shape[0] == 2
    assert found.masks[0].sum() == 81 and found.priors[0] == pytest.approx(0.9)
    # depth 2 of at most 5, and half a pixel
    assert found.priors[1] == pytest.approx(0.9 * 2.5 / 5)


def test_a_granularity_is_the_only_meaning(analytic_scene: object) -> None:
    x, y = (int(place) for place in analytic_scene.middle(0, "red"))
    sizes = [(x - n, y - n, x + n + 1, y + n + 1) for n in (5, 2, 4, 7)]
    prompt = prompt_at(analytic_scene, (x + 0.5, y + 0.5, 1), granularity="object")
    found = meanings(analytic_scene, Rectangles(*sizes), prompt)
    assert found.masks.sum() == 81 and len(found.masks) == 1


def test_a_click_on_the_sky_is_refused_although_its_mask_shows_a_surface(
    analytic_scene: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = analytic_scene.samples(0)
    distance = samples.distance.clone()
    distance[:10, :10] = torch.inf
    monkeypatch.setattr(analytic_scene, "samples", lambda view: replace(samples, distance=distance))
    segmenter = Rectangles(*[(0, 0, 30, 20)] * 4)
    for click, refused in (((4.5, 4.5, 1), True), ((10.5, 4.5, 1), False)):
        prompt = prompt_at(analytic_scene, click)
        if refused:
            with pytest.raises(InputError, match="nothing is dense where the prompt points in view 000 .sky."):
                meanings(analytic_scene, segmenter, prompt)
        else:
            assert len(meanings(analytic_scene, segmenter, prompt).masks) == 1


def test_masks_that_cover_the_image_are_meant_only_by_a_box_as_large(analytic_scene: object) -> None:
    segmenter = Rectangles(*[(0, 0, 64, 30)] * 4)  # 62 % of the image
    click = (*analytic_scene.middle(0, "red"), 1)
    with pytest.raises(InputError, match="'thing': every mask .* covers more than 40% of view 000, .* draw a box"):
        meanings(analytic_scene, segmenter, prompt_at(analytic_scene, click))
    boxed = ObjectPrompt("thing", (ViewPrompt("000", (), (0.0, 1.0, 64.0, 30.0)),))
    assert meanings(analytic_scene, segmenter, boxed).masks.sum() == 64 * 30


def test_what_has_a_class_may_be_around_all_objects_when_no_smaller_mask_is_found(analytic_scene: object) -> None:
    click = (*analytic_scene.middle(0, "red"), 1)
    road = replace(prompt_at(analytic_scene, click), class_name="Road")
    assert meanings(analytic_scene, Rectangles(*[(0, 0, 64, 30)] * 4), road).masks.sum() == 64 * 30
    smaller = Rectangles((0, 0, 64, 30), *[(0, 0, 40, 30)] * 3)  # 62 % of the image, and 39 %
    assert meanings(analytic_scene, smaller, road).masks.sum() == 40 * 30


def test_points_beside_a_mask_are_told_from_those_inside_or_out_of_view(analytic_scene: object) -> None:
    camera = analytic_scene.camera(0)
    height, width = camera.size
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[10:20, 10:20] = True
    distance = torch.full((height, width), 3.0)
    grid = camera.points(distance)
    points = torch.stack([grid[15, 15], grid[15, 21], grid[15, 23], camera.centre - (grid[15, 15] - camera.centre)])
    assert beside_mask(camera, mask, points, slack=2).tolist() == [False, False, True, False]
    # behind the first surface, but along the same ray
    behind = camera.centre + 2 * (grid[15, 15] - camera.centre)
    assert not beside_mask(camera, mask, behind[None], slack=2).any()
