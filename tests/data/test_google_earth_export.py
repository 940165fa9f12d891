import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from nerfseg_ns.core.geocentric import east_north_up, to_geocentric
from nerfseg_ns.core.georeference import Georeference
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.data.google_earth_export import GoogleEarthExport
from nerfseg_ns.scene.google_earth_writer import camera_frame
from nerfseg_ns.scene.trajectory import Camera

pytest.importorskip("pyproj")


def edit(folder, change):
    path = folder / "flight.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def edit_frame(number, **values):
    """A change of one frame; None takes a key away."""

    def change(document):
        frame = document["cameraFrames"][number]
        for name, value in values.items():
            if value is None:
                frame.pop(name)
            elif isinstance(value, dict):
                frame[name].update(value)
            else:
                frame[name] = value

    return change


def shifted(vector, start=0):
    """A change of the positions of all frames from one on."""

    def change(document):
        for frame in document["cameraFrames"][start:]:
            for axis, value in zip("xyz", vector):
                frame["position"][axis] += value

    return change


# --- the published samples


@pytest.mark.parametrize(
    ("place", "angles", "heading", "pitch"),
    [
        # pan 0, tilt 0: straight down, north up in the image
        ((0.0, 33.9165151812, 1725.0), (180.0, -56.0834848188, -89.9999999998), None, -90.0),
        (
            (121.73286024286688, 31.23933153689792, 20695.0),
            (159.34465662912814, 67.17562316976208, 45.669011717197826),
            270.12,
            -44.61,
        ),
    ],
)
def test_published_cameras(write_export, place, angles, heading, pitch):
    folder = write_export()
    longitude, latitude, altitude = place

    def change(document):
        for frame in document["cameraFrames"]:
            frame["coordinate"] = {"longitude": longitude, "latitude": latitude, "altitude": altitude}
            frame["rotation"] = dict(zip("xyz", angles))
            frame.pop("position")

    edit(folder, change)
    export = GoogleEarthExport.read(folder)
    pose = export.poses(export.georeference())[0]
    np.testing.assert_allclose(pose[:3, 3], [0, 0, altitude], atol=1e-3)
    east, north, up = pose[:3, 2]
    assert math.degrees(math.asin(up)) == pytest.approx(pitch, abs=0.02)
    if heading is None:
        up_in_the_image = -pose[:3, 1]
        assert math.degrees(math.atan2(up_in_the_image[0], up_in_the_image[1])) == pytest.approx(0.0, abs=0.02)
    else:
        assert math.degrees(math.atan2(east, north)) % 360 == pytest.approx(heading, abs=0.02)
        assert math.degrees(math.asin(pose[2, 0])) == pytest.approx(0.0, abs=0.02)  # roll


