"""Scene frame and input frame."""

import torch

from nerfseg_ns.core.scene_frame import SceneFrame


def test_by_hand():
    # turned by 90 degrees about z, moved by (2, -3, 0.5), halved
    frame = SceneFrame(torch.tensor([[0.0, -1, 0, 2], [1, 0, 0, -3], [0, 0, 1, 0.5]]), 0.5)
    assert frame.to_scene(torch.tensor([[1.0, 4.0, 8.0]])).tolist() == [[-1.0, -1.0, 4.25]]
    assert frame.to_input(torch.tensor([[-1.0, -1.0, 4.25]])).tolist() == [[1.0, 4.0, 8.0]]


def test_coordinates_of_a_map_keep_their_millimetres():
    frame = SceneFrame(torch.tensor([[1.0, 0, 0, -500_000], [0, 1, 0, -4_000_000], [0, 0, 1, 0]]), 0.01)
    point = frame.to_input(torch.tensor([0.12345, 0.5, 0.0]))
    assert point.dtype == torch.float64
    assert abs(float(point[0]) - 500_012.345) < 1e-4 and abs(float(point[1]) - 4_000_050.0) < 1e-4
