"""A scene that nobody has painted learns classes from four clicks, by the commands themselves."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nerfseg_ns.core.mask_prompts import inner_points

pytestmark = pytest.mark.slow

VIEWER_TESTS = Path(__file__).parents[1] / "viewer"
CLASSES = ("Terrain", "Container", "Sky")  # of box_scene's ids 0, 1 and 2
MODEL = {
    **{"compile": "False", "num-levels": "4", "max-res": "64", "log2-hashmap-size": "12", "far-plane": "12"},
    **{"num-proposal-samples-per-ray": "32", "num-nerf-samples-per-ray": "16", "eval-num-rays-per-chunk": "2304"},
}


@pytest.fixture(scope="module")
def box_scene():
    """The module tests/viewer/box_scene.py: a red box on chequered ground, and the sky."""
    specification = importlib.util.spec_from_file_location("box_scene", VIEWER_TESTS / "box_scene.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def scene(commands, box_scene):
    return box_scene.write_scene(commands.folder / "box")


def train(commands, scene, name, *options, dataparser=()):
    """A run NAME of nerfseg-lite in its smallest form; returns its folder."""
    words = ["nerfseg-lite", "--data", scene, "--output-dir", "outputs", "--experiment-name", "box"]
    words += ["--timestamp", name, "--vis", "tensorboard", "--machine.device-type", "cpu"]
    words += ["--pipeline.datamanager.train-num-rays-per-batch", "512"]
    for option, value in MODEL.items():
        words += [f"--pipeline.model.{option}", value]
    result = commands("ns-train", *words, *options, "carla-mvs-data", *dataparser)
    assert result.status == 0, result.printed
    return commands.folder / "outputs" / "box" / "nerfseg-lite" / name


def prompts(box_scene, path):
    """One click on each: the box, dark ground, light ground and the sky of the first view."""
    picture, ids = box_scene.seen(box_scene.views("train")[0])
    light = picture[..., 1] > 150
    objects = [
        ("box", "Container", ids == 1),
        ("dark ground", "Terrain", (ids == 0) & ~light),
        ("light ground", "terrain", (ids == 0) & light),
        ("sky", "Sky", ids == 2),
    ]
    records = []
    for name, class_name, mask in objects:
        ((x, y),) = inner_points(mask, 1)
        records.append({"name": name, "class": class_name, "view": "000", "points": [[float(x), float(y), 1]]})
    path.write_text(json.dumps({"version": 1, "objects": records}))
    return path


def test_a_few_clicks_label_the_whole_scene(commands, box_scene, scene, tmp_path):
    geometry = train(commands, scene, "geometry", "--pipeline.stage1-steps", "500", "--pipeline.stage2-steps", "0")
    folder, config = tmp_path, geometry / "config.yml"
    arguments = ["--load-config", config, "--prompts", prompts(box_scene, folder / "clicks.json")]
    arguments += ["--output-dir", folder / "objects", "--labels-out", folder / "clicked", "--segmenter", "colour"]
    ended = subprocess.run(
        [sys.executable, VIEWER_TESTS / "viewer_server.py", "segment", *arguments],
        env={**commands.environment, "NERFSEG_CACHE": str(folder / "cache")},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )
    assert ended.returncode == 0, ended.stdout
    classes = json.loads((folder / "clicked" / "classes.json").read_text())["classes"]
    assert [entry["name"] for entry in classes] == ["Container", "Terrain", "Sky"]
    order = np.array([1, 0, 2])  # of box_scene's ids
    right = labelled = pixels = 0
    for index, c2w in enumerate(box_scene.views("train")):
        ids = np.array(Image.open(folder / "clicked" / "labels" / f"{index:03d}.png"))
        truth = order[box_scene.seen(c2w)[1]]
        labelled, pixels = labelled + (ids != 255).sum(), pixels + ids.size
        right += (ids == truth)[ids != 255].sum()
    # this field is too hazy to carry much into other views; what it has carried is right
    assert labelled > 0.03 * pixels and right > 0.95 * labelled

    # what the test views show becomes known only now
    (scene / "classes.json").write_text(json.dumps({"classes": classes}))
    for index, c2w in enumerate(box_scene.views("test")):
        path = scene / "test" / "color" / f"{index:03d}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes((scene / "test" / "rgb" / path.name).read_bytes())
        Image.fromarray(order[box_scene.seen(c2w)[1]].astype(np.uint8)).save(scene / "test" / "rgb" / path.name)
    learned = train(
        *(commands, scene, "learned", "--pipeline.geometry-config", config, "--pipeline.stage2-steps", "200"),
        dataparser=("--label-data", folder / "clicked"),
    )
    result = commands("nerfseg", "evaluate", "--load-config", learned / "config.yml")
    assert result.status == 0, result.printed
    scores = json.loads((learned / "report-test.json").read_text())
    assert scores["labelled_views"] == 2 and scores["miou"] > 0.6