# --- there and back


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    latitude=st.floats(-90.0, 90.0) | st.sampled_from([90.0, -90.0, 89.9995]),
    longitude=st.floats(-180.0, 180.0) | st.sampled_from([180.0, -180.0, 179.9999]),
    altitude=st.floats(-400.0, 4000.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_cameras_come_back_from_an_export(
    tmp_path_factory: pytest.TempPathFactory, latitude: float, longitude: float, altitude: float, seed: int
) -> None:
    place = Georeference(latitude, longitude, altitude)
    rng = np.random.default_rng(seed)
    cameras = []
    for _ in range(4):
        rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        pose = np.eye(4)
        pose[:3, :3] = rotation * np.linalg.det(rotation)
        pose[:3, 3] = rng.uniform(-1500.0, 1500.0, 3)
        cameras.append(Camera(pose, np.diag([*[rng.uniform(5, 60)] * 2, 1.0, 1.0]), 16))
    folder = tmp_path_factory.mktemp("flight")
    (folder / "footage").mkdir()
    for index in range(4):
        Image.new("RGB", (16, 16)).save(folder / f"footage/x_{index}.jpeg")
    frames = [camera_frame(camera, place) for camera in cameras]
    (folder / "x.json").write_text(json.dumps({"width": 16, "height": 16, "cameraFrames": frames}))

    export = GoogleEarthExport.read(folder)
    export.check_positions()
    export.check_images()
    georeference = export.georeference()
    poses = export.poses(georeference)
    np.testing.assert_allclose(export.focal_lengths(), [c.intrinsics[0, 0] for c in cameras], rtol=1e-9)
    # the two frames differ in their origin only: compare positions and directions on the Earth
    true = np.array([camera.pose for camera in cameras])
    np.testing.assert_allclose(
        to_geocentric(georeference.to_geodetic(poses[:, :3, 3])),
        to_geocentric(place.to_geodetic(true[:, :3, 3])),
        atol=1e-4,
    )
    np.testing.assert_allclose(
        east_north_up(georeference.latitude, georeference.longitude).T @ poses[:, :3, :3],
        east_north_up(latitude, longitude).T @ true[:, :3, :3],
        atol=1e-7,
    )


def test_the_origin_lies_below_the_middle_of_the_cameras(write_export, orbit_cameras):
    export = GoogleEarthExport.read(write_export())
    georeference = export.georeference(90.0)
    mean = np.mean([camera.pose[:3, 3] for camera in orbit_cameras(10)], axis=0)
    poses = export.poses(georeference)
    np.testing.assert_allclose(poses[:, :2, 3].mean(axis=0), 0.0, atol=1e-6)
    assert poses[:, 2, 3].mean() == pytest.approx(mean[2], abs=0.01)
    assert georeference.altitude == 90.0


def test_a_flight_across_the_antimeridian_is_one_flight(write_export, orbit_cameras):
    cameras = orbit_cameras(10)
    across = GoogleEarthExport.read(write_export(cameras, Georeference(-17.0, 180.0, 5.0), "across"))
    beside = GoogleEarthExport.read(write_export(cameras, Georeference(-17.0, 100.0, 5.0), "beside"))
    assert np.ptp(across.places[:, 0]) > 359, "the longitudes jump"
    poses = [export.poses(export.georeference()) for export in (across, beside)]
    np.testing.assert_allclose(poses[0], poses[1], atol=1e-5)
    assert abs(abs(across.georeference().longitude) - 180) < 1e-6


def test_longitudes_may_be_counted_to_360(write_export):
    folder = write_export(place=Georeference(52.0, -70.0, 0.0))
    before = GoogleEarthExport.read(folder).places

    def change(document):
        for frame in document["cameraFrames"]:
            frame["coordinate"]["longitude"] += 360.0

    edit(folder, change)
    np.testing.assert_allclose(GoogleEarthExport.read(folder).places, before, atol=1e-9)


def test_a_flight_over_the_pole_is_one_flight(write_export, orbit_cameras):
    cameras = orbit_cameras(10)
    export = GoogleEarthExport.read(write_export(cameras, Georeference(90.0, 0.0, 0.0)))
    poses = export.poses(export.georeference())
    away = np.linalg.norm(poses[:, None, :3, 3] - poses[None, :, :3, 3], axis=-1)
    true = np.array([camera.pose[:3, 3] for camera in cameras])
    np.testing.assert_allclose(away, np.linalg.norm(true[:, None] - true[None], axis=-1), atol=1e-4)


def test_a_camera_that_stands_still_counts_once(write_export, orbit_cameras):
    a, b, c = orbit_cameras(3)
    export = GoogleEarthExport.read(write_export([a, a, b, b, b, c, a]))
    assert export.distinct() == [0, 2, 5]
    kept = export.frames(export.distinct())
    assert kept.numbers == (0, 2, 5) and [path.stem for path in kept.images] == [
        "flight_000",
        "flight_002",
        "flight_005",
    ]
    zoomed = Camera(a.pose, np.diag([50.0, 50.0, 1.0, 1.0]), a.size)
    assert GoogleEarthExport.read(write_export([a, zoomed], name="zoom")).distinct() == [0, 1]


# --- position against coordinate


@pytest.mark.parametrize(
    "change",
    [
        lambda document: None,
        shifted((-3.8e6, -9.0e5, -5.0e6)),  # from a track point
        lambda document: [frame.pop("position") for frame in document["cameraFrames"]],
        edit_frame(3, position=None),
    ],
)
def test_positions_that_agree_or_are_not_there(write_export, change):
    folder = write_export()
    edit(folder, change)
    GoogleEarthExport.read(folder).check_positions()


def test_altitudes_above_the_sea_shift_all_positions_alike(write_export):
    folder = write_export()

    def change(document):
        for frame in document["cameraFrames"]:
            frame["coordinate"]["altitude"] -= 39.6

    edit(folder, change)
    GoogleEarthExport.read(folder).check_positions()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shifted((30.0, 0.0, 0.0), start=9), r"frame 9: .* disagree by 30\.0 m.*--ignore-position"),
        (edit_frame(4, coordinate={"latitude": 52.48}), r"frame 4: .* disagree by 1,\d{3}\.\d m"),
    ],
)
def test_positions_that_disagree(write_export, change, message):
    folder = write_export()
    edit(folder, change)
    with pytest.raises(InputError, match=message) as caught:
        GoogleEarthExport.read(folder).check_positions()
    assert str(folder / "flight.json") in str(caught.value)


