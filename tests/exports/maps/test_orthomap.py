"""Maps of a world that is known exactly, read back by programs that had no part in making them."""

import json
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from nerfseg_ns.core.georeference import Georeference, MapProjection
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.exports import map_rendering
from nerfseg_ns.exports.map_folder import MapFolder
from nerfseg_ns.exports.observed_ground import CoarseView, ObservedGround
from nerfseg_ns.exports.orthographic_view import OrthographicView
from nerfseg_ns.exports.orthomap import OrthomapOptions, main, orthomap

pyproj = pytest.importorskip("pyproj")
rasterio = pytest.importorskip("rasterio")

CONFIG = Path("config.yml")


def options(tmp_path, **chosen) -> OrthomapOptions:
    return OrthomapOptions(**{"load_config": CONFIG, "output_dir": tmp_path / "map", "gsd": 1.0, "tile": 64} | chosen)


def input_places(file, world) -> np.ndarray:
    """East, north and up [h, w, 3] of pixel centres at the height of the origin, by pyproj and the file alone."""
    rows, columns = np.indices(file.shape)
    east = file.transform.c + (columns.ravel() + 0.5) * file.transform.a
    north = file.transform.f + (rows.ravel() + 0.5) * file.transform.e
    geodetic = pyproj.Transformer.from_crs(file.crs.to_wkt(), "EPSG:4979", always_xy=True)
    longitude, latitude = geodetic.transform(east, north)[:2]
    place = world.PLACE
    to_ecef = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    points = np.stack(to_ecef.transform(longitude, latitude, np.full(len(longitude), place.altitude)), axis=-1)
    origin = np.array(to_ecef.transform(place.longitude, place.latitude, place.altitude))
    lon, lat = np.radians(place.longitude), np.radians(place.latitude)
    axes = np.array(
        [
            [-np.sin(lon), np.cos(lon), 0.0],
            [-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)],
            [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)],
        ]
    )
    return ((points - origin) @ axes.T).reshape(*file.shape, 3)


def away_from_edges(world, places, margin: float) -> np.ndarray:
    """Pixels of which every side is of one class."""
    shifts = [(dx, dy) for dx in (-margin, 0, margin) for dy in (-margin, 0, margin)]
    classes = np.stack([world.class_at(places[..., 0] + dx, places[..., 1] + dy) for dx, dy in shifts])
    return (classes == classes[0]).all(axis=0)


@pytest.mark.parametrize("crs", [None, "EPSG:3857"])
def test_every_pixel_shows_what_is_there(block_run, world, tmp_path, crs):
    """Web Mercator stretches by half here; UTM is turned against the scene's axes by 0.7 degrees."""
    run = block_run()
    written = orthomap(options(tmp_path, crs=crs))
    assert written.projection.crs == (crs or "EPSG:32615")
    with rasterio.open(tmp_path / "map" / "class.tif") as file:
        classes, places = file.read(1), input_places(file, world)
        assert file.crs.to_epsg() == int((crs or "EPSG:32615")[5:])
    seen = classes != 255
    assert seen.mean() > 0.9
    clear = seen & away_from_edges(world, places, 0.1)
    expected = world.class_at(places[..., 0], places[..., 1])
    assert clear.sum() > 5000 and (classes == expected)[clear].all()
    assert set(np.unique(classes[seen])) == {0, 1, 2}
    with rasterio.open(tmp_path / "map" / "rgb.tif") as file:
        rgb = file.read()
        assert [interpretation.name for interpretation in file.colorinterp] == ["red", "green", "blue", "alpha"]
    assert (rgb[:3, clear].T == world.COLOURS[expected[clear]]).all()
    assert (rgb[3] == np.where(seen, 255, 0)).all()
    with rasterio.open(tmp_path / "map" / "height.tif") as file:
        height = file.read(1)
        assert file.nodata == -9999.0 and file.units == ("metre",) and "WGS84 ellipsoid" in file.tags()["HEIGHTS"]
    error = height - world.PLACE.altitude - world.height_at(places[..., 0], places[..., 1])
    assert np.abs(error[clear]).max() < 0.2
    with rasterio.open(tmp_path / "map" / "confidence.tif") as file:
        assert (file.read(1)[seen] == 80).all() and file.nodata == 255
    assert run.pipeline.model.largest <= run.pipeline.model.config.eval_num_rays_per_chunk


