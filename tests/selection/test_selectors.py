"""Both engines on a scene whose masks are known exactly."""

from dataclasses import replace

import pytest
import torch

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.selection import neighbourhood, vote_selector
from nerfseg_ns.selection.ballots import Ballot
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.prompts_file import check_prompt
from nerfseg_ns.selection.sa3d_selector import Sa3dSelector, Sa3dSettings
from nerfseg_ns.selection.selector import Listener, SelectionCancelled, Selector, make_selector
from nerfseg_ns.selection.view_choice import beside_mask, seen_points, spread
from nerfseg_ns.selection.vote_rounds import VoteRounds
from nerfseg_ns.selection.vote_selector import VoteSelector, VoteSettings


def click(scene: object, ball: str, view: int = 0, **options: object) -> ObjectPrompt:
    x, y = scene.middle(view, ball)
    return ObjectPrompt(ball, (ViewPrompt(scene.names[view], ((x, y, 1),)),), **options)


def worst_iou(scene: object, selected: object, ball: str) -> float:
    ious = []
    for view in range(len(scene.names)):
        mask, truth = selected.mask(scene.samples(view)), scene.truth(view, ball)
        ious.append(float((mask & truth).sum() / (mask | truth).sum()))
    return min(ious)


EXACT = VoteSelector(VoteSettings(growth=(1.0,)))
"""The segmenter here also offers the ball with a margin: an engine that prefers larger masks takes it."""
ENGINES = [EXACT, Sa3dSelector(Sa3dSettings(resolution=128))]


@pytest.mark.parametrize("engine", ENGINES, ids=["vote", "sa3d"])
@pytest.mark.parametrize("ball", ["red", "blue"])
def test_one_click_gives_the_ball_in_every_view(
    analytic_scene: object, colour_segmenter: object, engine: Selector, ball: str
) -> None:
    selected = next(engine.select(analytic_scene, colour_segmenter, [click(analytic_scene, ball)], Listener()))
    assert worst_iou(analytic_scene, selected, ball) > 0.8
    report = selected.report
    assert set(report["views_used"]) | set(report["views_left_out"]) == set(analytic_scene.names)
    assert not set(report["views_used"]) & set(report["views_left_out"])
    stages = report["seconds"]
    assert len(stages) >= 2 and "first view" in stages and all(seconds >= 0 for seconds in stages.values())
    if report["method"] == "vote":  # true masks in every round: nothing changes
        assert [entry["views"] for entry in report["rounds"]] == [len(report["views_used"])] * 2
        assert report["rounds"][1]["same_as_before"] > 0.95


def test_a_box_gives_the_ball(analytic_scene: object, colour_segmenter: object) -> None:
    rows, columns = analytic_scene.truth(2, "red").nonzero().unbind(-1)
    box = (float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1))
    prompt = ObjectPrompt("red", (ViewPrompt("002", (), box),))
    selected = next(EXACT.select(analytic_scene, colour_segmenter, [prompt], Listener()))
    assert worst_iou(analytic_scene, selected, "red") > 0.8


def test_a_box_around_most_of_the_image_gives_a_large_object(
    analytic: object, make_analytic_scene: object, colour_segmenter: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(analytic.BALLS, "red", ((0.0, 0.0, 0.2), 0.52, (220, 30, 30)))
    scene = make_analytic_scene()
    assert 0.45 < scene.truth(0, "red").float().mean() < 0.8
    rows, columns = scene.truth(0, "red").nonzero().unbind(-1)
    box = (float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1))
    prompt = ObjectPrompt("red", (ViewPrompt("000", (), box),))
    selected = next(EXACT.select(scene, colour_segmenter, [prompt], Listener()))
    assert len(selected.report["views_used"]) == 8
    for view in (0, 1, 7):  # the far side is out of the reach of the first view's surface
        mask, truth = selected.mask(scene.samples(view)), scene.truth(view, "red")
        assert (mask & truth).sum() / (mask | truth).sum() > 0.95


def test_objects_come_one_after_the_other(analytic_scene: object, colour_segmenter: object) -> None:
    prompts = [click(analytic_scene, "blue"), click(analytic_scene, "red", view=3)]
    selected = list(EXACT.select(analytic_scene, colour_segmenter, prompts, Listener()))
    assert [one.prompt.name for one in selected] == ["blue", "red"]
    assert [worst_iou(analytic_scene, one, one.prompt.name) > 0.8 for one in selected] == [True, True]


def test_a_part_is_smaller_than_the_object(analytic_scene: object, colour_segmenter: object) -> None:
    sizes = {}
    for granularity in ("part", "object"):
        prompt = click(analytic_scene, "red", granularity=granularity)
        selected = next(
            VoteSelector(VoteSettings(rounds=0)).select(analytic_scene, colour_segmenter, [prompt], Listener())
        )
        sizes[granularity] = int(selected.mask(analytic_scene.samples(0)).sum())
    assert sizes["part"] < 0.7 * sizes["object"]


