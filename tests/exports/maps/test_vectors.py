"""Polygons of a world that is known exactly, and of small rasters worked out by hand."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nerfseg_ns.core.georeference import Georeference, MapProjection
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.exports.map_grid import MapGrid
from nerfseg_ns.exports.map_rendering import render_map
from nerfseg_ns.exports.orthomap import OrthomapOptions, orthomap
from nerfseg_ns.exports.raster_regions import connected_regions, joined, simplified, true_area
from nerfseg_ns.exports.vector_file import write_geojson
from nerfseg_ns.exports.vectors import VectorOptions, main, vectors

pyproj = pytest.importorskip("pyproj")
pytest.importorskip("rasterio")
shapely = pytest.importorskip("shapely")
pyogrio = pytest.importorskip("pyogrio")

GRID = MapGrid(100.0, 50.0, 2.0, 6, 5)
IDS = np.array(
    [
        [1, 1, 1, 1, 7, 7],
        [1, 0, 0, 1, 7, 7],
        [1, 0, 0, 1, 7, 255],
        [1, 1, 1, 1, 3, 255],
        [2, 2, 2, 2, 2, 2],
    ],
    dtype=np.uint8,
)


def read(path: Path) -> tuple[list, dict, dict]:
    about, _, geometry, columns = pyogrio.raw.read(path)
    return list(shapely.from_wkb(geometry)), dict(zip(about["fields"], columns)), about


def test_regions_of_a_raster_by_hand():
    regions = {region.value: region.outline for region in connected_regions(IDS, IDS != 255, GRID)}
    assert set(regions) == {0, 1, 2, 3, 7}
    ring = regions[1]
    assert ring.area == 12 * 4 and len(ring.interiors) == 1
    assert ring.bounds == (100.0, 42.0, 108.0, 50.0)
    assert shapely.Polygon(ring.interiors[0]).equals(shapely.box(102, 44, 106, 48))
    assert regions[7].area == 5 * 4


def test_specks_go_to_their_neighbours_and_leave_no_holes():
    regions = {region.value: region.outline for region in connected_regions(IDS, IDS != 255, GRID, minimum_area=17.0)}
    assert set(regions) == {1, 2, 7}
    # the 16 square metres in it are filled, and the pixel of 3 has come to it
    assert regions[1].equals(shapely.box(100, 42, 108, 50) | shapely.box(108, 42, 110, 44))
    assert sum(outline.area for outline in regions.values()) == (IDS != 255).sum() * 4


def test_a_speck_among_pixels_without_a_value_is_dropped():
    ids = np.full((5, 5), 255, dtype=np.uint8)
    ids[1, 1], ids[3:, 3:] = 4, 6
    found = connected_regions(ids, ids != 255, GRID, minimum_area=5.0)
    assert [region.value for region in found] == [6]


def test_ids_of_more_than_eight_bits_and_parts_of_one_object():
    ids = np.zeros((5, 6), dtype=np.uint16)
    ids[0, :2], ids[4, 4:], ids[2, 2] = 300, 300, 9
    together = joined(connected_regions(ids, ids > 0, GRID))
    assert [region.value for region in together] == [9, 300]
    assert together[1].outline.geom_type == "MultiPolygon" and together[1].outline.area == 16


def test_simplifying_keeps_holes_and_drops_stairs():
    stairs = np.tri(40, dtype=np.uint8)
    stairs[25:30, 5:10] = 0
    grid = MapGrid(0.0, 40.0, 1.0, 40, 40)
    (region,) = connected_regions(stairs, stairs > 0, grid)
    outline = simplified(region.outline, 1.0)
    assert len(region.outline.exterior.coords) > 75 and len(outline.exterior.coords) < 8
    assert len(outline.interiors) == 1 and outline.is_valid
    assert simplified(region.outline, 0.0) is region.outline


def test_areas_are_those_on_the_ground(world):
    """Web Mercator stretches lengths by 1 / cos(latitude): areas at 46.8 degrees by 2.14."""
    square = np.array([[0.0, 0, 0], [100, 0, 0], [100, 50, 0], [0, 50, 0]])
    for crs in ("EPSG:3857", "EPSG:32615"):
        projection = MapProjection.of(world.PLACE, crs)
        outline = shapely.Polygon(projection.to_map(square)[:, :2])
        assert true_area(outline, projection, world.PLACE.altitude) == pytest.approx(5000, rel=1e-5)
    assert shapely.Polygon(MapProjection.of(world.PLACE, "EPSG:3857").to_map(square)[:, :2]).area > 10_000


def options(tmp_path, **chosen) -> VectorOptions:
    return VectorOptions(
        **{"output_dir": tmp_path / "out", "load_config": Path("c.yml"), "gsd": 0.5, "tile": 64} | chosen
    )


@pytest.fixture
def buildings(block_run, tmp_path):
    block_run()
    vectors(options(tmp_path, classes=("Building",)))
    return tmp_path / "out"


def test_buildings_of_the_world(buildings, world):
    outlines, fields, about = read(buildings / "classes.gpkg")
    assert about["crs"] == "EPSG:32615" and about["geometry_type"] == "Polygon"
    assert pyogrio.list_layers(buildings / "classes.gpkg")[0][0] == "classes"
    with closing(sqlite3.connect(buildings / "classes.gpkg")) as database:  # GeoPackage 1.3, which older readers know
        assert database.execute("PRAGMA user_version").fetchone() == (10300,)
    assert list(fields["class_name"]) == ["Building"] * 2 and set(fields["class_id"]) == {0}
    projection = MapProjection.of(world.PLACE)
    for name, (low, high) in world.BLOCKS.items():
        corners = np.array([(x, y, 0.0) for x in (low[0], high[0]) for y in (low[1], high[1])])
        truth = shapely.MultiPoint(projection.to_map(corners)[:, :2]).convex_hull
        number = int(np.argmin([outline.centroid.distance(truth.centroid) for outline in outlines]))
        found = outlines[number]
        assert found.symmetric_difference(truth).area < 0.5 * truth.length * 0.5, name
        assert len(found.exterior.coords) < 15
        width, depth, height = high - low
        assert fields["area_m2"][number] == pytest.approx(width * depth, rel=0.03)
        assert fields["height_m"][number] == pytest.approx(height, abs=0.3)
        assert fields["ground_m"][number] == pytest.approx(world.PLACE.altitude, abs=0.3)
        assert fields["top_m"][number] == pytest.approx(world.PLACE.altitude + height, abs=0.3)
        assert fields["confidence"][number] == pytest.approx(0.8)


def test_geojson_is_in_degrees_with_outer_rings_counter_clockwise(buildings, world):
    document = json.loads((buildings / "classes.geojson").read_text())
    assert document["type"] == "FeatureCollection" and "crs" not in document and len(document["features"]) == 2
    outlines, _, _ = read(buildings / "classes.gpkg")
    to_degrees = pyproj.Transformer.from_crs("EPSG:32615", "EPSG:4326", always_xy=True)
    for feature, outline in zip(document["features"], outlines):
        ring = np.array(feature["geometry"]["coordinates"][0])
        assert shapely.LinearRing(ring).is_ccw
        expected = np.stack(to_degrees.transform(*np.array(outline.exterior.coords).T), axis=-1)
        assert shapely.hausdorff_distance(shapely.LinearRing(ring), shapely.LinearRing(expected)) < 2e-8
        assert feature["properties"]["class_name"] == "Building"
        assert abs(ring[:, 1] - world.PLACE.latitude).max() < 0.001


def test_geojson_across_the_antimeridian_is_cut_there(tmp_path):
    """A square of 200 m around 180 degrees east on the equator, with a hole, and one beside it."""
    place = Georeference(0.0, 180.0, 0.0)
    projection = MapProjection.of(place, "EPSG:32660")

    def outline(west, east, hole=()):
        corners = np.array([(west, -100.0, 0), (east, -100.0, 0), (east, 100.0, 0), (west, 100.0, 0)])
        inside = np.array([(x * 20.0, y * 20.0, 0) for x, y in hole]).reshape(-1, 3)
        rings = [projection.to_map(inside)[:, :2]] if hole else []
        return shapely.Polygon(projection.to_map(corners)[:, :2], rings)

    across = outline(-50.0, 150.0, [(-1, -1), (-1, 1), (1, 1), (1, -1)])
    shapes = [across, shapely.MultiPolygon([across]), outline(200.0, 300.0)]
    write_geojson(tmp_path / "a.geojson", "a", shapes, {"id": [1, 2, 3]}, "EPSG:32660")
    metre = 360 / (2 * np.pi * 6378137.0)
    geometries = [
        shapely.geometry.shape(f["geometry"]) for f in json.loads((tmp_path / "a.geojson").read_text())["features"]
    ]
    for cut in geometries[:2]:
        left, right = sorted(cut.geoms, key=lambda part: -part.bounds[0])
        assert left.bounds[::2] == pytest.approx((180 - 50 * metre, 180.0), abs=1e-7)
        assert right.bounds[::2] == pytest.approx((-180.0, -180 + 150 * metre), abs=1e-7)
        assert all(part.exterior.is_ccw for part in cut.geoms)
        assert cut.area == pytest.approx(across.area * metre**2, rel=0.01)
    assert geometries[2].bounds[::2] == pytest.approx((-180 + 200 * metre, -180 + 300 * metre), abs=1e-7)


def test_the_map_is_left_and_taken_again(buildings, tmp_path, monkeypatch):
    monkeypatch.setattr("nerfseg_ns.exports.map_rendering.load_run", None)  # nothing is rendered
    again = options(tmp_path, load_config=None, gsd=None, from_=buildings / "orthomap", output_dir=tmp_path / "again")
    assert [path.name for path in vectors(replace(again, classes=("Building",)))] == ["classes.gpkg", "classes.geojson"]
    first, second = (read(folder / "classes.gpkg")[0] for folder in (buildings, tmp_path / "again"))
    assert all(a.equals(b) for a, b in zip(first, second))
    vectors(replace(again, output_dir=tmp_path / "all", format="gpkg", minimum_area=4.0))
    _, fields, _ = read(tmp_path / "all" / "classes.gpkg")
    assert set(fields["class_name"]) == {"Building", "Ground & grass", "Road"}
    assert not (tmp_path / "all" / "classes.geojson").exists()


def test_objects_of_the_world(block_run, world, tmp_path, capsys):
    block_run()
    files = [str(world.write_block_object(tmp_path, name, said)) for name, said in (("tall", None), ("low", "Kiosk"))]
    arguments = ["--load-config", "c.yml", "--gsd", "0.5", "--of", "objects", "--output-dir", str(tmp_path / "out")]
    main([*arguments, "--objects", *files, "--minimum-area", "2"])
    assert capsys.readouterr().out.split() == [str(tmp_path / "out" / f"objects.{end}") for end in ("gpkg", "geojson")]
    outlines, fields, about = read(tmp_path / "out" / "objects.gpkg")
    assert about["geometry_type"] == "MultiPolygon"
    assert list(fields["object_name"]) == ["tall", "low"] and list(fields["object_id"]) == [1, 2]
    assert list(fields["class_name"]) == ["Building", "Kiosk"]  # what most pixels are, and what the prompts say
    assert fields["area_m2"] == pytest.approx([200, 225], rel=0.06)
    assert fields["height_m"] == pytest.approx([12, 6], abs=0.3)
    again = ["--from", str(tmp_path / "out" / "orthomap"), "--of", "objects", "--output-dir", str(tmp_path / "kiosks")]
    main([*again, "--classes", "Kiosk", "--minimum-area", "2"])
    assert list(read(tmp_path / "kiosks" / "objects.gpkg")[1]["object_name"]) == ["low"]
    with pytest.raises(InputError, match="no such class; did you mean Kiosk"):
        main([*again, "--classes", "Kiosks", "--overwrite"])


def test_without_a_place_there_is_a_geopackage_alone(block_run, tmp_path, capsys):
    block_run(place=None)
    files = vectors(options(tmp_path, classes=("Building",)))
    assert [path.name for path in files] == ["classes.gpkg"]
    assert "there is no GeoJSON" in capsys.readouterr().err
    outlines, fields, about = read(files[0])
    assert shapely.union_all(outlines).bounds == pytest.approx((-25, -20, 30, 15), abs=0.6)
    with pytest.raises(InputError, match="--format geojson.*--origin LATITUDE LONGITUDE ALTITUDE"):
        vectors(options(tmp_path, format="geojson", overwrite=True))


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"load_config": None}, "expected --load-config CONFIG and --gsd METRES, or --from DIR"),
        ({"gsd": None}, "expected --load-config CONFIG and --gsd METRES"),
        ({"from_": Path("map")}, "leave --load-config and --gsd out"),
        ({"from_": Path("nowhere"), "load_config": None, "gsd": None}, "nowhere.*no such file"),
        ({"gsd": 0.0}, "--gsd 0"),
        ({"simplify": -1.0}, "--simplify -1"),
        ({"minimum_area": float("nan")}, "--minimum-area nan"),
        ({"of": "objects"}, "Add --objects"),
    ],
)
def test_mistakes(block_run, tmp_path, chosen, message):
    block_run()
    with pytest.raises(InputError, match=message):
        vectors(options(tmp_path, **chosen))


def test_classes_and_layers_that_are_not_there(block_run, tmp_path):
    block_run(stage=1)
    with pytest.raises(InputError, match="c.yml: the run has learned no classes"):
        vectors(options(tmp_path))
    block_run()
    orthomap(OrthomapOptions(load_config=Path("c.yml"), output_dir=tmp_path / "map", gsd=1.0, layers=("class",)))
    from_map = options(tmp_path, load_config=None, gsd=None, from_=tmp_path / "map")
    with pytest.raises(InputError, match="--classes Buildings: the map has no such class; .*Building"):
        vectors(replace(from_map, classes=("Buildings",)))
    with pytest.raises(InputError, match="no layer 'objects'"):
        vectors(replace(from_map, of="objects"))
    with pytest.raises(InputError, match="no region of Building with 1e.06 square metres; the map shows Building"):
        vectors(replace(from_map, classes=("Building",), minimum_area=1e6))
    vectors(from_map)  # without heights: the fields are empty
    assert np.isnan(read(tmp_path / "out" / "classes.gpkg")[1]["height_m"]).all()
    with pytest.raises(InputError, match="classes.gpkg.*add --overwrite"):
        vectors(from_map)
    vectors(replace(from_map, overwrite=True))


def test_large_regions_are_surveyed_by_every_nth_pixel(block_run, tmp_path, monkeypatch):
    block_run()
    written = render_map(
        Path("c.yml"), OrthomapOptions(load_config=Path("c.yml"), output_dir=tmp_path, gsd=0.5), 0.5,
        ("class", "height"), tmp_path / "map",
    )  # fmt: skip
    from nerfseg_ns.exports import region_survey

    outline = shapely.box(*written.grid.bounds)
    with region_survey.RegionSurvey(written) as survey:
        whole = survey.figures(outline)
        monkeypatch.setattr(region_survey, "_PIXELS_AT_ONCE", 5000)
        part = survey.figures(outline)
    assert part.top == pytest.approx(whole.top, abs=0.1) and part.class_id == whole.class_id
