"""The demonstration city as an export of Google Earth Studio, and the truth for maps of it."""

import filecmp
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.georeference import Georeference
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.data.google_earth_export import GoogleEarthExport
from nerfseg_ns.scene.city import City, build_city
from nerfseg_ns.scene.city_mesh import CLASS_NAMES, CityMeshBuilder, Material
from nerfseg_ns.scene.city_truth import TopDown, building_records, view_from_above
from nerfseg_ns.scene.command import SceneCommand, main, make_scene
from nerfseg_ns.scene.ray_caster import RayCaster
from nerfseg_ns.scene.renderer import Renderer
from nerfseg_ns.scene.solids import Frame, Look, add_box
from nerfseg_ns.scene.trajectory import plan_flight

pytest.importorskip("pyproj")
pytest.importorskip("shapely")

VIEWS, SIZE, SEED = 4, 40, 3
FRAMES = VIEWS + 4
PLACE = Georeference(-36.85, 174.76, 40.0)


@pytest.fixture(scope="module")
def city() -> City:
    return build_city(SEED)


def make(out: Path, city: City, **options) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nerfseg_ns.scene.city.build_city", lambda seed: city)  # seconds saved
        place = dict(latitude=PLACE.latitude, longitude=PLACE.longitude, altitude=PLACE.altitude)
        make_scene(SceneCommand(out, views=VIEWS, size=SIZE, seed=SEED, layout="google-earth", **place, **options))
    return out


@pytest.fixture(scope="module")
def export(city: City, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("scenes") / "city", city)


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_files_of_an_export(export: Path) -> None:
    frames = [f"city_{index:03d}" for index in range(FRAMES)]
    expected = [f"footage/{stem}.jpeg" for stem in frames]
    expected += [f"{folder}/{stem}.png" for folder in ("labels", "instances") for stem in frames]
    expected += ["city.json", "classes.json", "truth/buildings.json", "truth/georeference.json", "truth/top_down.npz"]
    assert files_below(export) == sorted(expected)
    document = json.loads((export / "city.json").read_text())
    assert (document["width"], document["height"], document["numFrames"]) == (SIZE, SIZE, FRAMES)
    assert ClassTable.from_json(export / "classes.json").names == CLASS_NAMES


def test_the_cameras_are_those_of_the_flight(export: Path, city: City) -> None:
    read = GoogleEarthExport.read(export)
    read.check_positions()
    read.check_images()
    georeference = read.georeference(PLACE.altitude)
    poses = read.poses(georeference)
    shift = PLACE.from_geodetic(georeference.to_geodetic(np.zeros((1, 3))))[0]
    for pose, camera in zip(poses, plan_flight(FRAMES, SIZE, city.grid.half_size, city.roof_height, SEED), strict=True):
        np.testing.assert_allclose(pose[:3, 3] + shift, camera.pose[:3, 3], atol=1e-3)
        np.testing.assert_allclose(pose[:3, :3], camera.pose[:3, :3], atol=1e-4)
    np.testing.assert_allclose(read.fov_vertical, 50.0)
    assert Georeference.from_json(export / "truth/georeference.json") == PLACE


def test_pictures_labels_and_objects_are_those_of_the_renderer(export: Path, city: City) -> None:
    camera = plan_flight(FRAMES, SIZE, city.grid.half_size, city.roof_height, SEED)[5]
    view = Renderer(city).render(camera)
    picture = np.array(Image.open(export / "footage/city_005.jpeg")).astype(float)
    assert np.abs(picture - view.colour).mean() < 4.0
    assert np.array_equal(np.array(Image.open(export / "labels/city_005.png")), view.labels)
    assert np.array_equal(np.array(Image.open(export / "instances/city_005.png")), view.instances)


# --- the truth


def truth_of(folder: Path) -> TopDown:
    with np.load(folder / "truth/top_down.npz") as arrays:
        values = {name: arrays[name] for name in arrays}
    return TopDown(**{name: float(value) if value.ndim == 0 else value for name, value in values.items()})


def test_what_stands_at_a_place_is_what_cameras_see_there(export: Path, city: City) -> None:
    top = truth_of(export)
    assert top.height.shape == top.classes.shape == top.objects.shape and top.west == -top.north
    caster = RayCaster(city.mesh)
    seen = 0
    for camera in plan_flight(FRAMES, SIZE, city.grid.half_size, city.roof_height, SEED):
        origins, directions = camera.rays()
        hits = caster.cast(origins, directions)
        rows = np.flatnonzero(hits.face >= 0)
        points = origins[rows] + hits.depth[rows, None] * directions[rows]
        column = np.floor((points[:, 0] - top.west) / top.gsd).astype(int)
        row = np.floor((top.north - points[:, 1]) / top.gsd).astype(int)
        inside = (np.minimum(row, column) >= 0) & (np.maximum(row, column) < len(top.classes))
        inside &= caster.normals[hits.face[rows], 2] > 0.5  # walls lie on the edge between two heights
        row, column, points, face = row[inside], column[inside], points[inside], hits.face[rows][inside]
        assert (points[:, 2] < top.height[row, column] + 1.0).mean() > 0.97, "nothing seen is above the surface"
        level = np.abs(points[:, 2] - top.height[row, column]) < 0.02
        same = top.classes[row, column][level] == city.mesh.class_of_object[city.mesh.object_ids[face[level]]]
        assert same.mean() > 0.97
        seen += int(level.sum())
    assert seen > 3000


