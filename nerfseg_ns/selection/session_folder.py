"""The folder that ``nerfseg segment`` writes: objects, masks, sheets, report."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.core.whole_file import replacing, write_whole_text
from nerfseg_ns.selection.object_file import StoredObject, read_object, write_object
from nerfseg_ns.selection.object_masks import write_masks
from nerfseg_ns.selection.overlay_sheet import overlay_sheet
from nerfseg_ns.selection.prompts import ObjectPrompt
from nerfseg_ns.selection.scene import Scene
from nerfseg_ns.selection.selected_object import SelectedObject
from nerfseg_ns.selection.selector import Listener

REPORT = "report.json"
SETTINGS = "settings"
"""Key in an object's report: what else than its prompt decided about it."""
MASKS = "masks"
_REPORT_KEYS = {"version", "config", "objects", "failed"}


class SessionFolder:
    """One folder of results. An object counts as finished when its NAME.npz is there, which is written last.

    Args:
        path: the folder; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def object_file(self, name: str) -> Path:
        """The file of an object."""
        return self.path / f"{name}.npz"

    def mask_folder(self, name: str) -> Path:
        """Where its masks are."""
        return self.path / MASKS / name

    def overlay(self, name: str) -> Path:
        """Its sheet."""
        return self.path / f"{name}-overlay.png"

    def check(self, overwrite: bool, resume: bool) -> None:
        """Refuse a folder whose files would be replaced.

        Raises:
            InputError: it is not empty and neither flag is given, it is a file, or it holds a report.json of another
                program.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"--output-dir {self.path}: a file; expected a folder")
        if self.path.is_dir() and any(self.path.iterdir()) and not (overwrite or resume):
            raise InputError(
                f"--output-dir {self.path}: not empty; add --resume to keep the objects that are finished there and do "
                "the rest, or --overwrite to replace them"
            )
        self._refuse_other_report()

    def finished(self, prompts: Sequence[ObjectPrompt], settings: dict[str, Any]) -> dict[str, StoredObject]:
        """The objects that are there already, by name, made from these prompts with these settings.

        Raises:
            InputError: an object of one of these names was made with other settings.
        """
        found = {}
        for prompt in prompts:
            path = self.object_file(prompt.name)
            try:
                stored = read_object(path)
            except InputError:
                continue
            theirs = stored.object.report.get(SETTINGS)
            if theirs != settings:
                raise InputError(
                    f"{path}: {_difference(theirs, settings)}; to replace it, add --overwrite in the place "
                    "of --resume, or use another --output-dir"
                )
            if stored.object.prompt == prompt:
                found[prompt.name] = stored
        return found

    def discard(self, name: str) -> None:
        """Delete what there is of an object: first the report, which means that all is there, and the object's file."""
        self._refuse_other_report()
        (self.path / REPORT).unlink(missing_ok=True)
        self.object_file(name).unlink(missing_ok=True)
        self.overlay(name).unlink(missing_ok=True)
        if self.mask_folder(name).is_dir():
            shutil.rmtree(self.mask_folder(name))

    def write(
        self, scene: Scene, selected: SelectedObject, frame: SceneFrame, listener: Listener, settings: dict[str, Any]
    ) -> SelectedObject:
        """Write masks, sheet and file of an object in the place of what there is of it.

        Returns:
            The object with its report completed: settings, pixels per view and the seconds that the masks took.

        Raises:
            InputError: the folder cannot be written.
        """
        name, started = selected.prompt.name, perf_counter()
        self.discard(name)
        masks = write_masks(scene, selected, self.mask_folder(name), listener)
        with replacing(self.overlay(name)) as temporary:
            overlay_sheet(scene, selected.prompt, masks).save(temporary)
        report = {
            **selected.report,
            SETTINGS: settings,
            "threshold": selected.threshold,
            "pixels": {view: int(mask.sum()) for view, mask in zip(scene.names, masks)},
            "seconds": {**selected.report.get("seconds", {}), "masks": round(perf_counter() - started, 3)},
        }
        complete = replace(selected, report=report)
        write_object(self.object_file(name), complete, frame)
        return complete

    def write_report(self, document: dict[str, Any]) -> Path:
        """Write report.json.

        Raises:
            InputError: there is one of another program, or the folder cannot be written.
        """
        self._refuse_other_report()
        path = self.path / REPORT
        write_whole_text(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        return path

    def _refuse_other_report(self) -> None:
        path = self.path / REPORT
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return
        except (OSError, ValueError):
            document = None
        if not isinstance(document, dict) or not _REPORT_KEYS <= set(document):
            raise InputError(
                f"{path}: not a report of nerfseg segment, which writes its own there; move the file away "
                "or use another --output-dir"
            )


def _difference(theirs: Any, ours: dict[str, Any]) -> str:
    """Which settings differ, for a message."""
    if not isinstance(theirs, dict):
        return "made with settings that it does not name"
    keys = sorted(key for key in {*theirs, *ours} if theirs.get(key) != ours.get(key))
    return "made with " + ", ".join(f"{key} {theirs.get(key)!r}, now {ours.get(key)!r}" for key in keys)
