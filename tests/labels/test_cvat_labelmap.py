import pytest

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.labels.cvat_labelmap import LabelmapEntry, labelmap_text, read_labelmap

CVAT_EXPORT = """\
# label:color_rgb:parts:actions
background:0,0,0::
Building:70,70,70::
Road line:157,234,50:left,right:passing
"""


def test_a_file_as_cvat_writes_it(tmp_path):
    path = tmp_path / "labelmap.txt"
    path.write_text(CVAT_EXPORT)
    assert read_labelmap(path) == (
        LabelmapEntry("background", (0, 0, 0)),
        LabelmapEntry("Building", (70, 70, 70)),
        LabelmapEntry("Road line", (157, 234, 50)),
    )


def test_what_is_written_is_read_back(tmp_path):
    entries = (LabelmapEntry("background", (0, 0, 0)), LabelmapEntry("Straße 2", (1, 20, 255)))
    path = tmp_path / "labelmap.txt"
    path.write_text(labelmap_text(entries), encoding="utf-8")
    assert labelmap_text(entries).splitlines()[2] == "Straße 2:1,20,255::"
    assert read_labelmap(path) == entries


@pytest.mark.parametrize("name", ["", " ", "#1", "a:b", "a\nb"])
def test_names_that_the_format_cannot_hold(name):
    with pytest.raises(InputError, match="rename the class"):
        labelmap_text([LabelmapEntry(name, (1, 2, 3))])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no class in it"),
        ("# label:color_rgb:parts:actions\n", "no class in it"),
        ("Building\n", "line 1: 'Building' is not a class with a colour"),
        ("Building:::\n", "line 1: 'Building:::' is not a class with a colour"),
        ("Building:70,70::\n", "not a class with a colour"),
        ("Building:70,70,256::\n", "a colour of 0..255"),
        (":70,70,70::\n", "needs a name"),
        ("a:1,2,3::\nb:4,5,6::\na:7,8,9::\n", "line 3: the name 'a' is that of 'a' already"),
        ("a:1,2,3::\nb:1,2,3::\n", r"line 2: the colour \(1, 2, 3\) is that of 'a' already"),
    ],
)
def test_bad_files_are_named_with_their_line(tmp_path, text, message):
    path = tmp_path / "labelmap.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as error:
        read_labelmap(path)
    assert str(path) in str(error.value)


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_labelmap(tmp_path / "labelmap.txt")
    (tmp_path / "labelmap.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        read_labelmap(tmp_path / "labelmap.txt")
