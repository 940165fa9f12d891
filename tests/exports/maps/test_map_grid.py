import numpy as np
import pytest

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.exports.map_extent import SeenSurface
from nerfseg_ns.exports.map_grid import MapGrid


def test_edges_are_multiples_of_the_pixel_and_centres_lie_half_a_pixel_inside():
    grid = MapGrid.covering((10.1, 20.3, 12.9, 21.0), 0.5)
    assert grid.bounds == (10.0, 20.0, 13.0, 21.0)
    assert (grid.width, grid.height) == (6, 2)
    tile = grid.tiles(4)[1]
    assert (tile.row, tile.column, tile.height, tile.width) == (0, 4, 2, 2)
    np.testing.assert_allclose(grid.centres(tile)[0], [[12.25, 20.75], [12.75, 20.75]])
    np.testing.assert_allclose(grid.centres(tile)[1], [[12.25, 20.25], [12.75, 20.25]])


def test_bounds_on_multiples_stay():
    # 0.1 is no binary fraction: 576637.3 / 0.1 is a little off a whole number
    grid = MapGrid.covering((576637.3, 5188103.1, 576638.3, 5188104.1), 0.1)
    assert (grid.width, grid.height) == (10, 10)


def test_tiles_cover_every_pixel_once():
    grid = MapGrid.covering((0.0, 0.0, 7.3, 5.1), 0.1)
    count = np.zeros((grid.height, grid.width), dtype=int)
    for tile in grid.tiles(16):
        count[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width] += 1
    assert (count == 1).all() and count.size == grid.pixels == 73 * 51


@pytest.mark.parametrize("gsd", [0.0, -1.0, float("nan"), float("inf")])
def test_pixel_sizes_that_are_none(gsd):
    with pytest.raises(InputError, match="--gsd"):
        MapGrid.covering((0.0, 0.0, 1.0, 1.0), gsd)


@pytest.mark.parametrize("bounds", [(1.0, 0.0, 1.0, 2.0), (0.0, 3.0, 1.0, 2.0), (0.0, float("nan"), 1.0, 2.0)])
def test_bounds_that_hold_nothing(bounds):
    with pytest.raises(InputError, match="hold nothing.*WEST SOUTH EAST NORTH"):
        MapGrid.covering(bounds, 1.0)


def surface(cameras: list[float]) -> SeenSurface:
    rng = np.random.default_rng(0)
    places = np.concatenate([rng.uniform(0, 100, (20_000, 2)), rng.uniform(0, 10, (20_000, 1))], axis=1)
    far = rng.uniform(1000, 5000, (400, 3))
    distance = np.concatenate([np.full(20_000, 50.0), np.full(400, 900.0)])
    return SeenSurface(np.concatenate([places, far]), distance, np.array([[50.0, 50.0, z] for z in cameras]))


def test_default_bounds_leave_the_horizon_out():
    west, south, east, north = surface([60.0]).bounds()
    assert 0 < west < 2 and 0 < south < 2 and 98 < east < 100 and 98 < north < 100


def test_the_top_is_below_cameras_that_are_above_everything_and_else_above_the_surface():
    bottom, top = surface([60.0, 80.0]).heights()
    assert top == pytest.approx(60 - 0.1 * (60 - 2.5), abs=0.1)  # a quarter of the ground is below 2.5
    assert -3 < bottom < -1.5
    _, top = surface([5.0, 80.0]).heights()
    assert 10 < top < 13


def test_a_run_that_sees_nothing():
    empty = SeenSurface(np.zeros((0, 3)), np.zeros(0), np.zeros((1, 3)))
    with pytest.raises(InputError, match="no surface"):
        empty.bounds()
