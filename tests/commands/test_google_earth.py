"""From a camera export of Google Earth Studio to a trained and scored run, by the commands of the tutorial."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from nerfseg_ns.core.georeference import Georeference
from nerfseg_ns.evaluation.trained_run import load_run

pytestmark = pytest.mark.slow
pytest.importorskip("pyproj")
pytest.importorskip("shapely")

PARSER = {"parser": "google-earth-data", "dataparser": ("--eval-interval", "4", "--labelled-views", "3")}


@pytest.fixture(scope="module")
def export(commands) -> Path:
    words = ("scene", "export", "--layout", "google-earth", "--views", "4", "--size", "32", "--seed", "3")
    result = commands.script("nerfseg", *words)
    assert result.status == 0, result.printed
    assert "export: 8 frames" in result.text
    return commands.folder / "export"


def test_an_export_is_trained_scored_and_still_knows_its_place(commands, train, export):
    run, result = train("earth", scene=export, **PARSER)
    assert result.status == 0, result.printed
    assert "8 of 8 frames; cameras" in result.text and "m above the ellipsoid" in result.text
    assert "3 labelled views" in result.text
    assert run.steps[-1] == 11

    result = commands.script("nerfseg", "evaluate", "--load-config", run.config)
    assert result.status == 0, result.printed
    report = json.loads((run.folder / "report-test.json").read_text())
    assert report["views"] == 2 and 0.0 <= report["miou"] <= 1.0

    loaded = load_run(run.config)
    assert loaded.view_names == ["city_002", "city_006"]
    place = Georeference.from_json(export / "truth/georeference.json")
    cameras = loaded.frame.to_input(loaded.dataset.cameras.camera_to_worlds[:, :, 3]).numpy()
    assert loaded.georeference is not None
    found = place.from_geodetic(loaded.georeference.to_geodetic(cameras))
    frames = json.loads((export / "city.json").read_text())["cameraFrames"]
    written = [[frames[i]["coordinate"][name] for name in ("longitude", "latitude", "altitude")] for i in (2, 6)]
    np.testing.assert_allclose(found, place.from_geodetic(np.array(written)), atol=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda document: document.update(cameraFrames=document["cameraFrames"][:5]),
            "8 images, .* for 5 camera frames",
        ),
        (lambda document: document["cameraFrames"][1].update(fovVertical=0), 'frame 1: "fovVertical" is 0'),
    ],
)
def test_a_mistake_ends_training_with_one_message(train, export, change, message):
    document = json.loads((export / "city.json").read_text())
    change(document)
    bad = export / "bad.json"
    bad.write_text(json.dumps(document))
    try:
        _, result = train("bad", scene=bad, **PARSER)
    finally:
        bad.unlink()
    assert result.status == 1 and "Traceback" not in result.printed
    assert re.search(message, result.text), result.printed
