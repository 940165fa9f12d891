"""The demonstration city: geometry, pictures, labels, files."""

import filecmp
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.scene.city import City, build_city
from nerfseg_ns.scene.city_mesh import CLASS_NAMES, CityMeshBuilder, Material
from nerfseg_ns.scene.command import SceneCommand, main, make_scene, split_flight
from nerfseg_ns.scene.ray_caster import RayCaster
from nerfseg_ns.scene.renderer import Renderer
from nerfseg_ns.scene.scene_writer import FOLDERS, SPLITS, SceneWriter, read_true_depth
from nerfseg_ns.scene.solids import Frame, Look, add_box
from nerfseg_ns.scene.trajectory import Camera, plan_flight

VIEWS, SIZE, SEED = 8, 48, 3


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def city() -> City:
    return build_city(SEED)


@pytest.fixture(scope="module")
def scene(city: City, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scenes") / "city"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nerfseg_ns.scene.city.build_city", lambda seed: city)  # seconds saved
        make_scene(SceneCommand(out, views=VIEWS, size=SIZE, seed=SEED))
    return out


@pytest.fixture(scope="module")
def renderer(city: City) -> Renderer:
    return Renderer(city)


@pytest.fixture(scope="module")
def flight(city: City) -> list[Camera]:
    return plan_flight(12, 96, city.grid.half_size, city.roof_height, SEED)


def stems(scene: Path, split: str, folder: str = "pose") -> list[str]:
    return sorted(path.stem for path in (scene / split / folder).iterdir())


def test_each_split_has_the_same_views_in_every_folder(scene: Path) -> None:
    total = [name for split in ("train", "test") for name in stems(scene, split)]
    assert sorted(total) == [f"{i:03d}" for i in range(VIEWS + 4)]
    assert len(stems(scene, "train")) == VIEWS and len(stems(scene, "test")) == 4
    assert stems(scene, "validation") == stems(scene, "test")[:3]
    for split in SPLITS:
        for folder in FOLDERS:
            assert stems(scene, split, folder) == stems(scene, split), (split, folder)
    expected = 1 + sum(len(FOLDERS) * len(stems(scene, split)) for split in SPLITS)
    assert len(files_below(scene)) == expected


