import pytest
import torch

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.selection.mask_votes import Place, around, count_masks, neighbours, place_of, vote_with_masks
from nerfseg_ns.selection.neighbourhood import Neighbourhood


def place(low: float, high: float, cell: float = 0.1) -> Place:
    return Place(torch.tensor([low, 0.0, 0.0]), torch.tensor([high, 1.0, 1.0]), cell)


def test_places_that_touch_by_way_of_others_share_a_grid() -> None:
    places = [place(0, 1), place(5, 6), place(1.5, 3), place(0.9, 2), place(9, 10)]
    assert neighbours(places) == [[0, 2, 3], [1], [4]]
    together = around([place(0, 1, 0.2), place(5, 6, 0.1), place(-1, 2, 0.3)], [0, 2])
    assert (together.low[0], together.high[0], together.cell) == (-1.0, 2.0, 0.2)


def test_an_object_among_others_on_one_grid_gets_the_votes_it_gets_alone(make_analytic_scene) -> None:
    scene = make_analytic_scene(views=4)
    masks = {view: torch.stack([scene.truth(view, b) for b in ("red", "blue")], dim=-1) for view in range(4)}
    both = around([place_of(scene, masks, i, "ball") for i in (0, 1)], [0, 1])
    shared = count_masks(scene, masks, both)
    for channel in (0, 1):
        alone = Neighbourhood(scene, list(masks), both.low, both.high, both.cell)
        for view in (2, 0, 3, 1):
            alone.vote(view, masks[view][..., channel : channel + 1], torch.ones(1))
        one = shared.votes.of(channel)
        assert one.inside.shape == alone.votes.inside.shape and one.inside.sum() > 10
        torch.testing.assert_close(one.inside, alone.votes.inside)
        torch.testing.assert_close(one.outside, alone.votes.outside)


def test_true_masks_give_the_objects_back(make_analytic_scene) -> None:
    scene = make_analytic_scene(views=4)
    masks = {view: torch.stack([scene.truth(view, b) for b in ("red", "blue")], dim=-1) for view in range(4)}
    for selected, ball in zip(vote_with_masks(scene, masks, ["red", "blue"]), ("red", "blue")):
        mask, truth = selected.mask(scene.samples(1)), scene.truth(1, ball)
        assert selected.prompt.name == ball
        assert (mask & truth).sum() / (mask | truth).sum() > 0.9


def test_an_object_that_no_mask_shows_is_named(make_analytic_scene) -> None:
    scene = make_analytic_scene(views=2)
    masks = {view: torch.zeros_like(scene.truth(view, "red"))[..., None] for view in range(2)}
    with pytest.raises(InputError, match="'ghost'"):
        vote_with_masks(scene, masks, ["ghost"])
