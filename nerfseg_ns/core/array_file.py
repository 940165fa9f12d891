"""Named arrays in one file (npz), read without pickle."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from nerfseg_ns.core.whole_file import replacing


class DamagedFileError(ValueError):
    """The file is cut short, is no npz file, or holds something other than plain arrays."""


def write_arrays(path: Path, compressed: bool = False, **arrays: np.ndarray) -> None:
    """Write arrays, replacing the file at once.

    Raises:
        InputError: the folder cannot be written.
    """
    with replacing(path) as temporary:
        (np.savez_compressed if compressed else np.savez)(temporary, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedFileError: see there.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise DamagedFileError(f"{path}: {error}") from None
