"""Labels for ``carla-mvs-data``: index PNGs in ``rgb/`` beside the images in ``color/``, the stage-2 form."""

import shutil
from pathlib import Path

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import replacing
from nerfseg_ns.data.scene_folder import LAYOUT, SPLITS, label_files, read_split
from nerfseg_ns.labels.label_map import CLASSES_FILE
from nerfseg_ns.labels.label_target import TargetView, put_label


class CarlaMVSTarget:
    """One split of a scene, or of a second scene folder for ``--label-data``.

    Args:
        data: the scene.
        split: ``train``, ``test`` or ``validation``.
        output: the second folder; None: the scene itself, which must be in the stage-2 form. The images, poses and
            intrinsics of the labelled views are copied there.

    Raises:
        InputError: the scene has no such views, or is in the stage-1 form and there is no second folder.
    """

    def __init__(self, data: Path, split: str, output: Path | None = None) -> None:
        folder = read_split(data / split)
        if not folder.views:
            raise InputError(f"{data / split}: no views; expected {LAYOUT} in {data} (--split {', '.join(SPLITS)})")
        if not folder.has_label_form and output is None:
            raise InputError(
                f"{data / split}: the scene is in the stage-1 form (images in rgb/, no color/), which has no place for "
                "labels; give --output-dir FOLDER for the labels, and train with --label-data FOLDER"
            )
        self._own = output is None
        home = output or data
        self.source = str(home / split)
        labels = {path.stem: path for path in label_files(home / split)}
        self.views = tuple(
            TargetView(
                f"{split}/{view.stem}", view.image, home / split / "rgb" / f"{view.stem}.png", labels.get(view.stem)
            )
            for view in folder.views
        )
        self._files = {f"{split}/{view.stem}": view for view in folder.views}
        present = [view.present for view in self.views]
        self.other_labels = tuple(path for other in SPLITS for path in label_files(home / other) if path not in present)
        self.table_file = home / CLASSES_FILE
        tables = [path for path in (home / CLASSES_FILE, data / CLASSES_FILE) if path.is_file()]
        self.table = ClassTable.from_json(tables[0]) if tables else None
        second = "" if self._own else f" --label-data {output}"
        self.training = f"ns-train nerfseg --data {data} carla-mvs-data{second}"

    def replaced_files(self, labelled: list[TargetView], changes_table: bool) -> list[Path]:
        """The labels of the views, and the class table when it changes."""
        present = [view.present for view in labelled if view.present is not None]
        return [*present, self.table_file] if changes_table else present

    def place(self, view: TargetView, label: Path) -> None:
        """Copy a label to ``rgb/``; in a second folder its image, pose and intrinsics come first."""
        if not self._own:
            files = self._files[view.name]
            for name, path in (("color", files.image), ("pose", files.pose), ("intrinsics", files.intrinsics)):
                with replacing(view.label.parent.parent / name / path.name) as temporary:
                    shutil.copyfile(path, temporary)
        put_label(view, label)
        if view.present is not None and view.present != view.label:
            view.present.unlink()  # two files of one stem would be an error

    def finish(self, table: ClassTable, labelled: list[TargetView]) -> Path:
        """Write ``classes.json`` where it changes: that of a made city holds more than the classes."""
        if not self.table_file.is_file() or ClassTable.from_json(self.table_file) != table:
            table.to_json(self.table_file)
        return self.table_file