def test_rays_keep_their_planes_and_are_vertical(block_run, world, tmp_path):
    run = block_run()
    projection = MapProjection.of(world.PLACE)
    view = OrthographicView(run.pipeline.model, run.frame, projection, (140.0, 200.0))
    place = projection.to_map(np.array([[20.0, 10.0, 0.0]]))[:, :2]
    rays = run.pipeline.model.collider(view.rays(place))
    assert rays.fars.item() == pytest.approx(60 * world.FRAME.scale, rel=1e-5)
    assert rays.nears.item() == 0
    torch.testing.assert_close(rays.directions, torch.tensor([[0.0, 0.0, -1.0]]), atol=1e-5, rtol=0)
    torch.testing.assert_close(rays.directions.norm(dim=-1), torch.ones(1))


def test_what_no_view_sees_has_no_value(block_run, world, tmp_path):
    """The cameras' northern row sees up to 30 + 70 tan(30) = 70.4 metres north, its neighbour up to 50.4."""
    block_run()
    for views, reach in ((1, 70.4), (5, 50.4)):
        folder = tmp_path / str(views)
        # at the equator, on the central meridian of UTM
        place = {"origin": (0.0, 3.0, 0.0), "bounds": (499_990.0, 40.0, 500_010.0, 90.0)}
        orthomap(options(tmp_path, minimum_views=views, output_dir=folder, **place))
        with rasterio.open(folder / "rgb.tif") as file:
            seen = (file.read(4) == 255).all(axis=1)
            assert (np.diff(seen.astype(int)) >= 0).all()
            highest = file.transform.f + np.flatnonzero(seen).min() * file.transform.e
        assert highest == pytest.approx(reach * 0.9996, abs=1.1)


def test_ground_behind_a_wall_is_not_seen(world):
    camera = Pinhole(torch.eye(4)[:3], 32.0, 32.0, 32.0, 32.0, (64, 64))  # looks along -z
    distance = torch.full((64, 64), 5.0)
    distance[:, 32:] = torch.inf  # the sky
    ground = ObservedGround((CoarseView(camera, distance),) * 2)
    points = torch.tensor([[-1.0, 0, -4], [-1.0, 0, -4.9], [-1, 0, -6], [2, 0, -6], [0, 0, 4], [90, 0, -4]])
    seen = ground.sightings(points)
    assert seen.showing.tolist() == [0, 2, 0, 0, 0, 0]
    assert seen.looking_through.tolist() == [2, 0, 0, 2, 0, 0]  # to the wall, and into the sky
    assert seen.agree(2).tolist() == [False, True, False, False, False, False]
    assert ground.pictures(points).tolist() == [True, True, True, True, False, False]
    # along an edge both depths count, and all between; but not all up to the sky
    edge = torch.tensor([[0.05, 0.0, -5.0], [0.05, 0.0, -40.0], [0.0, 0.0, -4.0]])
    assert ground.sightings(edge).showing.tolist() == [2, 0, 0]
    distance[:, 32:] = 9.0
    further = ObservedGround((CoarseView(camera, distance),)).sightings(torch.tensor([[0.0, 0, -5], [0, 0, -7.0]]))
    assert further.showing.tolist() == [1, 1]


def test_haze_below_a_camera_is_looked_behind(block_run, world, tmp_path, monkeypatch):
    """A slab of 3 m close below one camera, in which nobody else has it in the picture, hides the ground at first."""
    run = block_run()
    monkeypatch.setenv("NERFSEG_CACHE", str(tmp_path / "cache"))  # depth maps with the haze
    run.pipeline.model.haze = (np.array([8.0, -12.0, 58.0]), np.array([12.0, -8.0, 59.0]))
    place = MapProjection.of(world.PLACE).to_map(np.array([[10.0, -10.0, 0.0]]))[0]
    bounds = (place[0] - 10, place[1] - 10, place[0] + 10, place[1] + 10)
    for views, height in ((1, 0.0), (0, 59.0)):
        folder = tmp_path / str(views)
        chosen = {"heights": (140.0, 215.0), "bounds": bounds, "minimum_views": views, "output_dir": folder}
        orthomap(options(tmp_path, **chosen))
        with rasterio.open(folder / "height.tif") as file:
            assert file.read(1)[10, 10] - world.PLACE.altitude == pytest.approx(height, abs=0.3)
        with rasterio.open(folder / "class.tif") as file:
            classes, places = file.read(1), input_places(file, world)
        if views:
            clear = away_from_edges(world, places, 0.1)
            assert (classes == world.class_at(places[..., 0], places[..., 1]))[clear].all()


