"""A map against photos of a painted plane, of which the shift is known."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, map_coordinates

from nerfseg_ns.core.georeference import MapProjection
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.evaluation.map_shift import measure_shift
from nerfseg_ns.exports.geotiff import write_cog
from nerfseg_ns.exports.map_folder import MapFolder, layer_file
from nerfseg_ns.exports.map_grid import MapGrid
from nerfseg_ns.exports.map_layers import LAYERS

pytest.importorskip("rasterio")
pytest.importorskip("pyproj")

GSD, GROUND = 0.5, 5.0
_PAINT = np.clip(gaussian_filter(np.random.default_rng(3).normal(0, 1, (600, 600)), 3) * 600 + 128, 0, 255)


def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Grey of the plane at metres of the input frame, a metre four cells."""
    return map_coordinates(_PAINT, [(75 - y) * 4, (x + 75) * 4], order=1, mode="nearest")


def photos(world) -> tuple[list[Pinhole], list[np.ndarray]]:
    """Two oblique cameras of 240 x 320 pixels, the photos twice as large, by intersecting each pixel's ray."""
    cameras, pictures = [], []
    turned = world.FRAME.transform[:, :3].double()
    for x, tilt in ((-15.0, 0.1), (18.0, -0.25)):
        tilted = torch.tensor([[np.cos(tilt), 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, np.cos(tilt)]])
        centre = torch.tensor([x, 4.0, GROUND + 60.0])
        c2w = torch.cat([(turned @ tilted), world.FRAME.to_scene(centre)[:, None]], dim=1).float()
        cameras.append(Pinhole(c2w, 200.0, 200.0, 160.0, 120.0, (240, 320)))
        large = Pinhole(c2w, 400.0, 400.0, 320.0, 240.0, (480, 640))
        there = world.FRAME.to_input(large.centre + large.directions()).numpy() - centre.numpy()
        spot = centre.numpy() + there * (-60.0 / there[..., 2:])
        pictures.append(np.repeat(paint(spot[..., 0], spot[..., 1])[..., None], 3, axis=2).round().astype(np.uint8))
    return cameras, pictures


def painted_map(world, folder, shift=(0.0, 0.0), blur=0.0, bump=False) -> MapFolder:
    """The plane as a map that is a number of pixels too far east and north."""
    projection = MapProjection.of(world.PLACE)
    middle = projection.to_map(np.array([[0.0, 4.0, 0.0]]))[0]
    grid = MapGrid.covering((middle[0] - 32, middle[1] - 24, middle[0] + 32, middle[1] + 24), GSD)
    (whole,) = grid.tiles(1000)
    centres = grid.centres(whole) - np.array(shift) * GSD
    height = world.PLACE.altitude + GROUND
    flat = np.concatenate([centres.reshape(-1, 2), np.full((centres[..., 0].size, 1), height)], axis=1)
    x, y, _ = projection.from_map(flat).T
    grey = gaussian_filter(paint(x, y).reshape(centres.shape[:2]), blur)
    rgb = np.stack([grey, grey, grey, np.full_like(grey, 255)]).round().astype(np.uint8)
    heights = np.full((1, *grey.shape), height, dtype=np.float32)
    if bump:
        heights[0, 32:64, 100:110] += 20
    for name, values in (("rgb", rgb), ("height", heights)):
        write_cog(layer_file(folder, name), LAYERS[name], grid, projection.crs, [(whole, values)], folder / "work")
    return MapFolder(folder, grid, projection, ("rgb", "height"), None, (), (), (0.0, 250.0), 1, {})


@pytest.mark.parametrize("shift", [(0.0, 0.0), (1.3, -0.6), (-4.0, 2.5)])
def test_the_shift_comes_out_as_it_is(world, tmp_path, shift):
    cameras, pictures = photos(world)
    folder = painted_map(world, tmp_path, shift, blur=0.8)
    measured = measure_shift(folder, cameras, pictures.__getitem__, world.FRAME, patch=32)
    record = measured.record(GSD)
    assert record["patches"] >= 6 and {patch.view for patch in measured.patches} == {0, 1}
    assert record["median_east_pixels"] == pytest.approx(shift[0], abs=0.15)
    assert record["median_north_pixels"] == pytest.approx(shift[1], abs=0.15)
    assert record["median_pixels"] == pytest.approx(np.hypot(*shift), abs=0.2)
    assert record["median_metres"] == pytest.approx(record["median_pixels"] * GSD)
    assert record["likeness"] > 0.8
    json.dumps(record, allow_nan=False)


def test_the_mosaic_is_the_photos_on_the_map(world, tmp_path):
    cameras, pictures = photos(world)
    folder = painted_map(world, tmp_path)
    mosaic = measure_shift(folder, cameras, pictures.__getitem__, world.FRAME, patch=32).mosaic
    (whole,) = folder.grid.tiles(1000)
    places = np.concatenate(
        [folder.grid.centres(whole).reshape(-1, 2), np.full((folder.grid.pixels, 1), world.PLACE.altitude + GROUND)],
        axis=1,
    )
    x, y, _ = folder.projection.from_map(places).T
    expected = paint(x, y).reshape(mosaic.shape[:2])
    shown = mosaic.any(axis=-1)
    assert shown.mean() > 0.5
    assert np.abs(mosaic[..., 0].astype(float) - expected)[shown].mean() < 6


def test_patches_that_cannot_be_compared_are_counted(world, tmp_path):
    cameras, pictures = photos(world)
    folder = painted_map(world, tmp_path, bump=True)
    measured = measure_shift(folder, cameras[1:], pictures[1:].__getitem__, world.FRAME, patch=32)
    assert measured.left_out["not level"] >= 1 and measured.left_out["no steep photo"] >= 1
    grey = [np.full_like(picture, 99) for picture in pictures]
    nothing = measure_shift(folder, cameras, grey.__getitem__, world.FRAME, patch=32)
    with pytest.raises(InputError, match="no patch of the map can be compared.*unlike: "):
        nothing.record(GSD)
    with pytest.raises(InputError, match="--patch 8"):
        measure_shift(folder, cameras, grey.__getitem__, world.FRAME, patch=8)
    with pytest.raises(InputError, match="no layer 'height'"):
        measure_shift(replace(folder, layers=("rgb",)), cameras, grey.__getitem__, world.FRAME)
