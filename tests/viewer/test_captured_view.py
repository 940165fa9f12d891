"""From places on a canvas to prompts in captured views."""

import math

import pytest
import torch

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.viewer.canvas import Canvas
from nerfseg_ns.viewer.captured_view import ViewPixel, best_view, box_in_view, clicked_point, sky_view

POINT = torch.tensor([0.0, 0.0, 0.0])


def looking_at_origin(x: float, y: float, z: float) -> Pinhole:
    """100 x 100 pixels, 90 degrees, at (x, y, z); y is up."""
    eye = torch.tensor([x, y, z])
    back = torch.nn.functional.normalize(eye, dim=0)
    right = torch.nn.functional.normalize(torch.linalg.cross(torch.tensor([0.0, 1.0, 0.0]), back), dim=0)
    return Pinhole(
        torch.stack([right, torch.linalg.cross(back, right), back, eye], dim=1), 50.0, 50.0, 50.0, 50.0, (100, 100)
    )


def open_air(origins, directions):
    return torch.full((len(origins),), torch.inf)


def wall(x: float):
    """A surface at a plane of constant x."""

    def surface(origins, directions):
        distance = (x - origins[:, 0]) / directions[:, 0]
        return distance.where(distance > 1e-6, torch.inf)

    return surface


def test_a_click_is_the_point_its_ray_meets():
    direction = torch.nn.functional.normalize(torch.tensor([3.0, 4.0, 0.0]), dim=0)
    point = clicked_point(torch.zeros(3), direction, wall(6.0))
    torch.testing.assert_close(point, torch.tensor([6.0, 8.0, 0.0]))
    with pytest.raises(InputError, match="only the sky or empty space"):
        clicked_point(torch.zeros(3), -direction, wall(6.0))


def test_of_equal_distances_the_nearest_direction_wins_and_of_equal_directions_the_nearest_distance():
    eye = torch.tensor([0.0, 0.0, 4.0])
    ways = [looking_at_origin(4 * math.sin(a), 0.0, 4 * math.cos(a)) for a in (1.0, -0.3, 0.5)]
    assert best_view(POINT, eye, ways, open_air) == ViewPixel(1, pytest.approx(50.0), pytest.approx(50.0))
    reaches = [looking_at_origin(0.0, 0.0, z) for z in (1.0, 9.0, 5.0, 2.0)]
    assert best_view(POINT, eye, reaches, open_air).view == 2


def test_hidden_and_turned_away_views_are_left_out_and_preferred_ones_taken():
    eye = torch.tensor([-4.0, 0.0, 0.1])
    near, far_side = looking_at_origin(-4.0, 0.0, 0.0), looking_at_origin(4.0, 0.0, 2.0)
    away = Pinhole(near.c2w * torch.tensor([-1.0, 1.0, -1.0, 1.0]), 50.0, 50.0, 50.0, 50.0, (100, 100))
    assert best_view(POINT, eye, [away, far_side, near], open_air).view == 2
    assert best_view(POINT, eye, [away, far_side, near], wall(-2.0)).view == 1
    assert best_view(POINT, eye, [near, far_side], open_air, preferred=[1]).view == 1
    assert best_view(POINT, eye, [near, far_side], wall(2.0), preferred=[1]).view == 0
    with pytest.raises(InputError, match="something stands before it in all of them"):
        best_view(POINT, eye, [near], wall(-2.0))
    with pytest.raises(InputError, match="none of the captured views shows this point;"):
        best_view(POINT, eye, [away], open_air)


def test_a_surface_just_before_the_point_does_not_hide_it():
    eye = torch.tensor([-4.0, 0.0, 0.0])
    assert best_view(POINT, eye, [looking_at_origin(-4.0, 0.0, 0.0)], wall(-0.1)).view == 0
    with pytest.raises(InputError):
        best_view(POINT, eye, [looking_at_origin(-4.0, 0.0, 0.0)], wall(-0.4))


def test_a_view_that_shows_the_point_in_its_middle_is_preferred_to_one_at_the_border():
    eye = torch.tensor([0.0, 0.0, 4.0])
    straight = looking_at_origin(0.0, 0.0, 4.0)
    shifted = Pinhole(straight.c2w, 50.0, 50.0, 2.0, 50.0, (100, 100))
    aside = looking_at_origin(4 * math.sin(0.3), 0.0, 4 * math.cos(0.3))
    assert best_view(POINT, eye, [shifted, aside], open_air).view == 1


def canvas() -> Canvas:
    """At (0, 0, 4), looking at the origin, 90 degrees high, twice as wide as high."""
    return Canvas(torch.tensor([0.0, 0.0, 4.0]), torch.eye(3), math.pi / 2, 2.0)


def test_rays_of_the_canvas():
    rays = canvas().directions(torch.tensor([[0.5, 0.5], [1.0, 0.5], [0.5, 0.0]]))
    expected = torch.tensor([[0.0, 0.0, -1.0], [2.0, 0.0, -1.0], [0.0, 1.0, -1.0]])
    torch.testing.assert_close(rays, torch.nn.functional.normalize(expected, dim=-1))
    on_plane = canvas().facing(torch.tensor([[1.0, 0.5], [0.5, 0.25]]), POINT)
    torch.testing.assert_close(on_plane, torch.tensor([[8.0, 0.0, 0.0], [0.0, 2.0, 0.0]]))


def test_the_canvas_of_a_viser_camera():
    from types import SimpleNamespace

    # viser's cameras look along +z with y down: half a turn about x makes them look along -z with y up
    camera = SimpleNamespace(position=(0.0, 0.0, 40.0), wxyz=(0.0, 1.0, 0.0, 0.0), fov=math.pi / 2, aspect=2.0)
    made = Canvas.of(camera)
    torch.testing.assert_close(made.eye, canvas().eye)
    torch.testing.assert_close(made.rotation, canvas().rotation)


def test_a_box_is_carried_over_at_the_distance_of_its_middle():
    places = torch.tensor([[0.4375, 0.375], [0.5625, 0.375], [0.4375, 0.625], [0.5625, 0.625]])
    corners = canvas().facing(places, POINT)
    # the rectangle reaches 1 to each side at the origin; the captured view stands at half the distance
    assert box_in_view(corners, POINT, looking_at_origin(0.0, 0.0, 2.0)) == pytest.approx((25.0, 25.0, 75.0, 75.0))
    aside = Pinhole(looking_at_origin(0.0, 0.0, 2.0).c2w, 50.0, 50.0, 90.0, 50.0, (100, 100))
    assert box_in_view(corners, POINT, aside) == pytest.approx((65.0, 25.0, 100.0, 75.0))
    with pytest.raises(InputError, match="the box is empty"):
        box_in_view(corners[:1].expand(4, 3), corners[0], looking_at_origin(0.0, 0.0, 2.0))


def test_the_sky_is_clicked_in_the_view_that_shows_it_nearest_to_its_middle():
    direction = torch.nn.functional.normalize(torch.tensor([-1.0, 0.2, 0.0]), dim=0)
    ways = [looking_at_origin(*eye) for eye in ((4.0, 2.0, 0.0), (4.0, 0.0, 0.0), (-4.0, 0.0, 0.0))]
    found = sky_view(direction, ways, open_air)
    assert found == ViewPixel(1, pytest.approx(50.0), pytest.approx(40.0))  # 50 pixels times 0.2, upwards
    with pytest.raises(InputError, match="none of the captured views shows the sky"):
        sky_view(direction, ways, wall(1.0))
    with pytest.raises(InputError, match="none of the captured views shows the sky"):
        sky_view(direction, ways[2:], open_air)
