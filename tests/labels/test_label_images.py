"""Formats that are images: index, colour and CVAT."""

import json

import numpy as np
import pytest
from PIL import Image

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.labels.class_choice import ClassOptions

TABLE = ClassTable.from_names(["Road", "Car"], "carla-0.9.10")
IDS = np.array([[0, 1, 255]], dtype=np.uint8)
COLOURS = np.array([[(128, 64, 128), (0, 0, 142), (0, 0, 0)]], dtype=np.uint8)


def test_index_images_with_their_table(tmp_path, read, painted, write_png):
    write_png(tmp_path / "labels/000.png", IDS)
    TABLE.to_json(tmp_path / "labels/classes.json")
    assert read(tmp_path / "labels")[0] == "index"
    assert painted(tmp_path / "labels", 3, 1) == (["Road", "Car"], ["01x"])


def test_index_images_of_16_bits(tmp_path, painted, write_png):
    write_png(tmp_path / "labels/000.png", IDS.astype(np.uint16))
    assert painted(tmp_path / "labels", 3, 1, table=TABLE)[1] == ["01x"]
    write_png(tmp_path / "labels/000.png", np.array([[0, 1, 300]], dtype=np.uint16))
    with pytest.raises(InputError, match=r"000.png: label ids beyond the class table: 300 \(1 pixels\)"):
        painted(tmp_path / "labels", 3, 1, table=TABLE)


def test_the_table_can_be_anywhere(tmp_path, read, write_png):
    write_png(tmp_path / "labels/000.png", IDS)
    with pytest.raises(InputError, match="nothing names the ids or colours"):
        read(tmp_path / "labels")
    TABLE.to_json(tmp_path / "names.json")
    assert read(tmp_path / "labels", label_map=str(tmp_path / "names.json"))[1].names == ("Road", "Car")
    assert read(tmp_path / "labels", table=TABLE)[1].names == ("Road", "Car")
    with pytest.raises(InputError, match="no such file, and no palette of that name; did you mean carla-"):
        read(tmp_path / "labels", label_map="carla-0.9.1")


@pytest.mark.parametrize("map_of", ["labelmap.txt", "classes.json", "palette"])
def test_colour_images(tmp_path, map_of, read, painted, write_png):
    write_png(tmp_path / "labels/sub/000.png", COLOURS)
    options = {}
    if map_of == "labelmap.txt":
        (tmp_path / "labels/labelmap.txt").write_text("Road:128,64,128::\nCar:0,0,142::\n")
    elif map_of == "classes.json":
        TABLE.to_json(tmp_path / "labels/classes.json")
    else:
        options["label_map"] = "carla-0.9.14"
    name, source = read(tmp_path / "labels", **options)
    assert name == "colour" and source.images[0].name == "sub/000.png"
    names, rows = painted(tmp_path / "labels", 3, 1, **options)
    road, car = names.index("Road"), names.index("Car")
    assert rows == [f"{road}{str(car)[0]}."]
    assert "Unlabeled" not in names


def test_red_and_blue_swapped(tmp_path, painted, write_png):
    write_png(tmp_path / "labels/000.png", COLOURS[..., ::-1].copy())
    assert painted(tmp_path / "labels", 3, 1, table=TABLE)[1] == ["01."]
    with pytest.raises(InputError, match=r"colours of no class .* \(142, 0, 0\) 1 pixels"):
        painted(tmp_path / "labels", 3, 1, "colour", table=TABLE, channel_order="rgb")


def test_jpegs_are_no_labels(tmp_path, read):
    (tmp_path / "labels").mkdir()
    Image.fromarray(COLOURS).save(tmp_path / "labels/000.jpg")
    with pytest.raises(InputError, match="no labels in a format that is known"):
        read(tmp_path / "labels", table=TABLE)
    with pytest.raises(InputError, match="must be PNGs, since JPEG"):
        read(tmp_path / "labels", "colour", table=TABLE)


# --- CVAT


def test_cvat(cvat, read, painted):
    folder = cvat({"000": np.array([[0, 1, 2]]), "sub/001": np.array([[2]])})
    name, source = read(folder)
    assert name == "cvat-mask"
    assert source.names == ("Road", "Car") and source.colours["Car"] == (0, 0, 142)
    assert [image.name for image in source.images] == ["000.png", "sub/001.png"]
    assert painted(folder, 3, 1)[1] == [".01"]


