"""Points of a surface that is known: where they lie, what they are called, and how the files hold it."""

import json

import numpy as np
import pytest
import trimesh

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.georeference import MapProjection
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.exports.las_classes import asprs_code, las_codes
from nerfseg_ns.exports.observed_ground import ObservedGround
from nerfseg_ns.exports.pointcloud import PointcloudOptions, export_pointcloud, las_resolution
from nerfseg_ns.exports.surface_survey import survey
from nerfseg_ns.exports.surface_views import SurfacePixels, SurfaceViews
from nerfseg_ns.exports.view_renderer import ViewRenderer
from nerfseg_ns.exports.voxel_cloud import VoxelCloud
from nerfseg_ns.selection.run_scene import RunScene


@pytest.fixture
def options(tmp_path):
    """``options(...)``: of an export into OUT."""

    def make(**choices):
        return PointcloudOptions(load_config=tmp_path / "config.yml", output_dir=tmp_path / "out", **choices)

    return make


def off_the_surface(world, points):
    """Distance of points from the box or the ground."""
    outside = np.maximum(world.LOW - points, points - world.HIGH)
    box = np.abs(outside.max(axis=1)) + np.linalg.norm(outside.clip(min=0), axis=1) * (outside.max(axis=1) > 0)
    return np.minimum(box, np.abs(points[:, 2]))


def test_las_holds_map_coordinates_classes_objects_and_the_crs(world, box_run, options, tmp_path):
    laspy = pytest.importorskip("laspy")
    box_run()
    house = world.write_box_object(tmp_path)
    document = export_pointcloud(options(spacing=0.5, objects=(house,), format=("laz", "las")))
    cloud = laspy.read(tmp_path / "out" / "pointcloud.laz")
    assert cloud.header.version == "1.4" and cloud.header.point_format.id == 7
    assert cloud.header.global_encoding.wkt and cloud.header.parse_crs().to_epsg() == 32615
    projection = MapProjection.of(world.PLACE)
    here = projection.from_map(np.stack([cloud.x, cloud.y, cloud.z], axis=1))
    distance = off_the_surface(world, here)
    # a voxel's mean is beside the surface only where the voxel reaches around an edge
    assert len(here) > 1500 and np.quantile(distance, 0.9) < 0.002 and distance.max() < 0.5
    roof = here[:, 2] > 4.9
    assert set(cloud.classification[roof]) == {6} and set(cloud.class_id[roof]) == {world.BUILDING}
    np.testing.assert_allclose(cloud.confidence[roof], 0.9, atol=1e-5)
    away = (np.abs(here[:, :2]) > 6).any(axis=1)
    assert set(cloud.classification[away]) == {64 + world.GROUND}  # "Side walk" is no class of the standard
    assert set(cloud.object_id[roof]) == {1} and set(cloud.object_id[away]) == {0}
    np.testing.assert_array_equal(np.unique(cloud.red[roof]), [70 * 257])
    assert (cloud.points["class_id"] != world.SKY).all()
    (record,) = [vlr for vlr in cloud.vlrs if vlr.user_id == "nerfseg_ns"]
    assert json.loads(record.record_data) == document == json.loads((tmp_path / "out" / "pointcloud.json").read_text())
    (lookup,) = [vlr for vlr in cloud.vlrs if vlr.record_id == 0 and vlr.user_id == "LASF_Spec"]
    assert lookup.lookups[6] == "Building" and lookup.lookups[65] == "Side walk"
    # LAS 1.4 R15: the lookup is 256 records of 16 bytes, the CRS is WKT 1 (OGC 01-009)
    assert len(lookup.record_data_bytes()) == 256 * 16 and lookup.lookups[7] == ""
    (crs,) = [vlr for vlr in cloud.vlrs if vlr.record_id == 2112 and vlr.user_id == "LASF_Projection"]
    assert crs.string.startswith('PROJCS["WGS 84 / UTM zone 15N",GEOGCS[')
    assert document["objects"] == [{"id": 1, "name": "house", "points": int((cloud.object_id == 1).sum())}]
    plain = laspy.read(tmp_path / "out" / "pointcloud.las")
    np.testing.assert_array_equal(plain.points.array, cloud.points.array)
    assert (tmp_path / "out" / "pointcloud.laz").stat().st_size < (tmp_path / "out" / "pointcloud.las").stat().st_size


