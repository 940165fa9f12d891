"""Points, mesh and box of an object whose shape is known."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import trimesh

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.selection.object_export import box_record, export_object
from nerfseg_ns.selection.object_glb import write_glb
from nerfseg_ns.selection.object_mesh import grid_spacing, object_mesh
from nerfseg_ns.selection.object_points import object_points
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.selector import Listener

CENTRE, RADIUS = torch.tensor([0.0, 0.0, 0.2]), 0.2  # of the red ball


def ball_density(positions):
    """High inside of the ball, falling off over 0.01 around its surface, where it is 500."""
    return 1000.0 * torch.sigmoid((RADIUS - (positions - CENTRE).norm(dim=-1)) / 0.01)


@pytest.fixture
def scene(make_analytic_scene):
    """Eight views and the ball's density."""
    scene = make_analytic_scene(8, (72, 96))
    scene.renderer = SimpleNamespace(density=ball_density)
    return scene


@pytest.fixture
def red(analytic, scene, colour_segmenter):
    """The red ball, selected."""
    prompt = ObjectPrompt("red", (ViewPrompt("000", ((*scene.middle(0, "red"), 1),)),))
    (selected,) = analytic.DirectSelector().select(scene, colour_segmenter, [prompt], Listener())
    return selected


def test_points_lie_on_the_surface_in_its_colour(scene, red):
    points = object_points(scene, red)
    distance = (points.positions - CENTRE).norm(dim=-1)
    assert len(points) > 300 and bool((distance - RADIUS).abs().max() < 0.01)
    torch.testing.assert_close(points.colours, torch.tensor([220.0, 30, 30]).div(255).expand(len(points), 3))
    assert bool((points.membership > 0.5).float().mean() > 0.9)
    voxels = (points.positions / red.sites.cell).round().long()
    assert len(voxels.unique(dim=0)) == len(points)  # one for each voxel


def test_larger_images_give_their_mean_colour(make_analytic_scene, red):
    points = object_points(make_analytic_scene(8, (72, 96), 3), red)
    middle = points.colours.median(dim=0).values
    torch.testing.assert_close(middle, torch.tensor([220.0, 30, 30]) / 255)


def test_the_mesh_follows_the_density_and_faces_outwards(scene, red):
    points = object_points(scene, red)
    mesh = object_mesh(red, ball_density, points, level=500.0)
    distance = (mesh.vertices - CENTRE).norm(dim=-1)
    outer = distance > RADIUS - 0.005
    assert outer.sum() > 1000 and bool((distance[outer] - RADIUS).abs().max() < 0.004)
    corners = mesh.vertices[torch.from_numpy(mesh.faces).long()]
    normals = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outward = (normals * (corners.mean(dim=1) - CENTRE)).sum(dim=-1)
    on_surface = outer[torch.from_numpy(mesh.faces).long()].all(dim=1)
    assert bool((outward[on_surface] > 0).float().mean() > 0.98)
    assert mesh.colours.shape == mesh.vertices.shape and bool((mesh.colours[:, 0] > 0.7).all())
    # the plane beside the ball is not part of it
    assert float(distance.max()) < RADIUS + 0.03


def test_what_is_not_dense_has_no_mesh(scene, red):
    points = object_points(scene, red)
    with pytest.raises(InputError, match="object 'red': nothing of it is as dense as 2e\\+03"):
        object_mesh(red, ball_density, points, level=2000.0)
    with pytest.raises(InputError, match="nothing above its threshold 1; lower it"):
        object_mesh(red.with_threshold(1.0), ball_density, points)
    with pytest.raises(InputError, match="nothing above its threshold 1; lower it"):
        box_record(red.with_threshold(1.0), scene.frame)


def test_a_large_object_gets_a_coarser_grid():
    low, high = torch.zeros(3), torch.tensor([1.0, 2.0, 4.0])
    assert grid_spacing(low, high, 0.5) == 0.5
    spacing = grid_spacing(low, high, 0.001, limit=1000)
    assert float(((high - low) / spacing).ceil().prod()) <= 1000 < float(((high - low) / (spacing / 2)).prod())


def test_box_in_both_frames(scene, red):
    record = box_record(red, scene.frame)
    np.testing.assert_allclose(record["scene"]["low"], [-0.2, -0.2, 0.05], atol=0.03)  # nobody sees it from below
    np.testing.assert_allclose(record["scene"]["high"], [0.2, 0.2, 0.4], atol=0.03)
    # input -> scene: turned by 90 degrees about z, moved by (2, -3, 0.5), then scaled by 1/4
    low, high = np.array(record["scene"]["low"]) * 4, np.array(record["scene"]["high"]) * 4
    np.testing.assert_allclose(record["input"]["low"], [low[1] + 3, 2 - high[0], low[2] - 0.5], atol=1e-5)
    np.testing.assert_allclose(record["input"]["high"], [high[1] + 3, 2 - low[0], high[2] - 0.5], atol=1e-5)
    assert np.array(record["input"]["corners"]).shape == (8, 3)


@pytest.mark.parametrize("frame", ["input", "scene"])
def test_files(scene, red, tmp_path, frame):
    files = export_object(scene, red, tmp_path / "out", frame, label=7)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["red-box.json", "red-mesh.ply", "red-points.ply"]
    mesh, points = trimesh.load(files.mesh), trimesh.load(files.points)
    there = scene.frame if frame == "input" else SceneFrame.identity()
    centre = there.to_input(CENTRE).numpy()
    radius = RADIUS / there.scale
    np.testing.assert_allclose(np.linalg.norm(points.vertices - centre, axis=1), radius, atol=0.05 * radius)
    assert abs(np.ptp(mesh.vertices, axis=0)[:2] - 2 * radius).max() < 0.2 * radius
    assert set(points.metadata["_ply_raw"]["vertex"]["data"]["label"].ravel().tolist()) == {7}
    assert json.loads(files.box.read_text())["name"] == "red"


def test_a_glb_holds_the_same_mesh_in_the_colours_of_gltf(scene, red, tmp_path):
    ply = trimesh.load(export_object(scene, red, tmp_path).mesh)
    path = export_object(scene, red, tmp_path, mesh_format="glb").mesh
    assert path == tmp_path / "red-mesh.glb"
    document = trimesh.load_scene(path)
    mesh, (part,) = document.to_mesh(), document.geometry.values()
    # y is up: (x, y, z) of the PLY is (x, z, -y) here
    np.testing.assert_allclose(mesh.vertices, ply.vertices[:, [0, 2, 1]] * [1, 1, -1], atol=1e-6)
    np.testing.assert_array_equal(mesh.faces, ply.faces)
    colours = part.visual.vertex_attributes["color"][:, :3]
    # sRGB 220 is 0.7157 of full intensity, 30 is 0.0130
    np.testing.assert_allclose(np.median(colours, axis=0), [182, 3, 3], atol=1)


def test_a_glb_far_from_the_origin_keeps_its_shape(tmp_path):
    corners = np.array([[0.0, 0, 0], [0.01, 0, 0], [0, 0.01, 0], [0, 0, 0.01]]) + [6.9e5, 5.3e6, 80]
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    write_glb(tmp_path / "far.glb", corners, faces, np.full((4, 3), 0.5))
    document = trimesh.load_scene(tmp_path / "far.glb")
    np.testing.assert_allclose(np.ptp(document.to_mesh().vertices, axis=0), 0.01, rtol=1e-5)
    np.testing.assert_allclose(document.bounds[0], [6.9e5, 80, -5.3e6 - 0.01], rtol=0, atol=1e-6)
