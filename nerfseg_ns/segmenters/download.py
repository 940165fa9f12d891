"""Large files from the web: resumed after an interruption, checked before they count."""

import http.client
import urllib.error
import urllib.request
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.segmenters.weights import CHUNK, WeightFile, file_sha256

TIMEOUT = 30  # seconds without a byte


class UnreachableError(InputError):
    """The network, or the program that uses it, is not there: nothing is wrong with what was asked for."""


def download(file: WeightFile, folder: Path, remedy: str) -> None:
    """Fetch a file into a folder, where it appears under its name only when whole and checked.

    What arrived before an interruption stays in ``NAME.partial``, from where the next call goes on.

    Args:
        file: what to fetch; ``origin`` is its address.
        folder: where it goes.
        remedy: a sentence on how to do without this download, for the message.

    Raises:
        UnreachableError: the server cannot be reached or the connection broke.
        InputError: other bytes than the published ones; a folder that cannot be written.
    """
    partial = folder / f"{file.name}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not partial.exists() or partial.stat().st_size != file.size:
            _receive(file, partial)
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
        reason = getattr(error, "reason", None) or error
        raise UnreachableError(
            f"{file.origin}: the download failed: {reason}. Run the command again to go on where it stopped; {remedy}"
        ) from None
    except OSError as error:
        raise InputError(f"{partial}: cannot be written: {error.strerror or error}") from None
    size = partial.stat().st_size
    if size < file.size:
        raise UnreachableError(
            f"{file.origin}: the connection ended after {size} of {file.size} bytes. Run the command again to go on"
        )
    if size > file.size or file_sha256(partial) != file.sha256:
        partial.unlink()
        raise InputError(f"{file.origin}: not the published file: expected SHA-256 {file.sha256}; {remedy}")
    partial.replace(folder / file.name)


def _receive(file: WeightFile, partial: Path) -> None:
    """Append to the partial file what it lacks; a server that cannot continue sends everything anew."""
    start = partial.stat().st_size if partial.exists() else 0
    if start > file.size:
        start = 0
    request = urllib.request.Request(file.origin, headers={"Range": f"bytes={start}-"} if start else {})
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with (
        urllib.request.urlopen(request, timeout=TIMEOUT) as response,
        Progress(*columns, TimeRemainingColumn()) as progress,
    ):
        if response.status != http.client.PARTIAL_CONTENT:
            start = 0
        bar = progress.add_task(file.name, total=file.size, completed=start)
        with partial.open("ab" if start else "wb") as out:
            while chunk := response.read(CHUNK):
                out.write(chunk)
                start += len(chunk)
                progress.update(bar, completed=start)
                if start > file.size:  # not the file, and perhaps without an end
                    return
