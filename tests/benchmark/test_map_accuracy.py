"""Measuring maps: corners of rasters made by hand, and a map of a world that is known exactly."""

import json
from pathlib import Path

import numpy as np
import pytest

from nerfseg_ns.benchmark.map_accuracy import MapAccuracy, map_accuracy
from nerfseg_ns.benchmark.map_corners import corner_places, edge_line
from nerfseg_ns.benchmark.map_run import compare, measure_map
from nerfseg_ns.benchmark.map_truth import MapTruth
from nerfseg_ns.benchmark.plan import read_plan
from nerfseg_ns.benchmark.results import BenchmarkResults, markdown
from nerfseg_ns.benchmark.row_kinds import MeasuredRow, RowPlace
from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.georeference import Georeference, MapProjection
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.exports.geotiff import write_cog
from nerfseg_ns.exports.map_folder import MapFolder, layer_file
from nerfseg_ns.exports.map_grid import MapGrid
from nerfseg_ns.exports.map_layers import LAYERS

PLACE = Georeference(52.4735, 13.401, 88.0)
CLASSES = [{"id": 0, "name": "Road", "rgb": [128, 64, 128]}, {"id": 1, "name": "Building", "rgb": [70, 70, 70]}]
HOUSE = np.array([[-9.0, -6.0], [11.0, -6.0], [11.0, 7.0], [-9.0, 7.0]])
GRID = MapGrid(-20.0, 20.0, 0.5, 80, 80)


