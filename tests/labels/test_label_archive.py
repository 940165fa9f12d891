import stat
import zipfile

import numpy as np
import pytest

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.labels.label_archive import opened_labels


@pytest.fixture
def pack(tmp_path):
    def write(*entries, name="labels.zip"):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for entry, content in entries:
                archive.writestr(entry, content)
        return path

    return write


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_labels_are_unpacked_and_go_afterwards(pack):
    path = pack(("a/labelmap.txt", "x"), ("a/SegmentationClass/1.png", "y"), ("a/JPEGImages/1.jpg", "z"))
    with opened_labels(path) as folder:
        assert folder.name == "a"
        assert files(folder) == ["SegmentationClass/1.png", "labelmap.txt"]
    assert not folder.exists()


def test_a_cvat_export_as_cvat_packs_it(cvat, pack, read):
    folder = cvat({"000": np.array([[0, 1, 2]])})
    path = pack(*((name, (folder / name).read_bytes()) for name in files(folder)))
    with opened_labels(path) as unpacked:
        name, source = read(unpacked)
    assert name == "cvat-mask" and source.names == ("Road", "Car")


def test_a_folder_of_formats_is_not_skipped(pack):
    with opened_labels(pack(("SegmentationClass/1.png", "y"))) as folder:
        assert files(folder) == ["SegmentationClass/1.png"]


@pytest.mark.parametrize("name", ["../evil.png", "a/../../evil.png", "/evil.png", "a\\..\\evil.png", "C:/evil.png"])
def test_names_outside_the_archive_are_refused(pack, tmp_path, name):
    path = pack(("good.png", "x"), (name, "x"))
    with pytest.raises(InputError, match="names a file outside of itself"), opened_labels(path):
        pass
    assert files(tmp_path) == ["labels.zip"]


def test_links_are_refused(pack):
    entry = zipfile.ZipInfo("link.png")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(InputError, match="'link.png' is a link"), opened_labels(pack((entry, "/etc/passwd"))):
        pass


def test_archives_that_hold_too_much_are_refused(pack):
    path = pack(("a.json", "0" * 1000), ("b.json", "0" * 1000), ("photo.jpg", "0" * 1000))
    with opened_labels(path, most_bytes=2000):
        pass
    with pytest.raises(InputError, match="2 label files of 2,000 bytes unpacked; .* 1,999 bytes"):
        with opened_labels(path, most_bytes=1999):
            pass


def test_an_archive_that_lies_about_its_sizes(pack):
    path = pack(("a.json", "0" * 1000))
    content = path.read_bytes()
    path.write_bytes(content.replace((1000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(InputError, match="cannot be unpacked"), opened_labels(path, most_bytes=100):
        pass


def test_damaged_and_doubled(pack, tmp_path):
    path = pack(("a.json", "0" * 1000))
    content = path.read_bytes()
    path.write_bytes(content[:40] + b"\xff\xff" + content[42:])
    with pytest.raises(InputError, match="cannot be unpacked"), opened_labels(path):
        pass
    with pytest.warns(UserWarning, match="Duplicate"):
        path = pack(("a.json", "1"), ("a.json", "2"))
    with pytest.raises(InputError, match="two of its files are one, a.json"), opened_labels(path):
        pass
    (tmp_path / "labels.tar").write_text("x")
    with pytest.raises(InputError, match="neither a folder nor a zip"), opened_labels(tmp_path / "labels.tar"):
        pass
    with pytest.raises(InputError, match="no such file or folder"), opened_labels(tmp_path / "nothing"):
        pass