def turned_boxes() -> tuple[CityMeshBuilder, Frame]:
    """Two buildings: an L of two boxes of 4 and 7 m, turned by 30 degrees, and a box 10 m to the east of it."""
    builder = CityMeshBuilder()
    grey = Look(Material.CONCRETE, (0.5, 0.5, 0.5))
    add_box(builder, builder.add_object("floor", "Terrain"), Frame(), (-50, -50, -1), (50, 50, 0), grey)
    frame = Frame(5.0, -3.0, 0.0, np.pi / 6)
    house = builder.add_object("house", "Building")
    add_box(builder, house, frame, (0, 0, 0), (6, 4, 4), grey)
    add_box(builder, house, frame, (0, 3.9, 0), (3, 8, 7), grey)
    add_box(builder, builder.add_object("shed", "Building"), Frame(30.0, 0.0), (-1, -1, 0), (1, 1, 2), grey)
    far = builder.add_object("house", "Building")
    add_box(builder, far, Frame(48.0, 0.0), (-1, -1, 0), (1, 1, 2), grey)
    return builder, frame


def test_outlines_and_heights_by_hand() -> None:
    builder, frame = turned_boxes()
    mesh = builder.build()
    objects = np.zeros((400, 400), dtype=np.uint16)
    height = np.zeros((400, 400), dtype=np.float32)
    objects[:10, :10], height[:10, :10] = 2, 4.0
    objects[:10, 10:30], height[:10, 10:30] = 2, 7.0
    top = TopDown(objects.astype(np.uint8), objects, height, west=-40.0, north=40.0, gsd=0.2)
    house, shed = building_records(mesh, top)
    (outline,) = house["outlines"]
    local = [(0, 0, 0), (6, 0, 0), (6, 4, 0), (3, 4, 0), (3, 8, 0), (0, 8, 0)]
    expected = frame.to_world(np.array(local, dtype=float))[:, :2]
    start = int(np.linalg.norm(expected - outline[0], axis=1).argmin())
    np.testing.assert_allclose(outline, np.roll(expected, -start, axis=0), atol=2e-3)  # counter-clockwise
    assert (house["id"], house["kind"], house["holes"]) == (2, "house", [])
    assert (house["base"], house["top"], house["roof"]) == (0.0, 7.0, 7.0)
    east = max(x for x, _ in outline)
    assert house["clearance"] == pytest.approx(29.0 - east, abs=0.1)
    assert shed["clearance"] == pytest.approx(16.0), "to the house at the rim, which is not listed itself"
    assert shed["roof"] is None, "nothing of it is seen from above in this raster"


def test_the_view_from_above_by_hand(city: City) -> None:
    builder, frame = turned_boxes()
    mesh = builder.build()
    small = City(mesh, city.grid, 7.0, city.sun)
    top = view_from_above(small, RayCaster(mesh), gsd=0.5)
    for point, z, name in (((1, 6, 0), 7.0, "Building"), ((5, 2, 0), 4.0, "Building"), ((5, 6, 0), 0.0, "Terrain")):
        x, y, _ = frame.to_world(np.array(point, dtype=float))
        at = int((top.north - y) / top.gsd), int((x - top.west) / top.gsd)
        assert top.height[at] == pytest.approx(z, abs=1e-5)
        assert CLASS_NAMES[top.classes[at]] == name
    assert top.objects[0, 0] == 0 and top.height[0, 0] == -np.inf, "beyond the floor there is nothing"


def test_outlines_cover_the_pixels_of_their_building(export: Path) -> None:
    import shapely

    top = truth_of(export)
    records = json.loads((export / "truth/buildings.json").read_text())["buildings"]
    assert len(records) >= 20
    for record in records:
        plan = shapely.union_all([shapely.Polygon(ring) for ring in record["outlines"]])
        row, column = np.nonzero(top.objects == record["id"])
        x, y = top.west + (column + 0.5) * top.gsd, top.north - (row + 0.5) * top.gsd
        assert shapely.contains_xy(plan.buffer(0.02), x, y).all()
        assert len(row) * top.gsd**2 > 0.5 * plan.area, "trees hide the rest"
        assert record["base"] < 1.0 < record["roof"] <= record["top"]


# --- the command


def test_equal_seeds_give_equal_files(export: Path, city: City, tmp_path: Path) -> None:
    again = make(tmp_path / "again", city)
    same, different, errors = filecmp.cmpfiles(export, again, files_below(export), shallow=False)
    assert sorted(same) == files_below(again) and not different and not errors


def test_overwrite_replaces_the_export_and_nothing_else(city: City, tmp_path: Path) -> None:
    stale, kept = tmp_path / "footage/city_999.jpeg", tmp_path / "footage/notes.txt"
    stale.parent.mkdir()
    stale.touch(), kept.write_text("mine")
    with pytest.raises(InputError, match=r"not empty.*--overwrite"):
        make(tmp_path, city)
    make(tmp_path, city, overwrite=True)
    assert not stale.exists() and kept.read_text() == "mine"
    assert len(GoogleEarthExport.read(tmp_path)) == FRAMES


def test_a_place_out_of_range_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--latitude 91.0: expected -90 to 90"):
        main([str(tmp_path / "city"), "--layout", "google-earth", "--latitude", "91"])
    assert not (tmp_path / "city").exists()


@pytest.mark.parametrize("package", ["pyproj", "shapely"])
def test_a_missing_package_is_named_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(InputError, match=rf"{package}.*pip install 'nerfseg-ns\[geo\]'"):
        main([str(tmp_path / "city"), "--layout", "google-earth"])
    assert not (tmp_path / "city").exists()
