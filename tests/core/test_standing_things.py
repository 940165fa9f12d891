"""Things on the ground, seen from above."""

import numpy as np
import pytest

from nerfseg_ns.core.standing_things import SHAPE_NOISE, StandingThings, with_blurred_shapes

SPACING = 0.02  # a cell of the map is 0.01 wide
CAR, HOUSE = (0.2, 0.1, 0.04), (0.3, 0.3, 0.5)  # length, width, height


def square(generator: np.random.Generator) -> np.ndarray:
    """Points on a level square of 2x2 with a car at (0.5, 0), one turned by 90 degrees at (0, 0.5) and a house."""
    points = generator.uniform(-1, 1, (120_000, 3))
    points[:, 2] = 0.0
    for x, y, (length, width, height) in ((0.5, 0.0, CAR), (0.0, 0.5, (0.1, 0.2, 0.04)), (-0.5, -0.5, HOUSE)):
        on = (np.abs(points[:, 0] - x) < length / 2) & (np.abs(points[:, 1] - y) < width / 2)
        points[on, 2] = height
    return points


@pytest.fixture(scope="module")
def things() -> StandingThings:
    points = square(np.random.default_rng(0))
    return StandingThings(points, points[:, 2], SPACING)


def test_a_thing_has_its_size_wherever_one_asks(things: StandingThings) -> None:
    asked = np.array([[0.5, 0.0, 0.04], [0.42, 0.03, 0.0], [-0.5, -0.5, 0.5]])
    car, foot_of_car, house = things(asked, asked[:, 2])
    assert car[2] == pytest.approx(20 * 10, rel=0.15)  # cells
    assert car[3] == pytest.approx(2.0) and car[4] == pytest.approx(2.0, rel=0.05)  # 0.04 is two spacings
    # of 20 and of 10 cells in a row: their number over the square root of 12
    np.testing.assert_allclose(car[5:], [20 / 12**0.5, 10 / 12**0.5], rtol=0.1)
    np.testing.assert_allclose(car[:2], [2.0, 2.0])
    np.testing.assert_array_equal(foot_of_car[2:], car[2:])
    assert foot_of_car[1] == pytest.approx(0.0)
    assert house[2] == pytest.approx(30 * 30, rel=0.1) and house[3] == pytest.approx(25.0)


def test_a_thing_has_one_shape_in_every_direction(things: StandingThings) -> None:
    asked = np.array([[0.5, 0.0, 0.04], [0.0, 0.5, 0.04]])
    along, across = things(asked, asked[:, 2])
    np.testing.assert_allclose(along[2:], across[2:], rtol=0.1)


def test_nothing_stands_on_free_ground_nor_off_the_map(things: StandingThings) -> None:
    asked = np.array([[0.0, 0.0, 0.0], [9.0, 0.0, 0.0]])
    np.testing.assert_array_equal(things(asked, asked[:, 2]), np.zeros((2, 7)))


def test_a_slope_is_no_thing() -> None:
    points = square(np.random.default_rng(1))
    sloping = points[:, 2] + 0.02 * points[:, 0]  # what a coarse ground leaves over: 2 spacings over the square
    things = StandingThings(points, sloping, SPACING)
    free = np.array([[0.0, -0.5, 0.0], [0.6, 0.6, 0.012], [-0.6, 0.6, -0.012]])
    assert (things(free, free[:, 2])[:, 2] == 0).all()
    car = np.array([[0.5, 0.0, 0.05]])
    assert things(car, car[:, 2])[0, 2] == pytest.approx(200, rel=0.15)


def test_the_shape_of_what_is_asked_is_kept(things: StandingThings) -> None:
    asked = np.zeros((2, 5, 3))
    assert things(asked, asked[..., 2]).shape == (2, 5, 7)


@pytest.mark.parametrize("points", [[[0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [5.0, 3.0, 0.1]]])
def test_a_handful_of_points_is_enough_to_answer(points: list[list[float]]) -> None:
    known = np.array(points)
    asked = np.concatenate([known, known.mean(axis=0, keepdims=True)])
    assert np.isfinite(StandingThings(known, known[:, 2], 0.1)(asked, asked[:, 2])).all()


def test_a_large_scene_gets_wider_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nerfseg_ns.core.standing_things.MOST_CELLS", 100)
    points = square(np.random.default_rng(2))
    things = StandingThings(points, points[:, 2], SPACING)
    car = np.array([[0.5, 0.0, 0.04]])
    assert things(car, car[:, 2])[0, 2] == pytest.approx(10 * 5, rel=0.35)


def test_blurred_shapes_are_those_of_larger_and_smaller_things_of_one_form(things: StandingThings) -> None:
    look, here = np.full((4000, 3), 0.5, np.float32), np.array([[-0.5, -0.5, 0.5]])  # on the house
    examples = np.concatenate([look, np.tile(things(here, here[:, 2]), (4000, 1))], axis=-1)
    blurred = with_blurred_shapes(examples, seed=1)
    assert blurred.dtype == examples.dtype and (blurred[:, :5] == examples[:, :5]).all()  # not the rises
    area, greatest, mean, longer, shorter = (np.log(blurred[:, 5:] / examples[:, 5:])).T
    np.testing.assert_allclose(2 * longer, area, atol=1e-4)
    np.testing.assert_allclose(shorter, longer, atol=1e-4)
    np.testing.assert_allclose(greatest, mean, atol=1e-4)
    for noise in (area, greatest):
        assert noise.mean() == pytest.approx(0.0, abs=0.06) and noise.std() == pytest.approx(SHAPE_NOISE, rel=0.06)
    assert abs(np.corrcoef(area, greatest)[0, 1]) < 0.06
    np.testing.assert_array_equal(blurred, with_blurred_shapes(examples, seed=1))
    ground = np.zeros((1, 8), np.float32)  # where nothing stands there is no shape to blur
    assert not with_blurred_shapes(ground, seed=1).any()