def test_class_names_and_colours_are_read_by_others(block_run, world, tmp_path):
    block_run()
    objects = (world.write_block_object(tmp_path, "low"), world.write_block_object(tmp_path, "tall"))
    written = orthomap(options(tmp_path, objects=objects))
    assert written.objects == ("low", "tall")
    folder = tmp_path / "map"
    with rasterio.open(folder / "class.tif") as file:
        assert file.colorinterp[0].name == "palette" and file.nodata == 255
        assert [file.colormap(1)[number][:3] for number in range(3)] == [tuple(c) for c in world.COLOURS.tolist()]
        assert file.tags()["VALUE_1"] == "Ground & grass"
    # GDAL's own view of the category names: its VRT driver writes down what it read
    for name, expected in (
        ("class", ["Building", "Ground & grass", "Road"]),
        ("objects", ["no object", "low", "tall"]),
    ):
        vrt = tmp_path / f"{name}.vrt"
        rasterio.shutil.copy(folder / f"{name}.tif", vrt, driver="VRT")
        assert [entry.text for entry in ElementTree.parse(vrt).iter("Category")] == expected
    with rasterio.open(folder / "objects.tif") as file:
        objects_there, places = file.read(1), input_places(file, world)
        assert file.dtypes == ("uint16",) and file.nodata == 0
    clear = away_from_edges(world, places, 1.0)
    x, y = places[..., 0], places[..., 1]
    building = world.class_at(x, y) == world.BUILDING
    assert (objects_there[clear & ~building] == 0).all()
    assert (objects_there[clear & building & (x > 0)] == 2).all()
    assert (objects_there[clear & building & (x < 0)] == 1).all()


def test_files_are_cloud_optimised(block_run, tmp_path):
    block_run()
    orthomap(options(tmp_path, gsd=0.1, bounds=(576_690.0, 5_188_150.0, 576_720.0, 5_188_180.0)))
    tifffile = pytest.importorskip("tifffile")
    for name in ("rgb", "class", "confidence", "height"):
        path = tmp_path / "map" / f"{name}.tif"
        with rasterio.open(path) as file:
            assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert file.overviews(1) and file.block_shapes[0] == (256, 256)
            place = file.transform
        assert b"LAYOUT=IFDS_BEFORE_DATA" in path.read_bytes()[:1024]
        with tifffile.TiffFile(path) as file:  # a reader that is not GDAL
            page = file.pages[0]
            assert page.is_tiled and page.imagewidth == 300
            assert page.tags["ModelPixelScaleTag"].value[:2] == (pytest.approx(0.1), pytest.approx(0.1))
            assert page.tags["ModelTiepointTag"].value[3:5] == (pytest.approx(place.c), pytest.approx(place.f))
            assert page.geotiff_tags["ProjectedCSTypeGeoKey"] == 32615


@pytest.mark.skipif(shutil.which("gdalinfo") is None, reason="gdalinfo is not installed")
def test_gdalinfo_reads_it(block_run, tmp_path):
    block_run()
    orthomap(options(tmp_path))
    said = subprocess.run(
        ["gdalinfo", "-json", str(tmp_path / "map" / "class.tif")], capture_output=True, text=True, check=True
    )
    record = json.loads(said.stdout)
    assert record["metadata"]["IMAGE_STRUCTURE"]["LAYOUT"] == "COG"
    assert "32615" in record["coordinateSystem"]["wkt"]


