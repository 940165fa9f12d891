"""Labels imported into an export of Google Earth Studio, as google-earth-data reads them."""

import json

import numpy as np
import pytest

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.data.google_earth_dataparser import GoogleEarthDataParserConfig
from nerfseg_ns.data.semantic_dataset import SemanticDataset
from nerfseg_ns.labels.command import main

pytest.importorskip("pyproj")


@pytest.fixture
def labels(tmp_path):
    """labelme's file for frame 3: a road over the left half of its 20x16 pixels."""
    folder = tmp_path / "labelme"
    folder.mkdir()
    road = {"label": "Road", "points": [[0, 0], [10, 16]], "shape_type": "rectangle"}
    record = {"shapes": [road], "imagePath": "flight_003.jpeg", "imageWidth": 20, "imageHeight": 16}
    (folder / "flight_003.json").write_text(json.dumps(record))
    return folder


@pytest.mark.parametrize("given", ["folder", "file", "footage"])
def test_labels_go_beside_the_footage(write_export, labels, given, capsys):
    export = write_export()
    options = {}
    if given == "footage":
        (export / "footage").rename(export.parent / "images")
        options["footage"] = export.parent / "images"
    data = export if given == "folder" else export / "flight.json"
    words = ["--footage", str(export.parent / "images")] if given == "footage" else []
    main(["import", str(labels), "--data", str(data), "--background", "Terrain", *words])
    assert (export / "labels/flight_003.png").is_file()
    assert f"ns-train nerfseg --data {data} google-earth-data" in capsys.readouterr().out

    config = GoogleEarthDataParserConfig(data=data, **options)
    dataset = SemanticDataset(config.setup().get_dataparser_outputs("train"))
    assert dataset.semantic_views.class_table.names == ("Road", "Terrain")
    assert dataset.labelled_view_indices == (3,)
    expected = np.repeat([[0] * 10 + [1] * 10], 16, axis=0)
    assert (dataset.get_semantics(3)[..., 0].numpy() == expected).all()
    with pytest.raises(InputError, match=r"labels/flight_003.png exists already; add --overwrite"):
        main(["import", str(labels), "--data", str(data), *words])


def test_an_export_without_images(write_export, labels):
    export = write_export()
    (export / "footage").rename(export / "elsewhere")
    with pytest.raises(InputError, match=r"footage: no images; .*--footage FOLDER"):
        main(["import", str(labels), "--data", str(export / "flight.json")])
