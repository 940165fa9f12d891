import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerfseg_ns.labels.outlines import Disc, Polygons, Stencil, Stroke, is_outside, reaches_beyond, rectangle
from nerfseg_ns.labels.run_length import compressed, decompressed, mask_of_runs, run_lengths


def polygon(*points):
    return Polygons((np.array(points, dtype=float),))


def drawn(outline, width, height):
    """Rows of # and . of an outline in an image."""
    image = np.zeros((height, width), dtype=bool)
    patch = outline.patch(width, height)
    patch.of(image)[patch.mask] = True
    assert patch.area == image.sum()
    return ["".join("#" if pixel else "." for pixel in row) for row in image]


def test_a_rectangle_covers_the_pixels_between_its_corners():
    assert drawn(rectangle(1, 1, 3, 4), 5, 5) == [".....", ".##..", ".##..", ".##..", "....."]
    assert drawn(rectangle(3, 4, 1, 1), 5, 5) == drawn(rectangle(1, 1, 3, 4), 5, 5)


def test_pixel_centres_are_at_a_half():
    assert drawn(rectangle(0.4, 0.4, 0.6, 0.6), 2, 2) == ["#.", ".."]
    assert drawn(rectangle(0.6, 0.6, 1.4, 1.4), 2, 2) == ["..", ".."]
    # centres on the left and upper edge are inside, those on the right and lower edge outside
    assert drawn(rectangle(0.5, 0.5, 2.5, 2.5), 3, 3) == ["##.", "##.", "..."]


def test_a_triangle_by_hand():
    # centres (x + 0.5, y + 0.5) with x + y + 1 < 4; those on the slope, x + y + 1 = 4, are on the right edge
    assert drawn(polygon((0, 0), (4, 0), (0, 4)), 4, 4) == ["###.", "##..", "#...", "...."]


def test_a_polygon_that_crosses_itself_is_empty_where_it_winds_twice():
    square_twice = polygon((0, 0), (4, 0), (4, 4), (0, 4), (0, 0), (2, 0), (2, 2), (0, 2))
    assert drawn(square_twice, 4, 4) == ["..##", "..##", "####", "####"]


def test_parts_are_united_where_they_overlap_too():
    parts = Polygons((rectangle(0, 0, 2, 2).parts[0], rectangle(1, 1, 3, 3).parts[0]))
    assert drawn(parts, 3, 3) == ["##.", "###", ".##"]


def test_disc():
    assert drawn(Disc(2.5, 2.5, 2), 5, 5) == ["..#..", ".###.", "#####", ".###.", "..#.."]
    assert drawn(Disc(0, 0, 1), 3, 2) == ["#..", "..."]


def test_stroke():
    assert drawn(Stroke(np.array([(0.5, 1.5), (2.5, 1.5), (2.5, 3.5)]), 1), 4, 4) == ["....", "###.", "..#.", "..#."]
    assert drawn(Stroke(np.array([(1.5, 1.5)]), 2), 4, 3) == [".#..", "###.", ".#.."]


def test_stencil():
    assert drawn(Stencil(1, 0, np.array([[1, 0], [1, 1]], dtype=bool)), 4, 2) == [".#..", ".##."]
    assert drawn(Stencil(-1, -1, np.ones((2, 3), dtype=bool)), 3, 2) == ["##.", "..."]


@pytest.mark.parametrize(
    "outline",
    [
        rectangle(-9e9, -9e9, 1, 1),
        polygon((-50, -50), (2, 0), (0, 2)),
        Disc(-1, -1, 3),
        Stencil(-5, -5, np.ones((6, 6), bool)),
    ],
)
def test_what_is_outside_is_clipped(outline):
    assert drawn(outline, 3, 3)[0][0] == "#"
    assert reaches_beyond(outline.bounds, 3, 3) and not is_outside(outline.bounds, 3, 3)


@pytest.mark.parametrize("outline", [rectangle(3, 0, 9, 3), Disc(-4, 1, 2), Stencil(0, 3, np.ones((6, 6), bool))])
def test_what_is_wholly_outside_covers_nothing(outline):
    assert drawn(outline, 3, 3) == ["...", "...", "..."]
    assert is_outside(outline.bounds, 3, 3)


def test_an_outline_at_the_edge_is_inside():
    bounds = rectangle(0, 0, 3, 3).bounds
    assert not reaches_beyond(bounds, 3, 3) and not is_outside(bounds, 3, 3)


COORDINATES = st.floats(-4, 20, width=32)
POINTS = st.tuples(COORDINATES, COORDINATES)


@given(st.lists(POINTS, min_size=3, max_size=3, unique=True))
@settings(deadline=None)
def test_triangles_agree_with_a_plain_test_of_each_centre(points):
    ours = np.array([[pixel == "#" for pixel in row] for row in drawn(polygon(*points), 16, 12)])
    x, y = np.meshgrid(np.arange(16) + 0.5, np.arange(12) + 0.5)
    sides = []  # of the three edges, twice the area of the triangle between edge and centre
    for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1]):
        sides.append((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0))
    least, most = np.min(sides, axis=0), np.max(sides, axis=0)
    assert ours[(least > 1e-3) | (most < -1e-3)].all()
    assert not ours[(least < -1e-3) & (most > 1e-3)].any()


@given(st.lists(st.floats(0, 12, width=32), min_size=2, max_size=2))
@settings(deadline=None)
def test_polygons_with_a_common_edge_share_no_pixel_and_leave_none_out(ends):
    low, high = ends  # the edge runs from (low, 0) to (high, 12) across the image
    left = polygon((0, 0), (low, 0), (high, 12), (0, 12))
    right = polygon((12, 0), (low, 0), (high, 12), (12, 12))
    covered = np.zeros((12, 12), dtype=int)
    for part in (left, right):
        patch = part.patch(12, 12)
        patch.of(covered)[patch.mask] += 1
    assert (covered == 1).all()


@given(st.lists(POINTS, min_size=3, max_size=9))
@settings(deadline=None)
def test_polygon_to_mask_to_runs_and_back(points):
    mask = np.zeros((12, 16), dtype=bool)
    patch = polygon(*points).patch(16, 12)
    patch.of(mask)[patch.mask] = True
    text = compressed(run_lengths(mask))
    assert (mask_of_runs(decompressed(text, "a"), 16, 12, "a") == mask).all()


def test_a_large_outline_of_many_points():
    turn = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    patch = polygon(*zip(2000 + 1900 * np.cos(turn), 1500 + 1400 * np.sin(turn))).patch(4000, 3000)
    assert patch.area == pytest.approx(np.pi * 1900 * 1400, rel=1e-4)
