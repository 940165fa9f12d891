"""The mesh of a surface that is known."""

import json

import numpy as np
import pytest
import torch
import trimesh

from nerfseg_ns.core.density_surface import NearestPoints
from nerfseg_ns.core.georeference import MapProjection
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.exports.mesh import MeshOptions, export_mesh
from nerfseg_ns.exports.surface_mesh import REACH, surface_triangles

CENTRE, RADIUS = np.array([100.0, 0.0, 3.0]), 2.0


def ball_density(places):
    distance = (places - torch.from_numpy(CENTRE)).norm(dim=-1)
    return 1000.0 * torch.sigmoid((RADIUS - distance) / 0.05)


def on_ball(count, upper=False):
    directions = np.random.default_rng(0).normal(size=(count, 3))
    if upper:
        directions[:, 2] = np.abs(directions[:, 2])
    return CENTRE + RADIUS * directions / np.linalg.norm(directions, axis=1, keepdims=True)


def test_a_ball_over_many_blocks_is_closed_and_round():
    told = []
    mesh = surface_triangles(on_ball(20_000), ball_density, 0.06, lambda done, total: told.append((done, total)))
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    # the level is half of the density at the points, which is half of the inner density: a step of 0.055 outside
    distance = np.linalg.norm(mesh.vertices - CENTRE, axis=1)
    expected = RADIUS + 0.05 * np.log(3.0)
    assert np.abs(distance - expected).max() < 0.005
    assert solid.is_watertight and solid.euler_number == 2 and solid.is_winding_consistent  # no crack between blocks
    assert solid.volume == pytest.approx(4 / 3 * np.pi * expected**3, rel=0.01)
    assert len(told) > 100 and told[-1][0] == told[-1][1]


def test_what_no_view_saw_is_left_out():
    mesh = surface_triangles(on_ball(20_000, upper=True), ball_density, 0.06)
    assert CENTRE[2] - (REACH + 1) * 0.06 < mesh.vertices[:, 2].min() < CENTRE[2] - 0.06
    assert mesh.vertices[:, 2].max() > CENTRE[2] + RADIUS


def test_nothing_dense_and_too_fine_a_grid():
    with pytest.raises(InputError, match="there is no surface of density 500 near the points that the views show"):
        surface_triangles(on_ball(100), lambda places: torch.full((len(places),), 1000.0), 0.5)
    with pytest.raises(InputError, match="--cell 1e-05: more than 262,144 cells along an axis"):
        surface_triangles(on_ball(100), ball_density, 1e-5)


def test_the_nearest_points_count_by_inverse_distance():
    around = NearestPoints(np.array([[0.0, 0, 0], [3.0, 0, 0]]))
    mean = around.mean(np.array([[0.0], [1.0]]), np.array([[1.0, 0, 0], [0.0, 0, 0]]))
    np.testing.assert_allclose(mean, [[1 / 3], [0.0]], atol=1e-5)


@pytest.fixture
def options(tmp_path):
    def make(**choices):
        return MeshOptions(load_config=tmp_path / "config.yml", output_dir=tmp_path / "out", **choices)

    return make


def test_the_mesh_of_a_run_in_class_colours(world, box_run, options, tmp_path):
    box_run()
    document = export_mesh(options(cell=0.4, colour="class", bounds=(-8.0, -7.0, -1.0, 8.0, 7.0, 9.0)))
    mesh = trimesh.load(tmp_path / "out" / "mesh.ply", process=False)
    assert document["vertices"] == len(mesh.vertices) > 1000 and document["triangles"] == len(mesh.faces)
    raw = mesh.metadata["_ply_raw"]["vertex"]["data"]
    roof = mesh.vertices[:, 2] > 4.7
    np.testing.assert_allclose(
        [mesh.vertices[roof][:, :2].min(axis=0), mesh.vertices[roof][:, :2].max(axis=0)],
        [world.LOW[:2], world.HIGH[:2]],
        atol=0.2,  # half a cell: the density has an edge
    )
    inner = roof & (np.abs(mesh.vertices[:, :2]) < (3.5, 2.5)).all(axis=1)
    assert np.abs(mesh.vertices[inner][:, 2] - 5.0).max() < 0.2
    assert set(raw["class_id"].ravel()[inner].tolist()) == {world.BUILDING}
    assert (mesh.visual.vertex_colors[inner, :3] == 70).all()
    ground = (mesh.vertices[:, 2] < 0.3) & (np.abs(mesh.vertices[:, :2]) > (5.5, 4.5)).any(axis=1)
    assert (mesh.visual.vertex_colors[ground, :3] == (145, 170, 100)).all() and ground.sum() > 100
    up = mesh.face_normals[roof[mesh.faces].all(axis=1)]
    assert (up[:, 2] > 0).mean() > 0.95
    assert json.loads((tmp_path / "out" / "mesh.json").read_text()) == document


def test_a_glb_in_map_coordinates_lies_near_its_offset(world, box_run, options, tmp_path):
    pytest.importorskip("pyproj")
    box_run()
    document = export_mesh(options(cell=0.8, format=("glb", "ply"), frame="map"))
    shown = trimesh.load_scene(tmp_path / "out" / "mesh.glb").to_mesh()
    exact = trimesh.load(tmp_path / "out" / "mesh.ply", process=False)
    assert document["crs"] == "EPSG:32615" and np.abs(shown.vertices).max() < 100
    x, y, z = shown.vertices.T  # y is up
    np.testing.assert_allclose(np.stack([x, -z, y], axis=1) + document["glb_offset"], exact.vertices, atol=1e-4)
    origin = MapProjection.of(world.PLACE).to_map(np.zeros((1, 3)))[0]
    np.testing.assert_allclose(document["glb_offset"], origin, atol=5.0)


def test_bad_input(world, box_run, options, tmp_path):
    box_run(classes=False)
    with pytest.raises(InputError, match=r"the run knows no classes: .* \(--colour rgb needs none\)"):
        export_mesh(options(colour="class"))
    with pytest.raises(InputError, match="--cell 0.001: about .* points, and --max-points is 20,000,000"):
        export_mesh(options(cell=0.001))
    with pytest.raises(InputError, match="--cell -1: expected a length above 0"):
        export_mesh(options(cell=-1.0))
    document = export_mesh(options(cell=0.8))
    assert document["classes"] == [] and document["frame"] == "input"
    with pytest.raises(InputError, match="mesh.json exists already; add --overwrite"):
        export_mesh(options(cell=0.8))