@pytest.mark.parametrize("frame", ["map", "input", "scene"])
def test_ply_in_each_frame(world, box_run, options, tmp_path, frame):
    box_run(place=None)
    bounds = (-10.0, -10.0, -1.0, 10.0, 10.0, 9.0)
    export_pointcloud(options(spacing=0.5, format=("ply",), frame=frame, minimum_confidence=0.7, bounds=bounds))
    cloud = trimesh.load(tmp_path / "out" / "pointcloud.ply")
    raw = cloud.metadata["_ply_raw"]["vertex"]["data"]
    expected = [(-10, 10), (-10, 10), (0, 5)]  # without a georeference the map is the input frame
    points = np.asarray(cloud.vertices, dtype=np.float64)
    if frame == "scene":
        import torch

        points = world.FRAME.to_input(torch.from_numpy(points)).numpy()
    for axis, (low, high) in enumerate(expected):
        assert abs(points[:, axis].min() - low) < 0.5 and abs(points[:, axis].max() - high) < 0.01 + 0.5 * (axis < 2)
    class_ids = raw["class_id"].ravel()
    assert set(class_ids.tolist()) == {world.BUILDING, 255}  # the ground is known by 0.6 only
    assert raw["views"].max() == 8


def test_colours_are_those_of_the_images_and_masked_pixels_are_left_out(world, box_run, tmp_path):
    run = box_run()
    scene = RunScene.from_run(run)
    views = SurfaceViews(scene, ViewRenderer.of(run))
    pixels = views.pixels(0)
    roof = pixels.positions[:, 2] > 4.99
    np.testing.assert_allclose(pixels.colours[roof], 70 / 255, atol=1e-6)
    np.testing.assert_allclose(off_the_surface(world, pixels.positions), 0.0, atol=1e-4)
    scene.mask = lambda view: np.arange(48 * 64).reshape(48, 64) < 24 * 64  # the upper half
    assert 0 < len(views.pixels(0).positions) < 0.7 * len(pixels.positions)


def test_the_survey_knows_size_area_and_pixels(world, box_run):
    run = box_run()
    views = SurfaceViews(RunScene.from_run(run), ViewRenderer.of(run))
    surface = survey(ObservedGround.of_run(run, long_side=32), views)
    assert (surface.low[:2] < -17).all() and (surface.high[:2] > 17).all() and surface.high[2] > 5.0
    # 40 x 40 of ground and four walls of a box of 8 x 6 x 5, its roof in place of the ground below it
    assert 1740 * 0.7 < surface.area < 1740 * 1.6
    assert 0.2 < surface.pixel_size < 0.6


def test_a_box_of_the_users(world, box_run, options):
    box_run(place=None)
    document = export_pointcloud(options(spacing=0.5, format=("ply",), bounds=(-5.0, -5.0, 1.0, 5.0, 5.0, 9.0)))
    assert document["classes"][world.GROUND]["points"] == 0 < document["classes"][world.BUILDING]["points"]


def test_bad_input(world, box_run, options, tmp_path):
    box_run(place=None)
    with pytest.raises(
        InputError, match="--spacing 0.001: about .* points, and --max-points is 20,000,000; a spacing of"
    ):
        export_pointcloud(options(spacing=0.001, format=("ply",)))
    with pytest.raises(InputError, match="--spacing 0: expected a length above 0"):
        export_pointcloud(options(spacing=0.0, format=("ply",)))
    with pytest.raises(InputError, match="--bounds 1 0 0 0 1 1: expected X0"):
        export_pointcloud(options(bounds=(1.0, 0, 0, 0, 1, 1), format=("ply",)))
    with pytest.raises(InputError, match="no view shows a surface within --bounds; the surface reaches over"):
        export_pointcloud(options(bounds=(900.0, 0, 0, 901, 1, 1), format=("ply",)))
    with pytest.raises(InputError, match="no point is shown by so many of 8 views"):
        export_pointcloud(options(spacing=0.5, minimum_views=9, format=("ply",)))
    with pytest.raises(InputError, match="--minimum-confidence 2"):
        export_pointcloud(options(minimum_confidence=2.0, format=("ply",)))
    with pytest.raises(InputError, match="--crs EPSG:32615: the run's data does not say where"):
        export_pointcloud(options(crs="EPSG:32615", format=("ply",)))
    other = world.write_box_object(tmp_path, "other", SceneFrame(world.FRAME.transform, 0.05))
    with pytest.raises(InputError, match="other.npz: selected in another run"):
        export_pointcloud(options(objects=(other,), format=("ply",)))
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "pointcloud.ply").write_text("mine")
    with pytest.raises(InputError, match="pointcloud.ply exists already; add --overwrite"):
        export_pointcloud(options(format=("ply",)))