def test_files_have_the_formats_of_carla_mvs(scene: Path) -> None:
    modes = {"color": "RGB", "rgb": "L", "instances": "I;16"}
    for folder, mode in modes.items():
        with Image.open(scene / "train" / folder / "000.png") as image:
            assert image.mode == mode and image.size == (SIZE, SIZE)
    intrinsics = np.loadtxt(scene / "train" / "intrinsics" / "000.txt").reshape(4, 4)
    focal = SIZE / 2 / np.tan(np.radians(25))
    np.testing.assert_allclose(
        intrinsics, [[focal, 0, SIZE / 2, 0], [0, focal, SIZE / 2, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    )


def test_true_depth_is_written_on_demand(renderer: Renderer, flight: list[Camera], tmp_path: Path) -> None:
    view = renderer.render(flight[0])
    SceneWriter(tmp_path / "deep", depth=True).write_view("train", "000", flight[0], view)
    depth = read_true_depth(tmp_path / "deep" / "train", "000")
    assert depth.dtype == np.float32 and np.isinf(depth).any() == np.isinf(view.depth).any()
    np.testing.assert_allclose(depth, view.depth, rtol=1e-6)
    # along the ray: a point at that distance projects back into its pixel
    origins, directions = flight[0].rays()
    met = np.flatnonzero(np.isfinite(depth.ravel()))[::97]
    pixels, _ = flight[0].project(origins[met] + depth.ravel()[met, None] * directions[met])
    np.testing.assert_array_equal(pixels.astype(int) @ [1, depth.shape[1]], met)

    SceneWriter(tmp_path / "deep", overwrite=True).write_view("train", "000", flight[0], view)
    with pytest.raises(InputError, match="000.npz: no such file: the scene has no true depth"):
        read_true_depth(tmp_path / "deep" / "train", "000")
    with pytest.raises(InputError, match="--depth: the layout google-earth has no place for it"):
        SceneCommand(tmp_path / "film", layout="google-earth", depth=True).check()


def test_validation_views_are_copies_of_test_views(scene: Path) -> None:
    names = files_below(scene / "validation")
    same, different, errors = filecmp.cmpfiles(scene / "validation", scene / "test", names, shallow=False)
    assert sorted(same) == names and not different and not errors


def test_layout_and_document_agree_with_a_published_scene(scene: Path) -> None:
    published = Path(os.environ.get("NERFSEG_TEST_SCENE", "no-such-scene"))
    if not published.is_dir():
        pytest.skip(f"{published} is not there")
    for split in SPLITS:
        assert {p.name for p in (scene / split).iterdir()} == {p.name for p in (published / split).iterdir()}
    theirs = json.loads((published / "classes.json").read_text())
    ours = json.loads((scene / "classes.json").read_text())
    assert ours.keys() == theirs.keys()
    described = {entry["name"]: (entry["carla_tag"], entry["rgb"]) for entry in theirs["classes"]}
    shared = [entry for entry in ours["classes"] if entry["name"] in described]
    assert len(shared) >= 8
    for entry in shared:
        assert (entry["carla_tag"], entry["rgb"]) == described[entry["name"]]


def test_every_declared_class_appears_and_no_other(scene: Path) -> None:
    table = ClassTable.from_json(scene / "classes.json")
    labels = [np.array(Image.open(path)) for path in (scene / "train" / "rgb").iterdir()]
    assert set(np.unique(labels)) == set(range(len(table)))
    assert table.names == CLASS_NAMES


def test_each_instance_has_the_class_of_its_object(scene: Path) -> None:
    document = json.loads((scene / "classes.json").read_text())
    ids = {entry["name"]: entry["id"] for entry in document["classes"]}
    class_of = {entry["id"]: ids[entry["class"]] for entry in document["objects"]}
    class_of[0] = ids["Sky"]
    seen = set()
    for split in ("train", "test"):
        for path in (scene / split / "instances").iterdir():
            instances = np.array(Image.open(path))
            labels = np.array(Image.open(scene / split / "rgb" / path.name))
            for instance in np.unique(instances):
                assert set(np.unique(labels[instances == instance])) == {class_of[int(instance)]}
                seen.add(int(instance))
    assert len(seen) > 200


def test_poses_are_rigid_look_down_and_differ(scene: Path, city: City) -> None:
    poses = {
        (split, name): np.loadtxt(scene / split / "pose" / f"{name}.txt").reshape(4, 4)
        for split in ("train", "test")
        for name in stems(scene, split)
    }
    for pose in poses.values():
        np.testing.assert_allclose(pose[:3, :3].T @ pose[:3, :3], np.eye(3), atol=1e-12)
        assert np.linalg.det(pose[:3, :3]) == pytest.approx(1.0)
        assert pose[2, 2] < -0.15, "the camera looks down"
        assert pose[2, 1] < 0.1, "the image is upright"
        assert pose[2, 3] > city.roof_height + 3
    positions = np.array([pose[:3, 3] for pose in poses.values()])
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1) + 1e3 * np.eye(len(positions))
    assert distances.min() > 1.0


@pytest.mark.parametrize("views", [4, 5, 17, 40, 64, 333])
def test_test_views_are_spread_between_training_views(views: int) -> None:
    splits = split_flight(views)
    assert splits.count("train") == views
    assert splits.count("test") == max(4, views // 4)
    at = np.flatnonzero(np.array(splits) == "test")
    assert np.ptp(np.diff(at)) <= 1


def test_consecutive_views_are_neighbours() -> None:
    cameras = plan_flight(60, 32, 75.0, 25.0, 0)
    steps = [np.linalg.norm(b.pose[:3, 3] - a.pose[:3, 3]) for a, b in zip(cameras[:-1], cameras[1:], strict=True)]
    spans = [np.linalg.norm(a.pose[:3, 3] - b.pose[:3, 3]) for a in cameras for b in cameras]
    assert max(steps) < 0.3 * max(spans)
    tilt = np.degrees(np.arcsin([-camera.pose[2, 2] for camera in cameras]))
    assert tilt.min() < 30 < 70 < tilt.max(), "low obliques as well as views nearly straight down"


def box_scene() -> RayCaster:
    """A box 2 m by 2 m by 3 m on a square floor at z = 0."""
    builder = CityMeshBuilder()
    grey = Look(Material.CONCRETE, (0.5, 0.5, 0.5))
    add_box(builder, builder.add_object("floor", "Terrain"), Frame(), (-50, -50, -1), (50, 50, 0), grey)
    add_box(builder, builder.add_object("box", "Building"), Frame(10, 0, 0, np.pi / 4), (-1, -1, 0), (1, 1, 3), grey)
    mesh = builder.build()
    caster = RayCaster(mesh)
    np.testing.assert_array_equal(mesh.class_of_object, [CLASS_NAMES.index(n) for n in ("Sky", "Terrain", "Building")])
    return caster


def test_depth_is_that_of_geometry_worked_out_by_hand() -> None:
    caster = box_scene()
    origins = np.array([[10.0, 0.2, 20.0], [0.0, 0.0, 20.0], [0.0, 0.1, 1.0], [0.0, 0.0, 20.0]])
    directions = np.array([[0, 0, -1.0], [0.6, 0.0, -0.8], [1.0, 0.0, 0.0], [0, 0, 1.0]])
    hits = caster.cast(origins, directions)
    # roof 3 m up; floor after 20 / 0.8 m; the corner of the turned box stands at 10 - sqrt 2 and recedes at 45 degrees
    np.testing.assert_allclose(hits.depth, [17.0, 25.0, 10 - np.sqrt(2) + 0.1, np.inf], atol=1e-9)
    assert hits.face[3] == -1 and (hits.face[:3] >= 0).all()
    assert list(caster.blocked(origins, directions)) == [True, True, True, False]


def test_a_point_projects_into_another_view_as_the_same_object(
    city: City, renderer: Renderer, flight: list[Camera]
) -> None:
    compared = 0
    for first, second in ((0, 1), (3, 4), (7, 10)):
        a, b = flight[first], flight[second]
        origins, directions = a.rays()
        hits = renderer.caster.cast(origins, directions)
        hit = np.flatnonzero(hits.face >= 0)
        points = origins[hit] + hits.depth[hit, None] * directions[hit]
        pixels, z = b.project(points)
        inside = (z > 0) & np.all((pixels > 0.5) & (pixels < b.size - 0.5), axis=1)
        points, pixels, face = points[inside], pixels[inside], hits.face[hit][inside]
        view = renderer.render(b)
        column, row = np.floor(pixels).astype(int).T
        # a pixel shows what its centre sees: compare where the projection falls near a centre and the depth agrees
        central = np.abs(pixels - np.floor(pixels) - 0.5).max(axis=1) < 0.12
        distance = np.linalg.norm(points - b.pose[:3, 3], axis=1)
        visible = np.abs(view.depth[row, column] - distance) < 0.05
        chosen = central & visible
        same = view.instances[row, column][chosen] == city.mesh.object_ids[face[chosen]]
        compared += len(same)
        assert same.mean() > 0.97
        assert not visible.all(), "some surfaces are hidden from the other view"
    assert compared > 60


def test_surfaces_look_alike_from_all_views(renderer: Renderer, flight: list[Camera]) -> None:
    a, b = flight[0], flight[1]
    view_a, view_b = renderer.render(a), renderer.render(b)
    origins, directions = a.rays()
    depth = view_a.depth.ravel()
    near = np.flatnonzero(np.isfinite(depth))
    points = origins[near] + depth[near, None] * directions[near]
    pixels, z = b.project(points)
    inside = (z > 0) & np.all((pixels > 0.5) & (pixels < b.size - 0.5), axis=1)
    column, row = np.floor(pixels[inside]).astype(int).T
    distance = np.linalg.norm(points[inside] - b.pose[:3, 3], axis=1)
    visible = np.abs(view_b.depth[row, column] - distance) < 0.3
    seen_a = view_a.colour.reshape(-1, 3)[near][inside][visible].astype(float)
    seen_b = view_b.colour[row, column][visible].astype(float)
    assert visible.sum() > 300
    error = np.abs(seen_a - seen_b).mean()
    shuffled = np.abs(seen_a - np.random.default_rng(0).permutation(seen_b)).mean()
    assert error < 0.5 * shuffled


def test_equal_seeds_give_equal_files_and_other_seeds_another_city(scene: Path, city: City, tmp_path: Path) -> None:
    make_scene(SceneCommand(tmp_path / "same", views=VIEWS, size=SIZE, seed=SEED))
    names = files_below(scene)
    assert files_below(tmp_path / "same") == names
    same, different, errors = filecmp.cmpfiles(scene, tmp_path / "same", names, shallow=False)
    assert sorted(same) == names and not different and not errors

    other = build_city(SEED + 1)
    assert [s.centre for s in other.grid.along_x] != [s.centre for s in city.grid.along_x]
    assert [o.kind for o in other.mesh.objects] != [o.kind for o in city.mesh.objects]


def test_labels_and_objects_fit_their_files(city: City) -> None:
    assert len(city.mesh.objects) < 2**16
    assert city.mesh.object_ids.min() == 1 and city.mesh.object_ids.max() == len(city.mesh.objects)
    assert {o.class_name for o in city.mesh.objects} == set(CLASS_NAMES) - {"Sky"}
    assert np.isfinite(city.mesh.triangles).all()


def test_a_folder_that_is_not_empty_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"not empty.*--overwrite"):
        make_scene(SceneCommand(tmp_path, views=4, size=32))
    assert files_below(tmp_path) == ["notes.txt"]
    with pytest.raises(InputError, match="is a file"):
        make_scene(SceneCommand(tmp_path / "notes.txt", views=4, size=32))


def test_overwrite_replaces_the_views_and_nothing_else(
    tmp_path: Path, city: City, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("nerfseg_ns.scene.city.build_city", lambda seed: city)  # seconds saved
    stale = tmp_path / "train" / "color" / "0999.png"
    kept = tmp_path / "train" / "color" / "notes.txt"
    kept.parent.mkdir(parents=True)
    stale.write_text("old")
    kept.write_text("mine")
    main([str(tmp_path), "--views", "4", "--size", "32", "--seed", "1", "--overwrite"])
    assert not stale.exists() and kept.read_text() == "mine"
    assert len(list((tmp_path / "train" / "color").glob("*.png"))) == 4
    output = capsys.readouterr().out
    assert "4 training and 4 test views" in output and "Building" in output


@pytest.mark.parametrize(("option", "value"), [("views", 3), ("size", 31), ("seed", -1), ("views", 5001)])
def test_values_out_of_range_are_named(tmp_path: Path, option: str, value: int) -> None:
    with pytest.raises(InputError, match=rf"--{option} {value} .*it can be"):
        make_scene(SceneCommand(tmp_path / "city", **{option: value}))
    assert not (tmp_path / "city").exists()


def test_an_interrupted_scene_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(seed: int) -> City:
        raise KeyboardInterrupt

    monkeypatch.setattr("nerfseg_ns.scene.city.build_city", interrupt)
    with pytest.raises(KeyboardInterrupt):
        main([str(tmp_path / "city"), "--views", "4", "--size", "32"])
    assert "--overwrite" in capsys.readouterr().err
    assert not (tmp_path / "city" / "classes.json").exists(), "the class table marks a complete scene"