def test_an_interrupted_map_goes_on_and_is_the_same(block_run, world, tmp_path, monkeypatch, capsys):
    block_run()
    orthomap(options(tmp_path, output_dir=tmp_path / "whole"))
    run = block_run()
    model = run.pipeline.model
    render = type(model).forward
    arguments = ["--load-config", "c.yml", "--output-dir", str(tmp_path / "map"), "--gsd", "1", "--tile", "64"]

    def interrupted(self, rays):
        if self.calls == 5:
            raise KeyboardInterrupt
        return render(self, rays)

    monkeypatch.setattr(type(model), "forward", interrupted)
    with pytest.raises(KeyboardInterrupt):
        main(arguments)
    assert "the same command goes on from there" in capsys.readouterr().err
    assert not list((tmp_path / "map").glob("*.tif")) and not (tmp_path / "map" / "orthomap.json").exists()
    assert len(list((tmp_path / "map" / ".tiles").glob("*.npz"))) == 5
    monkeypatch.setattr(type(model), "forward", render)

    with pytest.raises(InputError, match="gsd 1.0 instead of 2.0"):
        orthomap(options(tmp_path, gsd=2.0))
    calls = model.calls
    main(arguments)
    assert "going on: 5 of 9 tiles are there" in capsys.readouterr().err and model.calls - calls == 4
    assert not (tmp_path / "map" / ".tiles").exists()
    for name in ("rgb", "class", "confidence", "height"):
        with (
            rasterio.open(tmp_path / "map" / f"{name}.tif") as file,
            rasterio.open(tmp_path / "whole" / f"{name}.tif") as whole,
        ):
            assert (file.read() == whole.read()).all() and file.transform == whole.transform


def test_a_damaged_tile_is_made_anew(block_run, tmp_path, monkeypatch):
    block_run()
    with monkeypatch.context() as patch:
        patch.setattr(map_rendering, "write_layers", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            orthomap(options(tmp_path))
    tile = sorted((tmp_path / "map" / ".tiles").glob("*.npz"))[-1]
    tile.write_bytes(tile.read_bytes()[:100])
    with pytest.raises(InputError, match="run the command again"):
        orthomap(options(tmp_path))
    orthomap(options(tmp_path))
    assert MapFolder.read(tmp_path / "map").grid.gsd == 1.0


def test_files_are_not_overwritten_without_the_flag(block_run, tmp_path):
    block_run()
    orthomap(options(tmp_path))
    with pytest.raises(InputError, match="class.tif.* exists already; add --overwrite"):
        orthomap(options(tmp_path, gsd=2.0))
    orthomap(options(tmp_path, gsd=2.0, overwrite=True))
    with rasterio.open(tmp_path / "map" / "class.tif") as file:
        assert file.transform.a == 2.0


def test_without_classes_the_class_layer_is_left_out_with_a_note(block_run, tmp_path, capsys):
    for number, choice in enumerate(({"stage": 1}, {"classes": False})):
        block_run(**choice)
        written = orthomap(options(tmp_path, output_dir=tmp_path / str(number)))
        assert written.layers == ("rgb", "height") and written.classes is None
        assert "has learned no classes: layers class and confidence are left out" in capsys.readouterr().err
        assert not (tmp_path / str(number) / "class.tif").exists()
        with pytest.raises(InputError, match="ask for rgb and height"):
            orthomap(options(tmp_path, output_dir=tmp_path / "other", layers=("class",)))


def test_without_a_place_the_map_has_local_metres(block_run, world, tmp_path, capsys):
    block_run(place=None)
    orthomap(options(tmp_path, bounds=(-30.0, -25.0, 35.0, 20.0)))
    assert "the map has no CRS" in capsys.readouterr().err
    with rasterio.open(tmp_path / "map" / "height.tif") as file:
        assert file.crs is None and tuple(file.bounds) == (-30.0, -25.0, 35.0, 20.0)
        assert file.tags()["HEIGHTS"] == "z of the input poses"
        assert file.read(1)[10, 50] == pytest.approx(12.0, abs=0.2)  # x = 20.5, y = 9.5: the tall block
    with pytest.raises(InputError, match="--origin LATITUDE LONGITUDE ALTITUDE"):
        orthomap(options(tmp_path, crs="EPSG:32615", output_dir=tmp_path / "other"))


def test_a_crs_that_does_not_fit(block_run, tmp_path):
    block_run()
    with pytest.raises(InputError, match="EPSG:32633.*EPSG:32615 fits"):
        orthomap(options(tmp_path, crs="EPSG:32633"))
    with pytest.raises(InputError, match="not a projected CRS in metres"):
        orthomap(options(tmp_path, crs="EPSG:4326"))
    with pytest.raises(InputError, match="above the WGS84 ellipsoid; give its horizontal part"):
        orthomap(options(tmp_path, crs="EPSG:32615+5773"))
    assert not (tmp_path / "map").exists()


Usage = namedtuple("Usage", "total used free")


def test_a_map_that_is_larger_than_the_disk(block_run, tmp_path, monkeypatch):
    run = block_run()
    # 100 x 100 pixels: 10 bytes a pixel, times 1 + 4/3, and 4 bytes times 5/3
    needed = 10_000 * (10 * 7 / 3 + 4 * 5 / 3)
    bounds = (576_650.0, 5_188_110.0, 576_750.0, 5_188_210.0)
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(0, 0, int(needed) - 10))
    with pytest.raises(InputError, match="100 x 100 pixels.*GiB are needed.*larger --gsd"):
        orthomap(options(tmp_path, bounds=bounds))
    with pytest.raises(InputError, match="GiB are needed"):
        orthomap(options(tmp_path))
    assert run.pipeline.model.calls == 0 and not (tmp_path / "map").exists()
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(0, 0, int(needed) + 10))
    orthomap(options(tmp_path, bounds=bounds))


