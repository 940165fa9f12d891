"""Labels as people have them: a folder, a file or a zip archive, which is unpacked with care."""

import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.labels.cvat_labelmap import CLASS_FOLDER

LABEL_SUFFIXES = (".png", ".json", ".txt")
"""What is unpacked; the photographs that exports can hold stay in the archive."""

MOST_FILES = 100_000
MOST_BYTES = 8 * 2**30
"""Of all files together, unpacked."""

_FOLDERS_OF_FORMATS = (CLASS_FOLDER, "annotations")


@contextmanager
def opened_labels(path: Path, most_bytes: int = MOST_BYTES) -> Iterator[Path]:
    """The folder or file of labels; a zip archive is unpacked into a temporary folder that goes when the block ends.

    A folder with nothing but another folder in it stands for that one.

    Args:
        path: what the user has given.
        most_bytes: an archive that holds more is refused.

    Raises:
        InputError: there is nothing; an archive that is damaged, encrypted or too large, or names files outside itself.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; give the folder, zip archive or JSON file of the labels")
    if path.is_dir():
        yield _content(path)
    elif path.suffix.lower() == ".json":
        yield path
    elif zipfile.is_zipfile(path):
        with tempfile.TemporaryDirectory(prefix="nerfseg-labels-") as folder:
            _unpack(path, Path(folder), most_bytes)
            yield _content(Path(folder))
    else:
        raise InputError(f"{path}: neither a folder nor a zip archive nor a JSON file; those can be imported")


def _unpack(path: Path, folder: Path, most_bytes: int) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
            for entry in entries:
                _check_entry(path, entry)
            wanted = [entry for entry in entries if PurePosixPath(entry.filename).suffix.lower() in LABEL_SUFFIXES]
            _check_amount(path, wanted, folder, most_bytes)
            for entry in wanted:
                target = folder.joinpath(*PurePosixPath(entry.filename).parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as packed, target.open("xb") as unpacked:
                    shutil.copyfileobj(packed, unpacked)  # zipfile stops at the size that was checked
    except FileExistsError as error:
        raise InputError(f"{path}: two of its files are one, {Path(str(error.filename)).name}; pack it again") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise InputError(f"{path}: the archive cannot be unpacked ({error}); download or pack it again") from None


def _check_entry(path: Path, entry: zipfile.ZipInfo) -> None:
    name = entry.orig_filename
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or "\\" in name or ".." in parts or ":" in parts[0] or "\0" in name:
        raise InputError(f"{path}: names a file outside of itself, {name!r}; nothing was unpacked")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise InputError(f"{path}: {name!r} is a link; pack the file itself")
    if entry.flag_bits & 1:
        raise InputError(f"{path}: the archive is encrypted; unpack it and give the folder")


def _check_amount(path: Path, entries: list[zipfile.ZipInfo], folder: Path, most_bytes: int) -> None:
    total = sum(entry.file_size for entry in entries)
    free = shutil.disk_usage(folder).free
    if len(entries) > MOST_FILES or total > most_bytes or total > free:
        raise InputError(
            f"{path}: holds {len(entries):,} label files of {total:,} bytes unpacked; at most {MOST_FILES:,} files and "
            f"{min(most_bytes, free):,} bytes are unpacked. Unpack it yourself if you trust it, and give the folder"
        )


def _content(folder: Path) -> Path:
    """The folder, or the only one in it, and so on."""
    while True:
        entries = [entry for entry in folder.iterdir() if not entry.name.startswith((".", "__MACOSX"))]
        if len(entries) != 1 or not entries[0].is_dir() or entries[0].name in _FOLDERS_OF_FORMATS:
            return folder
        folder = entries[0]