def test_latitude_and_longitude_mixed_up(write_export):
    folder = write_export()

    def change(document):
        for frame in document["cameraFrames"]:
            place = frame["coordinate"]
            place["latitude"], place["longitude"] = place["longitude"], place["latitude"]

    edit(folder, change)
    with pytest.raises(InputError, match="position and coordinate disagree"):
        GoogleEarthExport.read(folder).check_positions()


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("cameraFrames"), r"no camera export in it \(flight.json are none\)"),
        (lambda d: d.update(cameraFrames=[]), "no camera export in it"),
        (lambda d: d.update(cameraFrames=[1]), "frame 0: '1' instead of a camera"),
        (lambda d: d.pop("width"), '"width" is None; expected the number of pixels'),
        (lambda d: d.update(height=0), '"height" is 0;'),
        (lambda d: d.update(height=10.5), '"height" is 10.5;'),
        (edit_frame(3, fovVertical=0), 'frame 3: "fovVertical" is 0; expected degrees between 0 and 180'),
        (edit_frame(3, fovVertical=180.0), 'frame 3: "fovVertical" is 180;'),
        (edit_frame(3, fovVertical=None), "frame 3: .*fovVertical None; expected a number"),
        (edit_frame(3, fovVertical=float("nan")), "frame 3: .*fovVertical nan; expected a number"),
        (edit_frame(2, coordinate=None), 'frame 2: "coordinate" has longitude None'),
        (edit_frame(2, coordinate={"latitude": 90.5}), 'frame 2: "coordinate" has latitude 90.5; expected -90 to 90'),
        (edit_frame(2, coordinate={"longitude": 400.0}), "longitude 400; expected -360 to 360"),
        (edit_frame(2, coordinate={"altitude": "high"}), "altitude 'high'; expected a number"),
        (edit_frame(2, rotation={"y": None}), 'frame 2: "rotation" has y None'),
        (edit_frame(2, rotation=[1, 2, 3]), 'frame 2: "rotation" has x None'),
        (edit_frame(2, position={"z": float("inf")}), 'frame 2: "position" has z inf'),
        (lambda d: d["cameraFrames"].pop(), "10 images, numbers 0 to 9, for 9 camera frames"),
    ],
)
def test_a_bad_file_is_named(write_export, change, message):
    folder = write_export()
    edit(folder, change)
    with pytest.raises(InputError, match=message) as caught:
        GoogleEarthExport.read(folder)
    assert str(folder) in str(caught.value)


def test_what_is_not_an_export(write_export, tmp_path):
    folder = write_export()
    with pytest.raises(InputError, match="no such folder or file"):
        GoogleEarthExport.read(tmp_path / "absent")
    project = folder / "flight.esp"
    project.write_text('{"modelVersion": 16, "scenes": []}')
    with pytest.raises(InputError, match="not a camera export; this is a project"):
        GoogleEarthExport.read(project)
    (folder / "broken.json").write_text("{")
    with pytest.raises(InputError, match="broken.json: not a JSON file"):
        GoogleEarthExport.read(folder / "broken.json")
    assert GoogleEarthExport.read(folder).file == folder / "flight.json", "other JSON files do not matter"
    (folder / "second.json").write_text((folder / "flight.json").read_text())
    with pytest.raises(InputError, match="holds 2 camera exports; give one, such as --data"):
        GoogleEarthExport.read(folder)
    assert len(GoogleEarthExport.read(folder / "second.json")) == 10


def test_footage_elsewhere(write_export, tmp_path):
    folder = write_export()
    (folder / "footage").rename(tmp_path / "images")
    with pytest.raises(InputError, match="footage: no such folder"):
        GoogleEarthExport.read(folder)
    assert GoogleEarthExport.read(folder, tmp_path / "images").images[3] == tmp_path / "images/flight_003.jpeg"


def test_an_image_of_another_size(write_export):
    folder = write_export()
    Image.new("RGB", (10, 8)).save(folder / "footage/flight_004.jpeg")
    export = GoogleEarthExport.read(folder)
    with pytest.raises(InputError, match=r"flight_004\.jpeg: the image is 10x8 pixels, but .*flight\.json says 20x16"):
        export.check_images()
    export.frames([0, 1, 2]).check_images()


def test_a_flight_from_space(write_export):
    folder = write_export()
    edit(folder, edit_frame(0, coordinate={"altitude": 6.0e7}))
    export = GoogleEarthExport.read(folder)
    with pytest.raises(InputError, match="camera of frame 0 is 60,.*--frame-range FIRST LAST"):
        export.georeference()
    assert export.frames(range(1, 10)).georeference().latitude == pytest.approx(52.47, abs=1e-4)
