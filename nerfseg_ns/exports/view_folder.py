"""A folder with files of many views, which an interrupted export finds again."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import write_whole_text

SETTINGS_FILE = "export.json"


class ViewFolder:
    """The folder of an export. ``export.json`` holds the settings it was begun with.

    Args:
        path: the folder; it need not exist.
        settings: what decides about the files; JSON values, and ``kind`` of the export.
        made: files and folders in it that the export makes.
    """

    def __init__(self, path: Path, settings: dict[str, Any], made: Sequence[str]) -> None:
        self.path, self.made = path, made
        self.settings: dict[str, Any] = json.loads(json.dumps(settings))

    @staticmethod
    def check(path: Path, overwrite: bool, resume: bool) -> None:
        """Refuse a folder whose files would be replaced: before a run is loaded.

        Raises:
            InputError: both flags, a file, or a folder that is not empty without a flag.
        """
        if overwrite and resume:
            raise InputError("--resume and --overwrite: use one of them")
        if path.exists() and not path.is_dir():
            raise InputError(f"--output-dir {path}: a file; expected a folder")
        if path.is_dir() and any(path.iterdir()) and not (overwrite or resume):
            raise InputError(
                f"--output-dir {path}: not empty; add --resume to keep the views that are finished there and do the "
                "rest, or --overwrite to replace them"
            )

    def begin(self, overwrite: bool, resume: bool) -> None:
        """Note the settings; with ``overwrite`` delete what an export of this kind has left.

        Raises:
            InputError: to be resumed, and begun with other settings or not by this export; or it cannot be written.
        """
        before = self._before()
        if resume and before != self.settings and self.path.is_dir() and any(self.path.iterdir()):
            if before is None:
                raise InputError(f"{self.path / SETTINGS_FILE}: not there or not whole, so there is nothing to resume")
            raise InputError(
                f"--resume: {self.path} was begun {_difference(before, self.settings)}; give the same options, or add "
                "--overwrite in the place of --resume"
            )
        if overwrite and before is not None and before.get("kind") == self.settings["kind"]:
            for name in self.made:
                made = self.path / name
                if made.is_dir():
                    shutil.rmtree(made)
                else:
                    made.unlink(missing_ok=True)
        write_whole_text(self.path / SETTINGS_FILE, json.dumps(self.settings, indent=1, ensure_ascii=False) + "\n")

    def _before(self) -> dict[str, Any] | None:
        try:
            document = json.loads((self.path / SETTINGS_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return document if isinstance(document, dict) else None


def require_space(folder: Path, needed: int, what: str) -> None:
    """Make sure that the disk has room.

    Args:
        folder: where to; it need not exist.
        needed: bytes.
        what: for the message.

    Raises:
        InputError: it has not.
    """
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise InputError(
            f"--output-dir {folder}: {what} take up to {needed / 2**30:,.1f} GiB, and the disk has {free / 2**30:,.1f} "
            "GiB left; export fewer views, or --downscale them"
        )


def file_hash(path: Path) -> str:
    """The first half of a file's SHA-256, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()[:32]


def _difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    keys = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
    return "with " + ", ".join(f"{key} {json.dumps(before.get(key))}, now {json.dumps(now.get(key))}" for key in keys)
