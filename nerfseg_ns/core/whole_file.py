"""Writing files so that a reader never meets half of one."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nerfseg_ns.core.input_error import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder that takes the place of ``path`` when the block ends without an error.

    An error or Ctrl+C inside the block leaves ``path`` as it was. Missing folders are made.

    Args:
        path: the file to write; one that exists is replaced, so ask first (:func:`refuse_existing`).

    Yields:
        Where to write; it has the suffix of ``path``, which image writers go by.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes files that nobody else can read
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole_text(path: Path, text: str) -> None:
    """Write UTF-8 text, replacing the file at once."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def refuse_existing(paths: list[Path], flag: str = "--overwrite") -> None:
    """Stop before work starts that would end by overwriting a file.

    Raises:
        InputError: one of the files exists.
    """
    existing = [str(path) for path in paths if path.exists()]
    if existing:
        raise InputError(f"{', '.join(existing)} exists already; add {flag} to replace it")
