"""The folder that ``nerfseg segment`` writes: objects, masks, sheets, report."""

import json
import shutil
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
            InputError: it is not empty and neither flag is given, or it is a file.
        """
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"--output-dir {self.path}: a file; expected a folder")
        if self.path.is_dir() and any(self.path.iterdir()) and not (overwrite or resume):
            raise InputError(
                f"--output-dir {self.path}: not empty; add --resume to keep the objects that are finished there and do "
                "the rest, or --overwrite to replace them"
            )

    def finished(self, prompt: ObjectPrompt, settings: dict[str, Any]) -> StoredObject | None:
        """An object that is there already, made from the same prompt with the same settings; else None."""
        try:
            stored = read_object(self.object_file(prompt.name))
        except InputError:
            return None
        same = stored.object.prompt == prompt and stored.object.report.get(SETTINGS) == settings
        return stored if same else None

    def discard(self, name: str) -> None:
        """Delete what there is of an object: the file first that says that it is finished."""
        self.object_file(name).unlink(missing_ok=True)
        self.overlay(name).unlink(missing_ok=True)
        if self.mask_folder(name).is_dir():
            shutil.rmtree(self.mask_folder(name))

    def write(
        self, scene: Scene, selected: SelectedObject, frame: SceneFrame, listener: Listener, settings: dict[str, Any]
    ) -> SelectedObject:
        """Write masks, sheet and file of an object.

        Returns:
            The object with its report completed: settings, pixels per view and the seconds that the masks took.

        Raises:
            InputError: the folder cannot be written.
        """
        name, started = selected.prompt.name, perf_counter()
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
        complete = SelectedObject(selected.prompt, selected.blocks, selected.votes, selected.threshold, report)
        write_object(self.object_file(name), complete, frame)
        return complete

    def discard_report(self) -> None:
        """Delete the report of an earlier session."""
        (self.path / REPORT).unlink(missing_ok=True)

    def write_report(self, document: dict[str, Any]) -> Path:
        """Write report.json."""
        path = self.path / REPORT
        write_whole_text(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        return path
