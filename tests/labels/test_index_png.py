import numpy as np
import pytest
from PIL import Image

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.label_image import LabelFormat, read_label_image
from nerfseg_ns.labels.index_png import write_index_png

TABLE = ClassTable.from_names(["Building", "Road"], "carla-0.9.10")
IDS = np.array([[0, 1, 255], [255, 0, 1]], dtype=np.uint8)


def test_ids_as_they_are_and_colours_for_viewers(tmp_path):
    path = tmp_path / "labels" / "a.png"
    write_index_png(path, IDS, TABLE)
    with Image.open(path) as image:
        assert image.mode == "P"
        assert (np.asarray(image) == IDS).all()
        shown = np.asarray(image.convert("RGB"))
    assert shown[0].tolist() == [[70, 70, 70], [128, 64, 128], [0, 0, 0]]
    assert (read_label_image(path, LabelFormat(), TABLE) == IDS).all()


def test_ids_beyond_the_table(tmp_path):
    with pytest.raises(ValueError, match="id 2 is beyond the table of 2 classes"):
        write_index_png(tmp_path / "a.png", np.array([[2]], dtype=np.uint8), TABLE)
    assert not (tmp_path / "a.png").exists()