def test_the_threshold_acts_at_once(analytic_scene: object, colour_segmenter: object) -> None:
    engine = VoteSelector(VoteSettings(growth=(0.7,), outline_weight=0.0))  # takes masks with a margin: votes differ
    selected = next(engine.select(analytic_scene, colour_segmenter, [click(analytic_scene, "red")], Listener()))
    samples = analytic_scene.samples(1)
    sizes = [int(selected.with_threshold(threshold).mask(samples).sum()) for threshold in (0.05, 0.5, 0.999)]
    assert sizes[0] >= sizes[1] >= sizes[2] and sizes[0] > sizes[2]


@pytest.mark.parametrize("engine", ENGINES, ids=["vote", "sa3d"])
def test_where_nothing_is_dense_is_named(
    analytic_scene: object, colour_segmenter: object, engine: Selector, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = ViewSamples(
        torch.zeros(0, 3), torch.zeros(0), torch.zeros(0, dtype=torch.long), torch.full((48, 64), torch.inf)
    )
    monkeypatch.setattr(analytic_scene, "samples", lambda view: empty)
    with pytest.raises(InputError, match="'red': nothing is dense where the prompt points in view 000"):
        next(engine.select(analytic_scene, colour_segmenter, [click(analytic_scene, "red")], Listener()))


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (ViewPrompt("0004", ((3.0, 3.0, 1),)), "no view '0004'"),
        (ViewPrompt("000", ((300.0, 3.0, 1),)), "view '000': point .300, 3. is outside of the image"),
        (ViewPrompt("000", ((3.0, 3.0, 0),)), "it needs a click with label 1 or a box"),
        (ViewPrompt("000", ((3.0, 3.0, 1), (9.0, 3.0, 7))), "label 7"),
    ],
)
def test_wrong_prompts_are_named(
    analytic_scene: object, colour_segmenter: object, prompt: ViewPrompt, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        VoteSelector().first_mask(analytic_scene, colour_segmenter, ObjectPrompt("thing", (prompt,)))


@pytest.mark.parametrize("engine", ENGINES, ids=["vote", "sa3d"])
def test_a_later_view_may_only_say_what_the_object_is_not(
    analytic_scene: object, colour_segmenter: object, engine: Selector
) -> None:
    beside = ViewPrompt("003", ((*analytic_scene.middle(3, "blue"), 0),))
    on = click(analytic_scene, "red").views[0]
    prompt = ObjectPrompt("red", (on, beside))
    check_prompt(prompt, analytic_scene, "prompts.json")
    selected = next(engine.select(analytic_scene, colour_segmenter, [prompt], Listener()))
    assert worst_iou(analytic_scene, selected, "red") > 0.8
    turned = ObjectPrompt("red", (beside, on))
    for refuse in (
        lambda: check_prompt(turned, analytic_scene, "prompts.json"),
        lambda: next(engine.select(analytic_scene, colour_segmenter, [turned], Listener())),
        lambda: engine.first_mask(analytic_scene, colour_segmenter, turned),
    ):
        with pytest.raises(InputError, match="its first view '003', .* put view '000' first"):
            refuse()


def test_the_users_box_in_a_later_view_reaches_the_segmenter(
    analytic_scene: object, colour_segmenter: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, columns = analytic_scene.truth(3, "red").nonzero().unbind(-1)
    box = (columns.min() - 1.5, rows.min() - 1.5, columns.max() + 2.5, rows.max() + 2.5)
    box = tuple(float(side) for side in box)
    asked = []
    predict = colour_segmenter.predict
    monkeypatch.setattr(colour_segmenter, "predict", lambda p, size=None: asked.append(p.box) or predict(p, size))
    prompt = ObjectPrompt("red", (click(analytic_scene, "red").views[0], ViewPrompt("003", (), box)))
    # so few views that the prompted one is not among them by itself
    settings = VoteSettings(growth=(1.0,), views=1, rounds=2)
    selected = next(VoteSelector(settings).select(analytic_scene, colour_segmenter, [prompt], Listener()))
    assert sum(b is not None and tuple(b.tolist()) == box for b in asked) == settings.rounds
    assert "003" in selected.report["views_used"]


def test_the_users_own_view_is_not_overruled(analytic_scene: object, colour_segmenter: object) -> None:
    views = (click(analytic_scene, "red").views[0], click(analytic_scene, "blue", view=1).views[0])
    engine = VoteSelector(VoteSettings(growth=(1.0,), minimum_agreement=0.9))
    selected = next(engine.select(analytic_scene, colour_segmenter, [ObjectPrompt("both", views)], Listener()))
    assert "001" in selected.report["views_used"] and "001" not in selected.report["views_left_out"]


def test_a_view_is_named_when_one_growth_refuses_its_mask(analytic_scene: object, colour_segmenter: object) -> None:
    reasons: dict[int, str] = {}
    settings = VoteSettings(minimum_agreement=0.8)
    prompt = click(analytic_scene, "red")
    rounds = VoteRounds(settings, analytic_scene, colour_segmenter, prompt, {}, None, Listener(), reasons)
    red = analytic_scene.truth(3, "red")
    rendered = torch.stack([red, red.roll(6, dims=1)], dim=-1)
    results = [Ballot(), Ballot()]
    rounds._ask(3, rendered, torch.ones_like(rendered), results)
    assert 3 in results[0].masks and 3 not in results[1].masks
    assert "agrees by 0." in reasons[3]  # the second result may be the one that is believed


def test_an_object_that_no_point_belongs_to_is_refused(
    analytic_scene: object, colour_segmenter: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = lambda camera, mask, points, slack: torch.ones(len(points), dtype=torch.bool)  # noqa: E731
    monkeypatch.setattr(vote_selector, "beside_mask", everything)
    engine = VoteSelector(VoteSettings(outline_weight=1000.0))
    with pytest.raises(InputError, match="'red': nowhere are more votes for the object"):
        next(engine.select(analytic_scene, colour_segmenter, [click(analytic_scene, "red")], Listener()))


def test_the_preview_shows_the_prompted_view(analytic_scene: object, colour_segmenter: object) -> None:
    prompt = click(analytic_scene, "blue", view=5)
    preview = VoteSelector().first_mask(analytic_scene, colour_segmenter, prompt)
    assert preview.view == 5
    areas = preview.masks.sum(axis=(1, 2)).tolist()
    assert areas == sorted(areas)
    assert torch.equal(torch.from_numpy(preview.masks[preview.chosen]), analytic_scene.truth(5, "blue"))


def test_cancelling_keeps_what_is_finished(analytic_scene: object, colour_segmenter: object) -> None:
    stages = []
    listener = Listener(lambda stage, done, total: stages.append(stage), lambda: any("red" in s for s in stages))
    prompts = [click(analytic_scene, "blue"), click(analytic_scene, "red")]
    selecting = VoteSelector().select(analytic_scene, colour_segmenter, prompts, listener)
    assert next(selecting).prompt.name == "blue"
    with pytest.raises(SelectionCancelled):
        next(selecting)


def test_a_grid_too_large_is_refused_before_it_is_made(
    analytic_scene: object, colour_segmenter: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbourhood, "MEMORY_LIMIT", 1000)
    with pytest.raises(InputError, match="GiB"):
        next(VoteSelector().select(analytic_scene, colour_segmenter, [click(analytic_scene, "red")], Listener()))


@pytest.mark.parametrize("factor", [1.0, 20.0])
def test_sa3d_says_what_lies_outside_of_its_grid(
    analytic_scene: object, colour_segmenter: object, monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    samples = analytic_scene.samples
    monkeypatch.setattr(
        analytic_scene,
        "samples",
        lambda view: replace(samples(view), positions=samples(view).positions * factor),
    )
    engine = Sa3dSelector(Sa3dSettings(resolution=48))
    selecting = engine.select(analytic_scene, colour_segmenter, [click(analytic_scene, "blue")], Listener())
    if factor == 1.0:
        assert next(selecting).prompt.name == "blue"
        return
    with pytest.raises(
        InputError, match="'blue': 100% .* outside of SA3D's grid, .* -1 to 1 scene units .*--method vote"
    ):
        next(selecting)


def test_engines_are_found_by_name() -> None:
    assert isinstance(make_selector("vote"), VoteSelector) and isinstance(make_selector("sa3d"), Sa3dSelector)
    with pytest.raises(InputError, match="vote"):
        make_selector("votes")


def test_a_point_behind_a_surface_is_not_seen() -> None:
    c2w = torch.eye(4)[:3]
    camera = Pinhole(c2w, 10.0, 10.0, 5.0, 5.0, (10, 10))
    distance = torch.full((10, 10), 2.0)
    points = torch.tensor([[0.0, 0.0, -2.0], [0.0, 0.0, -3.0], [0.0, 0.0, 2.0], [9.0, 0.0, -2.0]])
    seen, pixels = seen_points(camera, distance, points, tolerance=0.1)
    assert seen.tolist() == [True, False, False, False]
    assert pixels[0].tolist() == [5.0, 5.0]


def test_points_at_the_height_of_the_camera_are_nowhere_in_its_image() -> None:
    camera = Pinhole(torch.eye(4)[:3], 10.0, 10.0, 5.0, 5.0, (10, 10))
    # to the side at depth 0, the camera's own place, and so near to depth 0 that pixels exceed any integer
    points = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [-2.0, 1.0, -1e-25], [0.0, 0.0, -2.0]])
    seen, _ = seen_points(camera, torch.full((10, 10), 2.0), points, tolerance=0.1)
    assert seen.tolist() == [False, False, False, True]
    nothing = torch.zeros(10, 10, dtype=torch.bool)
    assert beside_mask(camera, nothing, points, slack=2).tolist() == [False, False, False, True]


def test_views_are_spread_over_their_order() -> None:
    assert spread(range(10), 4) == [0, 3, 6, 9]
    assert spread([5, 1], 4) == [5, 1] and spread([], 4) == []
