import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies
from PIL import Image

from nerfseg_ns.core.class_table import ClassTable, SemanticClass
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import LabelFormat, check_label_header, read_image_header, read_label_image

TABLE = ClassTable.from_names(["Building", "Road", "Vehicles", "Sky"], "carla-0.9.10")
IDS = np.array([[0, 1, 2], [3, 255, 0]], dtype=np.uint8)
COLOURS = {0: (70, 70, 70), 1: (128, 64, 128), 2: (0, 0, 142), 3: (70, 130, 180), 255: (0, 0, 0)}
AUTO = LabelFormat()


def save(path, pixels, mode=None):
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)
    return path


def painted(ids: np.ndarray) -> np.ndarray:
    return np.array([[COLOURS[int(value)] for value in row] for row in ids], dtype=np.uint8)


def write_grey_png(path, rows: list[bytes], width: int, bits: int):
    """A grey PNG of 1, 2 or 4 bits, which Pillow reads but does not write; rows are packed pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, len(rows), bits, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
    return path


def with_palette(path):
    image = Image.fromarray(IDS, mode="L").convert("L")
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette([index % 256 for index in range(768)])
    image.save(path)
    return path


def channels(ids, *columns):
    return np.stack([ids if column else np.zeros_like(ids) for column in columns], axis=-1)


@pytest.mark.parametrize("kind", ["auto", "index"])
@pytest.mark.parametrize(
    "write",
    [
        lambda path: save(path, IDS),
        lambda path: save(path, IDS.astype(np.uint16)),
        with_palette,
        lambda path: save(path, channels(IDS, 1, 1, 1)),
        lambda path: save(path, channels(IDS, 1, 0, 0)),
        lambda path: save(path, IDS, "RGBA"),
        lambda path: save(path, IDS, "LA"),
    ],
    ids=["grey", "grey 16 bits", "palette", "equal channels", "red channel", "with alpha", "grey with alpha"],
)
def test_ids_in_every_form(tmp_path, write, kind):
    read = read_label_image(write(tmp_path / "000.png"), LabelFormat(kind=kind), TABLE)
    assert read.dtype == np.uint8
    assert np.array_equal(read, IDS)


@pytest.mark.parametrize(
    ("bits", "row", "expected"),
    [(1, 0b10100000, [1, 0, 1]), (2, 0b11011000, [3, 1, 2]), (4, None, [3, 1, 2])],
)
def test_ids_of_few_bits_are_not_stretched_to_255(tmp_path, bits, row, expected):
    packed = bytes([0x31, 0x20]) if row is None else bytes([row])
    path = write_grey_png(tmp_path / "000.png", [packed], 3, bits)
    assert read_label_image(path, AUTO, TABLE).tolist() == [expected]


@pytest.mark.parametrize("kind", ["auto", "colour"])
@pytest.mark.parametrize("order", ["auto", "rgb"])
@pytest.mark.parametrize("palette", [None, "carla-0.9.10"])
def test_colours_of_the_table(tmp_path, kind, order, palette):
    path = save(tmp_path / "000.png", painted(IDS))
    assert np.array_equal(read_label_image(path, LabelFormat(kind, palette, order), TABLE), IDS)


@pytest.mark.parametrize("order", ["auto", "bgr"])
def test_red_and_blue_swapped(tmp_path, order):
    path = save(tmp_path / "000.png", np.ascontiguousarray(painted(IDS)[..., ::-1]))
    assert np.array_equal(read_label_image(path, LabelFormat(channel_order=order), TABLE), IDS)
    with pytest.raises(InputError, match=r"\(142, 0, 0\) 1 pixels"):
        read_label_image(path, LabelFormat("colour", channel_order="rgb"), TABLE)


def test_a_palette_png_of_colours_is_read_as_colours_on_request(tmp_path):
    path = tmp_path / "000.png"
    Image.fromarray(painted(IDS)).convert("P", palette=Image.Palette.ADAPTIVE, colors=16).save(path)
    assert np.array_equal(read_label_image(path, LabelFormat("colour"), TABLE), IDS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(numpy_strategies.arrays(np.uint8, (3, 4), elements=st.sampled_from([0, 1, 2, 3, 255])), st.booleans())
def test_painting_and_reading_is_nothing(tmp_path, ids, swapped):
    colours = painted(ids)
    path = save(tmp_path / "000.png", np.ascontiguousarray(colours[..., ::-1]) if swapped else colours)
    label_format = LabelFormat("colour", channel_order="bgr" if swapped else "rgb")
    assert np.array_equal(read_label_image(path, label_format, TABLE), ids)
    save(path, ids)
    assert np.array_equal(read_label_image(path, AUTO, TABLE), ids)


def test_a_grey_colour_image_is_not_taken_for_ids(tmp_path):
    path = save(tmp_path / "000.png", np.full((2, 2, 3), 70, dtype=np.uint8))
    assert read_label_image(path, AUTO, TABLE).tolist() == [[0, 0], [0, 0]]


def test_colours_come_from_the_named_palette_not_the_table(tmp_path):
    table = ClassTable((SemanticClass(0, "fences", (1, 2, 3)), SemanticClass(1, "Road", (4, 5, 6))))
    path = save(tmp_path / "000.png", np.array([[[190, 153, 153], [128, 64, 128]]], dtype=np.uint8))
    assert read_label_image(path, LabelFormat(palette="carla-0.9.14"), table).tolist() == [[0, 1]]


def test_another_ignore_id(tmp_path):
    path = save(tmp_path / "000.png", np.array([[0, 200]], dtype=np.uint8))
    assert read_label_image(path, LabelFormat(ignore=200), TABLE).tolist() == [[0, 255]]


def test_ids_beyond_the_table_are_listed_with_pixel_counts(tmp_path):
    path = save(tmp_path / "004.png", np.array([[0, 9, 9], [20, 9, 255]], dtype=np.uint8))
    with pytest.raises(InputError, match=r"004\.png.*9 \(3 pixels\), 20 \(1 pixels\).*4 classes, ids 0\.\.3"):
        read_label_image(path, AUTO, TABLE)


def test_large_ids_of_16_bits_do_not_wrap_around(tmp_path):
    path = save(tmp_path / "004.png", np.array([[256, 511]], dtype=np.uint16))
    with pytest.raises(InputError, match=r"256 \(1 pixels\), 511 \(1 pixels\)"):
        read_label_image(path, AUTO, TABLE)


def test_unknown_colours_are_listed_with_pixel_counts_and_names(tmp_path):
    pixels = painted(IDS)
    pixels[0, :2] = (45, 60, 150)
    pixels[1, 0] = (1, 2, 3)
    path = save(tmp_path / "007.png", pixels)
    expected = r"007\.png.*\(45, 60, 150\) 2 pixels \[Water of carla-0\.9\.10\]; \(1, 2, 3\) 1 pixels\."
    with pytest.raises(InputError, match=expected):
        read_label_image(path, AUTO, TABLE)


def test_only_the_most_frequent_unknown_colours_are_listed(tmp_path):
    pixels = np.array([[[200, index, 1] for index in range(20)]], dtype=np.uint8)
    with pytest.raises(InputError, match="and 12 more"):
        read_label_image(save(tmp_path / "000.png", pixels), AUTO, TABLE)


def test_two_classes_of_one_colour_cannot_be_told_apart(tmp_path):
    table = ClassTable((SemanticClass(0, "a", (9, 9, 9)), SemanticClass(1, "b", (9, 9, 9))))
    path = save(tmp_path / "000.png", np.full((1, 1, 3), 9, dtype=np.uint8))
    with pytest.raises(InputError, match="a, b have one colour"):
        read_label_image(path, LabelFormat("colour"), table)


@pytest.mark.parametrize("name", ["000.jpg", "000.png"])
def test_jpeg_labels_are_refused_whatever_their_name(tmp_path, name):
    path = tmp_path / name
    Image.fromarray(IDS).save(path, format="JPEG")
    with pytest.raises(InputError, match="must be a PNG.*JPEG is lossy"):
        read_label_image(path, AUTO, TABLE)
    with pytest.raises(InputError, match="JPEG is lossy"):
        check_label_header(path, tmp_path / "image.png", ((3, 2),))


def test_other_formats_are_refused(tmp_path):
    path = tmp_path / "000.bmp"
    Image.fromarray(IDS).save(path)
    with pytest.raises(InputError, match="this file is BMP; only PNG is accepted"):
        read_label_image(path, AUTO, TABLE)


def test_colours_of_16_bits_are_refused(tmp_path):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    path = tmp_path / "000.png"
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0\0\1\0\1\0\1")) + chunk(b"IEND", b"")
    )
    with pytest.raises(InputError, match="16 bits must have one channel"):
        read_label_image(path, AUTO, TABLE)


def test_missing_cut_short_and_foreign_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.png: no such image file"):
        read_label_image(tmp_path / "none.png", AUTO, TABLE)
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(InputError, match=r"text\.png: not an image"):
        read_label_image(tmp_path / "text.png", AUTO, TABLE)
    noise = np.random.default_rng(0).integers(0, 4, (64, 64)).astype(np.uint8)
    whole = save(tmp_path / "cut.png", noise).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut\.png: the label image cannot be decoded"):
        read_label_image(tmp_path / "cut.png", AUTO, TABLE)


def test_headers_and_sizes(tmp_path):
    path = save(tmp_path / "000.png", IDS)
    header = read_image_header(path)
    assert (header.format, header.width, header.height) == ("PNG", 3, 2)
    check_label_header(path, path, ((6, 4), (3, 2)))
    with pytest.raises(InputError, match=r"is 3x2 pixels, but its image .*view\.png is 6x4"):
        check_label_header(path, tmp_path / "view.png", ((6, 4),))


def test_an_image_too_large_to_decode_is_named(tmp_path, monkeypatch):
    path = save(tmp_path / "large.png", np.zeros((30, 40), dtype=np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(InputError, match="large.png: more than 1,000 pixels"):
        read_label_image(path, AUTO, TABLE)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 600)
    with pytest.warns(Image.DecompressionBombWarning):
        assert read_image_header(path).width == 40