def test_cvat_with_a_palette_in_the_png_and_a_background_that_is_not_black(cvat, painted):
    folder = cvat({"000": np.array([[0, 1, 2]])}, "background:0,128,0::\nRoad:128,64,128::\nCar:0,0,142::\n")
    colours = np.array([[(0, 128, 0), (128, 64, 128), (0, 0, 142)]], dtype=np.uint8)
    Image.fromarray(colours).quantize(3).save(folder / "SegmentationClass/000.png")
    assert painted(folder, 3, 1) == (["Road", "Car"], [".01"])


def test_the_borders_of_pascal_voc_are_ignored(cvat, painted, write_png):
    folder = cvat({"000": np.array([[0, 1, 2]])})
    pixels = np.array([[(224, 224, 192), (128, 64, 128), (0, 0, 0)]], dtype=np.uint8)
    write_png(folder / "SegmentationClass/000.png", pixels)
    assert painted(folder, 3, 1) == (["Road", "Car"], ["x0."])


def test_cvat_without_a_labelmap(cvat, tmp_path, read, painted):
    folder = cvat({"000": np.array([[0, 1, 2]])}, labelmap=None)
    with pytest.raises(InputError, match="labelmap.txt: no such file, and without it the colours"):
        read(folder)
    (tmp_path / "map.txt").write_text("Road:128,64,128::\nCar:0,0,142::\n")
    assert painted(folder, 3, 1, label_map=str(tmp_path / "map.txt"))[1] == [".01"]


def test_cvat_colours_that_the_labelmap_lacks(cvat, painted):
    folder = cvat({"000": np.array([[0, 1, 2]])}, "background:0,0,0::\nRoad:128,64,128::\n")
    with pytest.raises(InputError, match=r"SegmentationClass/000.png: colours of no class .*\(0, 0, 142\) 1 pixels"):
        painted(folder, 3, 1)


def test_cvat_masks_of_16_bits(cvat, painted, write_png):
    folder = cvat({"000": np.array([[0, 1, 2]])})
    write_png(folder / "SegmentationClass/000.png", np.array([[0, 1, 2]], dtype=np.uint16))
    with pytest.raises(InputError, match="000.png"):
        painted(folder, 3, 1)


def test_ignored_and_renamed_classes(cvat, painted):
    folder = cvat({"000": np.array([[0, 1, 2]])})
    options = ClassOptions.parsed(["Car=Vehicles"], ["Road"], None)
    assert painted(folder, 3, 1, class_options=options) == (["Vehicles"], [".x0"])
    one = ClassOptions.parsed(["Car=Road"], [], "Ground")
    assert painted(folder, 3, 1, class_options=one) == (["Road", "Ground"], [".00"])


# --- which format


def test_formats_that_could_both_be_meant(cvat, coco, read):
    folder = cvat({"000": np.array([[0, 1, 2]])})
    (folder / "instances.json").write_text(coco().read_text())
    with pytest.raises(InputError, match=r"several formats, cvat-mask \(.*\) and coco \(.*--format"):
        read(folder)
    assert read(folder, "coco")[0] == "coco"


def test_pngs_beside_labelme_files_are_the_images(labelme, read, write_png):
    folder = labelme("000")
    write_png(folder / "000.png", COLOURS)
    assert read(folder)[0] == "labelme"


def test_unknown_format_names(tmp_path, read):
    with pytest.raises(InputError, match="--format coko: no such format; did you mean coco"):
        read(tmp_path, "coko")


def test_all_black_images_are_index_images(tmp_path, read, write_png):
    write_png(tmp_path / "labels/000.png", np.zeros((1, 3, 3), dtype=np.uint8))
    assert read(tmp_path / "labels", table=TABLE)[0] == "index"
    write_png(tmp_path / "labels/001.png", COLOURS)
    assert read(tmp_path / "labels", table=TABLE)[0] == "colour"


def test_damaged_tables_are_named(tmp_path, read, write_png):
    write_png(tmp_path / "labels/000.png", COLOURS)
    (tmp_path / "labels/classes.json").write_text(json.dumps({"classes": [{"id": 1}]}))
    with pytest.raises(InputError, match="classes.json: not a class table"):
        read(tmp_path / "labels")