def turned(corners: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    return corners @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def heights_of(corners: np.ndarray, grid: MapGrid, roof: float = 10.0) -> np.ndarray:
    """The roof over a convex plan, each pixel at its centre."""
    (whole,) = grid.tiles(1000)
    centres = grid.centres(whole)
    inside = np.ones(centres.shape[:2], dtype=bool)
    for start, end in zip(corners, np.roll(corners, -1, axis=0)):
        (ax, ay), (bx, by) = start, end
        inside &= (bx - ax) * (centres[..., 1] - ay) - (by - ay) * (centres[..., 0] - ax) > 0
    return np.where(inside, roof, 0.0)


@pytest.mark.parametrize("degrees", [0.0, 17.0, 45.0, 80.0])
def test_corners_of_an_exact_height_map(degrees):
    corners = turned(HOUSE, degrees)
    found = corner_places(heights_of(corners, GRID), GRID, corners)
    errors = [np.linalg.norm(place - corner) for place, corner in zip(found, corners)]
    assert max(errors) < 0.6 * GRID.gsd  # a pixel's height is that of its middle: steps of half a pixel


def test_a_shift_of_the_map_is_found_as_it_is():
    shift = np.array([0.9, -0.6])
    corners = turned(HOUSE, 30.0)
    found = np.array(corner_places(heights_of(corners + shift, GRID), GRID, corners))
    np.testing.assert_allclose(found - corners, np.broadcast_to(shift, (4, 2)), atol=0.25)


def test_profiles_that_show_something_else_do_not_count():
    height = heights_of(HOUSE, GRID)
    whole = edge_line(height, GRID, HOUSE[0], HOUSE[1])
    tree = height.copy()
    tree[50:54, 30:38] = 12.0  # against a fifth of the southern wall
    line = edge_line(tree, GRID, HOUSE[0], HOUSE[1])
    np.testing.assert_allclose(line, whole, atol=0.05)
    gone = height.copy()
    gone[:, 30:] = np.nan  # the map ends there
    assert edge_line(gone, GRID, HOUSE[0], HOUSE[1]) is None
    assert edge_line(height * 0.1, GRID, HOUSE[0], HOUSE[1]) is None  # a step of a metre is no wall
    found = corner_places(gone, GRID, HOUSE)
    assert [place is None for place in found] == [True, True, True, True]


def write_truth(folder: Path, place: Georeference, gsd: float = 0.1) -> Path:
    """A house of ten metres on a road, of 40 x 40 metres; and one that touches another."""
    truth = folder / "truth"
    truth.mkdir(parents=True)
    grid = MapGrid(-20.0, 20.0, gsd, round(40 / gsd), round(40 / gsd))
    height = heights_of(HOUSE, grid)
    ids = (height > 0).astype(np.uint8)
    np.savez(
        truth / "top_down.npz",
        classes=ids,
        objects=(ids * 7).astype(np.uint16),
        height=height.astype(np.float32),
        west=-20.0,
        north=20.0,
        gsd=gsd,
    )
    house = {"id": 7, "outlines": [HOUSE.tolist()], "holes": [], "roof": 10.0, "clearance": 50.0}
    others = [
        house | {"id": 8, "clearance": 0.5},
        house | {"id": 9, "holes": [[[0, 0], [0, 1], [1, 0]]]},
        house | {"id": 10, "outlines": [(HOUSE / 10).tolist()]},
    ]
    (truth / "buildings.json").write_text(json.dumps({"buildings": [*others, house]}))
    (truth / "georeference.json").write_text(json.dumps(place.record()))
    (folder / "classes.json").write_text(json.dumps({"classes": CLASSES}))
    return truth


def write_map(folder: Path, truth: MapTruth, gsd: float = 0.5, shift: float = 0.0, lift: float = 0.0) -> MapFolder:
    """A map without a fault, but for a shift eastwards and upwards; its table has the classes the other way round."""
    projection = MapProjection.of(truth.place)
    grid = MapGrid.covering(truth.bounds(projection), gsd)
    seen = MapGrid(grid.west - shift, grid.north, gsd, grid.width, grid.height)
    true = truth.on(seen, projection)
    layers = {
        "class": np.where(true.classes < 2, 1 - true.classes, 255).astype(np.uint8),
        "height": np.where(np.isnan(true.height), -9999, true.height + lift).astype(np.float32),
    }
    for name, values in layers.items():
        tiles = [(tile, values[None]) for tile in grid.tiles(10_000)]
        write_cog(layer_file(folder, name), LAYERS[name], grid, projection.crs, tiles, folder / "work")
    table = ClassTable.from_records([CLASSES[1] | {"id": 0}, CLASSES[0] | {"id": 1}], "test")
    return MapFolder(folder, grid, projection, ("class", "height"), table, (), (), (80.0, 120.0), 1, {})


def test_a_map_without_a_fault(tmp_path):
    pytest.importorskip("rasterio")
    truth = MapTruth(write_truth(tmp_path, PLACE))
    table = ClassTable.from_json(tmp_path / "classes.json")
    result = compare(write_map(tmp_path / "map", truth), truth, table, buildings=1)
    assert (result["miou"], result["overall_accuracy"], result["seen"]) == (1.0, 1.0, 1.0)
    assert result["middle"] == {
        "side_m": 20.0,
        "miou": 1.0,
        "overall_accuracy": 1.0,
        "height_median_m": pytest.approx(0.0, abs=1e-3),
        "seen": 1.0,
    }
    assert result["height"]["percentile_90_m"] < 1e-3
    corners = result["corners"]
    # walls along the rows of pixels: their middles are up to half a pixel off, in both directions
    assert (corners["asked"], corners["found"]) == (4, 4) and corners["median_m"] < 0.5 * 0.5 * 2**0.5 + 0.01
    assert corners["target_m"] == 0.75  # 1.5 pixels are more than half a percent of 40 m
    assert result["roofs"]["each"] == [pytest.approx(0, abs=1e-3)]
    assert result["building_heights"]["each"] == [pytest.approx(0, abs=1e-3)]


def test_faults_come_out_as_they_are(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    truth = MapTruth(write_truth(tmp_path, PLACE))
    table = ClassTable.from_json(tmp_path / "classes.json")
    result = compare(write_map(tmp_path / "map", truth, shift=1.0, lift=0.3), truth, table, buildings=1)
    corners = result["corners"]
    assert corners["shift_east_m"] == pytest.approx(1.0, abs=0.2)
    assert corners["shift_north_m"] == pytest.approx(0.0, abs=0.2)
    assert corners["median_pixels"] == pytest.approx(corners["median_m"] / 0.5)
    # two columns of 26 pixels are wrong on either side, of 80 x 80 less the two that came from outside
    assert result["overall_accuracy"] == pytest.approx(1 - 2 * 52 / (78 * 80), abs=0.004)
    assert result["height"]["shift_m"] == pytest.approx(0.3, abs=1e-3)
    assert result["roofs"]["median_m"] == pytest.approx(0.3, abs=1e-3)
    assert result["seen"] == pytest.approx(78 / 80, abs=0.01)
    # of the house's walls only the western one lies in the middle, which has 40 x 40 pixels
    assert result["middle"]["overall_accuracy"] == pytest.approx(1 - 52 / 40**2, abs=0.005)
    assert result["middle"]["seen"] == 1.0 and result["middle"]["height_median_m"] == pytest.approx(0.3, abs=1e-3)
    blank = write_map(tmp_path / "blank", truth)
    with rasterio.open(blank.layer("class")) as file:
        values, profile = file.read(1), file.profile
    values[15:65, 15:65] = 255
    with rasterio.open(blank.layer("class"), "w", **profile) as file:
        file.write(values, 1)
    middle = compare(blank, truth, table, buildings=1)["middle"]
    assert middle == {"side_m": 20.0, "miou": None, "overall_accuracy": None, "height_median_m": None, "seen": 0.0}


def test_buildings_are_chosen_by_rule(tmp_path):
    truth = MapTruth(write_truth(tmp_path, PLACE))
    assert [one.id for one in truth.buildings(1)] == [7]  # not the one that touches, nor the court, nor the kennel
    with pytest.raises(InputError, match="1 buildings stand 1.5 m apart, and 2 are asked for"):
        truth.buildings(2)


def test_truth_that_is_none(tmp_path):
    with pytest.raises(InputError, match="georeference.json"):
        MapTruth(tmp_path)
    folder = write_truth(tmp_path, PLACE)
    (folder / "buildings.json").write_text("{}")
    with pytest.raises(InputError, match="not the truth of a map.*--layout google-earth"):
        MapTruth(folder)


def test_the_published_plan_can_be_read_and_names_its_run(tmp_path):
    plan = read_plan(Path(__file__).parents[2] / "configs" / "map_google_earth.yaml", data=tmp_path)
    assert [row.kind for row in plan.rows] == ["segmentation", "map", "map"]
    assert map_accuracy.needed_rows(plan.rows[1].settings) == ("model",)
    with pytest.raises(InputError, match="no finished run of row 'model'"):
        measure_map(MapAccuracy("model"), RowPlace("map", tmp_path, tmp_path))
    for wrong in ({"gsd": 0.0}, {"buildings": 0}, {"minimum_views": -1}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            MapAccuracy("model", **wrong)


def test_the_table(tmp_path):
    pytest.importorskip("rasterio")
    truth = MapTruth(write_truth(tmp_path, PLACE))
    table = ClassTable.from_json(tmp_path / "classes.json")
    result = compare(write_map(tmp_path / "map", truth), truth, table, buildings=1)
    empty = result | {"corners": result["corners"] | {"median_m": None, "found": 0}}
    rows = [
        MeasuredRow(
            name, "map", "city", {"gsd": 0.5}, figures, {}, {"cores": 2, "cpu": "x", "gpu": None}, {}, "2026-01-01"
        )
        for name, figures in (("good", result), ("nothing", empty))
    ]
    text = markdown(BenchmarkResults("maps", "Maps", None, tuple(rows)))
    assert "| good | 0." in text and "| 4 of 4 | 1.000 / 1.000 | 1.000 / 1.000 | 0.00 m / 0.00 m |" in text
    assert "| nothing | – | 0 of 4 |" in text and "| 100% / 100% |" in text
    json.dumps(result, allow_nan=False)
