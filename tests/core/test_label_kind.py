"""Label kind of a scene: decided by the images that can only be one thing, held against all others."""

import numpy as np
import pytest
from PIL import Image

from nerfseg_ns.core.class_table import ClassTable, SemanticClass
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import LabelFormat, kind_of_label_image, read_label_image
from nerfseg_ns.core.label_kind import decided_format

TABLE = ClassTable.from_names(["Building", "Road", "Vehicles", "Sky"], "carla-0.9.10")
AUTO = LabelFormat()
IMAGES = {
    "black": np.zeros((2, 2, 3)),
    "road": np.broadcast_to([128, 64, 128], (2, 2, 3)),
    "building": np.full((2, 2, 3), 70),  # grey: the colour of a class, and no id
    "swapped vehicles": np.broadcast_to([142, 0, 0], (2, 2, 3)),  # also the form of CARLA's raw ids
    "unknown grey": np.full((2, 2, 3), 90),
    "raw ids": np.broadcast_to([3, 0, 0], (2, 2, 3)),
    "equal channels": np.full((2, 2, 3), 1),
    "grey ids": np.full((2, 2), 1),
    "grey black": np.zeros((2, 2)),
}


@pytest.fixture
def write(tmp_path):
    """Writes images of :data:`IMAGES` and returns their paths."""

    def write(*names):
        paths = []
        for name in names:
            paths.append(tmp_path / f"{name}.png")
            Image.fromarray(np.ascontiguousarray(IMAGES[name].astype(np.uint8))).save(paths[-1])
        return paths

    return write


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("black", None),
        ("road", "colour"),
        ("building", "colour"),
        ("swapped vehicles", "colour"),
        ("unknown grey", None),
        ("raw ids", "index"),
        ("equal channels", "index"),
        ("grey ids", "index"),
        ("grey black", "index"),
    ],
)
def test_what_one_image_surely_holds(write, name, kind):
    assert kind_of_label_image(*write(name), AUTO, TABLE) == kind


def test_the_channel_order_counts(write):
    assert kind_of_label_image(*write("swapped vehicles"), LabelFormat(channel_order="rgb"), TABLE) is None


@pytest.mark.parametrize("names", [("black", "road"), ("road", "black"), ("black", "black", "building")])
def test_black_is_no_class_among_colours_whatever_the_order_of_the_files(write, names):
    paths = write(*names)
    decided = decided_format(paths, AUTO, TABLE)
    assert decided.kind == "colour"
    assert (read_label_image(*write("black"), decided, TABLE) == 255).all()
    assert (read_label_image(*write("black"), AUTO, TABLE) == 0).all()  # alone it may be ids


def test_black_among_colours_is_the_class_that_is_black(write):
    table = ClassTable((SemanticClass(0, "Road", (128, 64, 128)), SemanticClass(1, "Night", (0, 0, 0))))
    black, road = write("black", "road")
    assert (read_label_image(black, decided_format([black, road], AUTO, table), table) == 1).all()


@pytest.mark.parametrize(
    "names", [("black", "raw ids"), ("black", "grey ids"), ("grey ids", "equal channels", "black")]
)
def test_black_is_class_0_among_ids(write, names):
    decided = decided_format(write(*names), AUTO, TABLE)
    assert decided.kind == "index"
    assert (read_label_image(*write("black"), decided, TABLE) == 0).all()


def test_images_that_can_all_be_both_leave_it_open(write):
    assert decided_format(write("black"), AUTO, TABLE) == AUTO
    assert decided_format([], AUTO, TABLE) == AUTO


@pytest.mark.parametrize("names", [("grey ids", "road"), ("road", "grey ids"), ("black", "road", "grey black")])
def test_mixed_kinds_are_refused_with_a_file_of_each(write, names):
    with pytest.raises(InputError, match="--label-kind") as error:
        decided_format(write(*names), AUTO, TABLE)
    ids = next(name for name in names if name.startswith("grey"))
    assert "road.png: this label image holds class colours" in str(error.value)
    assert f"{ids}.png holds class ids" in str(error.value)


@pytest.mark.parametrize(("first", "other"), [("road", "raw ids"), ("raw ids", "road"), ("equal channels", "building")])
def test_mixed_kinds_of_three_channels_are_found_when_they_are_read(write, first, other):
    decided = decided_format(write(first, other), AUTO, TABLE)
    assert read_label_image(*write(first), decided, TABLE).shape == (2, 2)
    with pytest.raises(InputError, match=rf"{other}\.png: .*{first}\.png holds .*--label-kind"):
        read_label_image(*write(other), decided, TABLE)


def test_what_the_user_says_wins(write):
    chosen = LabelFormat("colour")
    assert decided_format(write("grey ids", "road"), chosen, TABLE) == chosen
    assert (read_label_image(*write("grey black"), chosen, TABLE) == 255).all()


def test_few_pixels_are_decoded(write, monkeypatch):
    decoded = []
    monkeypatch.setattr(
        "nerfseg_ns.core.label_kind.kind_of_label_image",
        lambda path, *rest: decoded.append(path.stem) or kind_of_label_image(path, *rest),
    )
    decided_format(write("grey ids", "grey black"), AUTO, TABLE)
    assert decoded == []
    decided_format(write("black", "road", "building"), AUTO, TABLE)
    assert decoded == ["black", "road"]


def test_images_that_cannot_be_read_are_left_to_their_reader(write, tmp_path):
    (tmp_path / "cut.png").write_bytes(write("road")[0].read_bytes()[:40])
    paths = [tmp_path / "none.png", tmp_path / "cut.png", *write("road")]
    assert decided_format(paths, AUTO, TABLE).kind == "colour"


def test_two_classes_of_one_colour_do_not_matter_to_ids(write):
    table = ClassTable((SemanticClass(0, "a", (9, 9, 9)), SemanticClass(1, "b", (9, 9, 9))))
    (path,) = write("equal channels")
    assert (read_label_image(path, AUTO, table) == 1).all()
