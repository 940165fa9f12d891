"""`nerfseg export` of a trained run, by the command itself, and what other programs read of it."""

import json

import numpy as np
import pytest
import trimesh
from PIL import Image

from nerfseg_ns.core.class_table import ClassTable

pytestmark = pytest.mark.slow


def export(commands, trained, kind, *options):
    result = commands("nerfseg", "export", kind, "--load-config", trained[0].config, *options)
    assert result.status == 0, result.printed
    return result


def test_masks_of_all_views_and_of_a_camera_path(commands, trained):
    export(commands, trained, "masks", "--output-dir", "masks", "--split", "all", "--format", "png", "cvat", "coco")
    masks = sorted((commands.folder / "masks" / "classes").rglob("*.png"))
    assert [path.parent.name for path in masks] == ["test"] * 2 + ["train"] * 6 + ["val"]
    table = ClassTable.from_json(commands.folder / "masks" / "classes.json")
    for path in masks:
        image = Image.open(path)
        assert image.mode == "P" and image.size == (24, 24) and np.asarray(image).max() < len(table) == 4
    images = json.loads((commands.folder / "masks" / "coco.json").read_text())["images"]
    assert len(images) == 9 and (commands.folder / "masks" / "cvat.zip").stat().st_size > 0
    again = export(commands, trained, "masks", "--output-dir", "masks", "--split", "all", "--resume")
    assert "9 views in masks" in again.text
    refused = commands("nerfseg", "export", "masks", "--load-config", trained[0].config, "--output-dir", "masks")
    assert refused.status == 1 and "not empty; add --resume" in refused.text and "Traceback" not in refused.text


def test_a_data_set_that_torch_loads(commands, trained):
    options = ("--output-dir", "for-torch", "--views", "5", "--with-captured", "--minimum-confidence", "0")
    export(commands, trained, "dataset", *options, "--minimum-views", "0")
    folder = commands.folder / "for-torch"
    names = (folder / "train.txt").read_text().split() + (folder / "val.txt").read_text().split()
    assert len(names) == 11
    for name in names:
        image, mask = (np.asarray(Image.open(folder / kind / f"{name}.png")) for kind in ("images", "masks"))
        assert image.shape == (24, 24, 3) and mask.shape == (24, 24) and mask.max() < 4


def test_points_and_mesh(commands, trained):
    result = export(
        *(commands, trained, "pointcloud", "--output-dir", "points", "--spacing", "0.5", "--format", "ply"),
        *("--max-points", "100000"),
    )
    assert "rendering in full size" in result.text
    points = trimesh.load(commands.folder / "points" / "pointcloud.ply")
    document = json.loads((commands.folder / "points" / "pointcloud.json").read_text())
    assert len(points.vertices) == document["points"] > 10
    assert [entry["las_code"] for entry in document["classes"]] == [6, 11, 5, 2]
    assert sum(entry["points"] for entry in document["classes"]) == document["points"]
    mesh = commands(
        *("nerfseg", "export", "mesh", "--load-config", trained[0].config, "--output-dir", "mesh"),
        *("--cell", "0.5", "--format", "ply", "glb"),
    )
    if mesh.status == 0:
        assert len(trimesh.load(commands.folder / "mesh" / "mesh.ply", process=False).faces) > 0
    else:  # fog may have no surface
        assert mesh.status == 1 and "there is no surface of density" in mesh.text and "Traceback" not in mesh.text


def test_las_by_the_command(commands, trained):
    laspy = pytest.importorskip("laspy")
    pytest.importorskip("pyproj")
    place = ("--origin", "46.84", "-91.99", "150")
    export(commands, trained, "pointcloud", "--output-dir", "las", "--spacing", "0.5", *place)
    cloud = laspy.read(commands.folder / "las" / "pointcloud.laz")
    assert cloud.header.parse_crs().to_epsg() == 32615 and len(cloud.points) > 10
    assert 4.2e5 < cloud.x.min() < cloud.x.max() < 7e5 and 5.18e6 < cloud.y.min() < cloud.y.max() < 5.2e6


def test_help_names_every_option(commands):
    for kind in ("masks", "dataset", "pointcloud", "mesh"):
        result = commands("nerfseg", "export", kind, "--help")
        assert result.status == 0 and "--load-config" in result.text and "--overwrite" in result.text