def test_runs_without_classes(world, box_run, options, tmp_path):
    box_run(place=None, classes=False)
    with pytest.raises(InputError, match="the run knows no classes: its data has no classes"):
        export_pointcloud(options(format=("ply",)))
    house = world.write_box_object(tmp_path)
    document = export_pointcloud(options(format=("ply",), spacing=0.5, objects=(house,)))
    assert document["classes"] == [] and document["without_class"]["points"] == document["points"]
    assert document["objects"][0]["points"] > 100
    box_run(place=None, stage=1)
    with pytest.raises(InputError, match="its training stopped at step 9, before stage 2"):
        export_pointcloud(options(format=("ply",), overwrite=True))


def test_without_laspy_the_message_says_what_to_install(options, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "laspy", None)
    with pytest.raises(InputError, match=r"pip install 'nerfseg-ns\[geo\]'.*--format ply"):
        export_pointcloud(options())


def test_voxels_take_the_mean_and_the_vote_of_their_pixels():
    cloud = VoxelCloud(1.0, 2, 10, np.array([5e6, 0.0, 0.0]))

    def pixels(*rows):
        table = np.array(rows, dtype=np.float64)
        positions = table[:, :3] + (5e6, 0.0, 0.0)
        return SurfacePixels(positions, table[:, 3:6].astype("f4"), table[:, 6:].astype("f4"))

    # two views; the second shows the same voxel twice, and another one
    cloud.add(pixels((0.2, 0.2, 0.2, 1, 0, 0, 0.9, 0.1)))
    cloud.add(
        pixels((0.6, 0.2, 0.2, 0, 1, 0, 0.4, 0.6), (0.4, 0.2, 0.2, 0, 1, 0, 0.4, 0.6), (-0.5, 0, 0, 0, 0, 1, 1, 0))
    )
    points = cloud.points()
    np.testing.assert_allclose(points.positions - (5e6, 0, 0), [[-0.5, 0, 0], [0.4, 0.2, 0.2]], atol=1e-6)
    np.testing.assert_allclose(points.colours, [[0, 0, 1], [1 / 3, 2 / 3, 0]], atol=1e-6)
    assert points.class_ids.tolist() == [0, 0] and points.views.tolist() == [1, 2]
    np.testing.assert_allclose(points.confidence, [1.0, 1.7 / 3], atol=1e-6)
    assert cloud.points(minimum_confidence=0.6).class_ids.tolist() == [0, 255]
    assert len(cloud.points(minimum_views=2)) == 1
    with pytest.raises(InputError, match="more than 10 points"):
        cloud.add(pixels(*[(x, 5, 5, 0, 0, 0, 1, 0) for x in range(9)]))


def test_many_voxels_are_told_apart():
    generator = np.random.default_rng(0)
    cloud, seen = VoxelCloud(0.1, 1, 100_000), set()
    for _ in range(5):
        positions = generator.uniform(-3, 3, (4000, 3))
        seen |= {tuple(index) for index in np.floor(positions / 0.1).astype(int)}
        cloud.add(SurfacePixels(positions, np.zeros((4000, 3), "f4"), np.ones((4000, 1), "f4")))
    points = cloud.points()
    assert len(points) == len(cloud) == len(seen)
    assert {tuple(index) for index in np.floor(points.positions / 0.1 + 1e-6).astype(int)} >= set(list(seen)[:100])


def test_codes_of_the_standard():
    assert [asprs_code(name) for name in ("Building", "rail_track", "RoadLine", "Trees", "Bridge", "water", "Car")] == [
        6, 10, 11, 5, 17, 9, None,
    ]  # fmt: skip
    table = ClassTable.from_names(("Building", "SideWalk", "Vegetation"), "carla-0.9.10")
    assert las_codes(table) == {255: 1, 0: 6, 1: 65, 2: 5}
    assert las_codes(table, ["SideWalk=11"])[1] == 11
    with pytest.raises(InputError, match="--las-codes Sidewalk=11: no class 'Sidewalk'.*SideWalk"):
        las_codes(table, ["Sidewalk=11"])
    for wrong in ("SideWalk", "SideWalk=x", "SideWalk=256"):
        with pytest.raises(InputError, match="expected NAME=CODE with a code of 0 to 255"):
            las_codes(table, [wrong])
    many = ClassTable.from_names([f"kind {n}" for n in range(193)], "carla-0.9.10")
    with pytest.raises(InputError, match="its id 192 leaves no code"):
        las_codes(many)


def test_coordinates_are_stored_finer_than_the_spacing():
    assert las_resolution(0.5) == 0.001 and las_resolution(0.01) == pytest.approx(1e-4)
