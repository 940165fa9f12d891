"""The inside of an object whose votes lie on its surface."""

import torch

from nerfseg_ns.viewer.object_solid import ObjectSolid


def test_a_hollow_box_without_a_floor_is_filled_and_what_votes_refuse_is_not(make_cube):
    cube = make_cube(-0.5, 0.5)
    x, y, z = cube.sites.centres().unbind(-1)
    hollow = (x.abs() < 0.35) & (y.abs() < 0.35) & (z < 0.35)
    cube.votes.inside[:-1][hollow] = 0.0  # neither the inside nor the floor was seen
    cube.votes.outside[:-1][(x.abs() < 0.35) & (y.abs() < 0.35) & (z.abs() < 0.35)] = 0.0
    refused = ((cube.sites.centres() - torch.tensor([0.2, 0.2, 0.2])).abs() < 0.02).all(dim=-1)
    assert int(refused.sum()) == 1
    cube.votes.outside[:-1][refused] = 1.0
    solid = ObjectSolid.of(cube)
    points = torch.tensor([[0.0, 0.0, 0.0], [0.5, 0.0, 0.0], [0.2, 0.2, 0.2], [0.95, 0.0, 0.0], [9.0, 9.0, 9.0]])
    assert solid.contains(points).tolist() == [True, True, False, False, False]
    assert not bool(cube.contains(points[:1]))