def test_a_map_of_too_many_pixels(block_run, tmp_path):
    run = block_run()
    with pytest.raises(InputError, match="more than --maximum-pixels 100; a --gsd of"):
        orthomap(options(tmp_path, maximum_pixels=100))
    with pytest.raises(InputError, match="1,000,000 x 1,000,000 pixels"):
        orthomap(options(tmp_path, bounds=(0.0, 0.0, 1000.0, 1000.0), gsd=0.001))
    assert run.pipeline.model.calls == 0


def test_bounds_that_hold_nothing(block_run, tmp_path):
    run = block_run()
    for bounds in ((0.0, 0.0, 100.0, 100.0), (576_900.0, 5_188_100.0, 577_000.0, 5_188_200.0)):
        with pytest.raises(InputError, match="no training view sees anything there; the scene lies within --bounds 57"):
            orthomap(options(tmp_path, bounds=bounds))
    assert run.pipeline.model.calls == 0
    # seen, but above every surface
    with pytest.raises(InputError, match="no pixel there has a surface"):
        orthomap(options(tmp_path, heights=(180.0, 200.0)))
    assert not (tmp_path / "map" / ".tiles").exists()


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"gsd": 0.0}, "--gsd 0: expected a pixel size above 0"),
        ({"gsd": -0.5}, "--gsd -0.5"),
        ({"gsd": 1e-320, "bounds": (0.0, 0.0, 1e30, 1e30)}, "expected a pixel size above 0"),
        ({"tile": 100}, "--tile 100: expected a multiple of 16"),
        ({"minimum_views": -1}, "--minimum-views -1"),
        ({"minimum_views": 17}, "the run has 16 training views"),
        ({"heights": (5.0, 5.0)}, "expected BOTTOM below TOP"),
        ({"heights": (0.0, float("inf"))}, "expected BOTTOM below TOP"),
        ({"bounds": (3.0, 0.0, 1.0, 1.0)}, "hold nothing"),
        ({"layers": ("rgb", "objects")}, "Add --objects"),
        ({"objects": (Path("nowhere.npz"),)}, "nowhere.npz: no such file"),
    ],
)
def test_other_mistakes(block_run, tmp_path, chosen, message):
    block_run()
    with pytest.raises(InputError, match=message):
        orthomap(options(tmp_path, **chosen))


def test_missing_packages_are_named(block_run, tmp_path, monkeypatch):
    block_run()
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(InputError, match=r"needs the package rasterio.*pip install 'nerfseg-ns\[geo\]'"):
        orthomap(options(tmp_path))


def test_descriptions_that_are_none(tmp_path):
    with pytest.raises(InputError, match="--output-dir of a finished nerfseg export orthomap"):
        MapFolder.read(tmp_path)
    (tmp_path / "orthomap.json").write_text('{"format": 1, "crs": null}')
    with pytest.raises(InputError, match="not the description of a map"):
        MapFolder.read(tmp_path)
    (tmp_path / "orthomap.json").write_text('{"format": 7}')
    with pytest.raises(InputError, match="reads format 1"):
        MapFolder.read(tmp_path)


def test_the_description_comes_back(block_run, world, tmp_path):
    block_run()
    written = orthomap(options(tmp_path))
    read = MapFolder.read(tmp_path / "map")
    assert read == written and read.projection.georeference == Georeference(**world.PLACE.record())
    with pytest.raises(InputError, match="no layer 'objects'.*--layers rgb class confidence height objects"):
        read.layer("objects")
