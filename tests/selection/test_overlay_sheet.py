"""The sheet of an object."""

import numpy as np

from nerfseg_ns.selection.overlay_sheet import OBJECT, overlay_sheet, shown_views
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt


def test_prompted_views_come_first_then_others_that_show_the_object_well():
    assert shown_views([4], [0, 100, 100, 10, 100, 30, 0, 100], 3) == [4, 1, 5]
    assert shown_views([4], [0, 100, 100, 10, 100, 30, 0, 100], 6) == [4, 1, 2, 5, 7]
    assert shown_views([1, 0], [5, 5, 5], 2) == [1, 0]
    assert shown_views([1, 0], [5, 5, 5], 1) == [1, 0]
    assert shown_views([0], [0, 0], 6) == [0]


def test_the_sheet_shows_outline_clicks_and_box(make_analytic_scene):
    scene = make_analytic_scene(4, (48, 64), 2)
    x, y = scene.middle(1, "red")
    prompt = ObjectPrompt("red", (ViewPrompt("001", ((x, y, 1), (2.5, 40.5, 0)), (2.0, 2.0, 60.0, 46.0)),))
    masks = [scene.truth(view, "red").numpy() for view in range(4)]
    sheet = np.array(overlay_sheet(scene, prompt, masks, tile_width=320))
    assert sheet.shape == (26 + 2 * (240 + 20 + 6), 3 * 326 + 6, 3)
    tile = sheet[26 : 26 + 240, 6 : 6 + 320]
    assert tuple(tile[round(y * 5), round(x * 5)]) == (40, 200, 80)  # the click, on the camera's pixels
    assert tuple(tile[round(40.5 * 5), round(2.5 * 5)]) == (230, 40, 50)
    assert tuple(tile[10, 100]) == (0, 190, 255)
    edge = (tile == OBJECT).all(axis=-1)
    inside = np.kron(masks[1], np.ones((5, 5), dtype=bool))
    assert edge.sum() > 200 and not (edge & inside).any()  # around the object, which it does not hide
    assert not (sheet[26 : 26 + 240, 340:640] == (40, 200, 80)).all(axis=-1).any()  # no clicks in other views
