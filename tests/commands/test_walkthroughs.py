"""The three walks through the documentation, by the commands as they are printed there."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow
rasterio = pytest.importorskip("rasterio")
pyogrio = pytest.importorskip("pyogrio")

BEACH = Path(__file__).resolve().parents[3] / "shared" / "data" / "brighton-beach"
LONGER = ("--pipeline.stage1-steps", "300", "--pipeline.datamanager.train-num-rays-per-batch", "256")
"""Enough that rays meet something."""
FINER = {"num-levels": "4", "max-res": "64", "log2-hashmap-size": "12"}


def test_from_google_earth_to_a_map_of_classes(commands, train):
    made = commands.script(
        *("nerfseg", "scene", "film", "--layout", "google-earth", "--views", "8", "--size", "32", "--seed", "7")
    )
    assert made.status == 0, made.printed
    dataparser = ("--labelled-views", "5")
    run, result = train(
        "film", *LONGER, scene=Path("film"), model=FINER, parser="google-earth-data", dataparser=dataparser
    )
    assert result.status == 0, result.printed
    words = ("--load-config", run.config, "--output-dir", "maps", "--gsd", "4")
    result = commands.script("nerfseg", "export", "orthomap", *words)
    assert result.status == 0, result.printed
    maps = commands.folder / "maps"
    with rasterio.open(maps / "class.tif") as file:
        values, names, colours = file.read(1), file.tags(), file.colormap(1)
        assert file.crs.to_epsg() == 32633 and file.res == (4.0, 4.0) and file.nodata == 255
        assert file.driver == "GTiff" and file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    classes = json.loads((commands.folder / "film" / "classes.json").read_text())["classes"]
    assert set(np.unique(values)) - {255} <= set(range(len(classes))) and (values != 255).any()
    assert all(names[f"VALUE_{entry['id']}"] == entry["name"] for entry in classes)
    assert all(colours[entry["id"]][:3] == tuple(entry["rgb"]) for entry in classes)
    if shutil.which("gdalinfo") is None:
        pytest.skip("gdalinfo is not installed (Debian and Ubuntu: apt-get install gdal-bin); the rest has passed")
    described = json.loads(subprocess.run(["gdalinfo", "-json", maps / "class.tif"], stdout=subprocess.PIPE).stdout)
    assert described["size"] == list(values.shape[::-1]) and "UTM zone 33N" in described["coordinateSystem"]["wkt"]
    assert described["metadata"]["IMAGE_STRUCTURE"]["LAYOUT"] == "COG"
    assert len(described["bands"][0]["colorTable"]["entries"]) == 256


@pytest.mark.weights
def test_from_drone_photos_to_polygons_of_clicked_objects(commands, train):
    if not BEACH.is_dir():
        pytest.skip(f"{BEACH}: no such folder; this test needs its photos")
    scale = ("--pipeline.datamanager.camera-res-scale-factor", "0.0625", "--pipeline.stage2-steps", "0")
    run, result = train(
        "beach",
        *(*LONGER, *scale),
        scene=BEACH,
        model=FINER,
        parser="semantic-nerfstudio-data",
        dataparser=("--orientation-method", "none", "--center-method", "none"),
    )
    assert result.status == 0, result.printed
    kiosk = {"name": "kiosk", "class": "Building", "view": "dji_0031", "box": [50, 24, 57, 36]}
    (commands.folder / "prompts.json").write_text(json.dumps({"version": 1, "objects": [kiosk]}))
    words = ("--load-config", run.config, "--prompts", "prompts.json", "--output-dir", "objects")
    result = commands.script("nerfseg", "segment", *words)
    assert result.status == 0, result.printed
    words = ("--load-config", run.config, "--output-dir", "vectors", "--gsd", "0.5", "--of", "objects")
    result = commands.script("nerfseg", "export", "vectors", *words, "--objects", "objects/kiosk.npz")
    assert result.status == 0, result.printed
    about, _, outlines, fields = pyogrio.raw.read(commands.folder / "vectors" / "objects.gpkg")
    values = dict(zip(about["fields"], fields))
    assert about["crs"] == "EPSG:32615" and len(outlines) == 1
    assert (values["object_name"][0], values["class_name"][0]) == ("kiosk", "Building")
    assert 1 < values["area_m2"][0] < 2000  # a scene of 300 steps has a kiosk of some size


def test_from_carla_mvs_to_a_data_set_for_a_2d_network(commands, train):
    made = commands.script("nerfseg", "scene", "city", "--views", "8", "--size", "32", "--seed", "7")
    assert made.status == 0, made.printed
    run, result = train("city", *LONGER, scene=Path("city"), model=FINER, dataparser=("--labelled-views", "5"))
    assert result.status == 0, result.printed
    words = (
        "--load-config",
        run.config,
        "--output-dir",
        "for-a-2d-network",
        "--views",
        "8",
        "--seed",
        "1",
        "--val-share",
        "0.3",
    )
    words += ("--minimum-confidence", "0", "--minimum-views", "0", "--most-ignored", "1")  # so short a run knows little
    result = commands.script("nerfseg", "export", "dataset", *words)
    assert result.status == 0, result.printed
    folder = commands.folder / "for-a-2d-network"
    splits = [(folder / f"{name}.txt").read_text().split() for name in ("train", "val")]
    assert sorted(sum(splits, [])) == sorted(path.stem for path in (folder / "images").iterdir())
    assert len(sum(splits, [])) == 8 and all(splits)
    count = len(json.loads((folder / "classes.json").read_text())["classes"])
    for name in splits[0]:
        with (
            Image.open(next((folder / "images").glob(f"{name}.*"))) as image,
            Image.open(folder / "masks" / f"{name}.png") as mask,
        ):
            assert image.size == mask.size == (32, 32) and mask.mode == "P"
            assert set(np.unique(np.asarray(mask))) <= {*range(count), 255}
