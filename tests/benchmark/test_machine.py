"""What a figure was measured on."""

import subprocess

import pytest

from nerfseg_ns.benchmark.machine import source_commit, versions


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package in a repository of its own, committed once."""
    for name in ("GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    return folder


def test_the_commit_of_the_source(package):
    head = subprocess.run(["git", "-C", str(package), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert source_commit(package) == head.stdout.strip()
    (package.parent / "notes.txt").write_text("beside the package")
    assert source_commit(package) == head.stdout.strip()
    (package / "new.py").write_text("")
    assert source_commit(package) == f"{head.stdout.strip()}-modified"


def test_a_package_that_git_does_not_keep(package, tmp_path, monkeypatch):
    installed = tmp_path / "site-packages" / "package"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    assert source_commit(installed) is None  # another project's folder, whose commit says nothing
    monkeypatch.setenv("PATH", str(tmp_path))  # no git
    assert source_commit(package) is None


def test_versions_name_the_commit():
    assert {"python", "torch", "nerfseg_ns", "commit"} <= versions().keys()
