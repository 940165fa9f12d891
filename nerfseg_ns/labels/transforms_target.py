"""Labels for ``semantic-nerfstudio-data``: index PNGs in ``labels/``, and their paths in a ``transforms.json``."""

import json
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.palettes import DEFAULT_PALETTE
from nerfseg_ns.core.whole_file import write_whole_text
from nerfseg_ns.data.transforms_file import read_transforms, transforms_table
from nerfseg_ns.labels.label_target import TargetView, put_label


class TransformsTarget:
    """A capture in nerfstudio's own form.

    Args:
        data: its folder, or the JSON file in it.
        in_place: write into that file itself; otherwise ``NAME-labels.json`` beside it, for a file ``NAME.json``.

    Raises:
        InputError: the file is missing or broken, or its images are.
    """

    other_labels: tuple[Path, ...] = ()

    def __init__(self, data: Path, in_place: bool = False) -> None:
        file = data if data.suffix == ".json" else data / "transforms.json"
        self.source = str(file)
        self._in_place = in_place
        self._meta = read_transforms(file)
        names = [PurePosixPath(str(frame["file_path"]).replace("\\", "/")) for frame in self._meta["frames"]]
        stems = Counter(name.stem for name in names)
        self._frames: dict[str, dict[str, Any]] = {}
        views = []
        for name, frame in zip(names, self._meta["frames"]):
            key = name.with_suffix("").as_posix()
            if key in self._frames:
                raise InputError(f"{file}: two frames have the image {name}; a label would belong to both")
            self._frames[key] = frame
            # frames of several cameras can have one name in folders of their own
            inside = [part for part in PurePosixPath(key).parts if part not in ("..", ".", "/")]
            label = name.stem if stems[name.stem] == 1 else "-".join(inside)
            present = file.parent / frame["semantic_path"] if frame.get("semantic_path") else None
            views.append(
                TargetView(key, file.parent / frame["file_path"], file.parent / "labels" / f"{label}.png", present)
            )
        self.views = tuple(views)
        self.table = transforms_table(self._meta, file, DEFAULT_PALETTE)
        self.table_file = file if in_place else file.with_name(f"{file.stem}-labels.json")
        self.training = f"ns-train nerfseg --data {self.table_file} semantic-nerfstudio-data"

    def replaced_files(self, labelled: list[TargetView], changes_table: bool) -> list[Path]:
        """The labels of the views; the file that is written, unless it is the one that is read."""
        if not self._in_place:
            return [*(view.label for view in labelled), self.table_file]
        return [path for view in labelled for path in {view.label, view.present} if path is not None]

    def place(self, view: TargetView, label: Path) -> None:
        """Copy a label to ``labels/``; one that the frame had elsewhere stays."""
        put_label(view, label)

    def finish(self, table: ClassTable, labelled: list[TargetView]) -> Path:
        """Write the JSON file: ``semantic_path`` of the labelled frames, ``semantic_classes``, the rest as it was."""
        for view in labelled:
            self._frames[view.name]["semantic_path"] = view.label.relative_to(self.table_file.parent).as_posix()
        self._meta["semantic_classes"] = table.to_records()
        write_whole_text(self.table_file, json.dumps(self._meta, indent=4) + "\n")
        return self.table_file
