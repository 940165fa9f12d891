"""Labels for ``google-earth-data``: index PNGs in ``labels/`` and ``classes.json`` beside ``footage/``."""

from pathlib import Path

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.data.scene_folder import IMAGE_SUFFIXES, files_by_stem
from nerfseg_ns.labels.label_map import CLASSES_FILE
from nerfseg_ns.labels.label_target import TargetView, put_label


class GoogleEarthTarget:
    """An export of Google Earth Studio.

    Args:
        data: its folder, or the JSON file in it.
        footage: the folder of its images; None: ``footage/`` beside the JSON file.

    Raises:
        InputError: there are no images.
    """

    other_labels: tuple[Path, ...] = ()

    def __init__(self, data: Path, footage: Path | None = None) -> None:
        home = data.parent if data.suffix == ".json" else data
        folder = footage or home / "footage"
        images = files_by_stem(folder, IMAGE_SUFFIXES)
        if not images:
            raise InputError(
                f"{folder}: no images; the footage of the export is expected there, or in --footage FOLDER"
            )
        labels = files_by_stem(home / "labels", IMAGE_SUFFIXES)
        self.source = str(folder)
        self.views = tuple(
            TargetView(stem, image, home / "labels" / f"{stem}.png", labels.get(stem)) for stem, image in images.items()
        )
        self.table_file = home / CLASSES_FILE
        self.table = ClassTable.from_json(self.table_file) if self.table_file.is_file() else None
        self.training = f"ns-train nerfseg --data {data} google-earth-data"

    def replaced_files(self, labelled: list[TargetView], changes_table: bool) -> list[Path]:
        """The labels of the views, and the class table when it changes."""
        present = [view.present for view in labelled if view.present is not None]
        return [*present, self.table_file] if changes_table else present

    def place(self, view: TargetView, label: Path) -> None:
        """Copy a label to ``labels/``."""
        put_label(view, label)
        if view.present is not None and view.present != view.label:
            view.present.unlink()  # two files of one stem would be an error

    def finish(self, table: ClassTable, labelled: list[TargetView]) -> Path:
        """Write ``classes.json`` where it changes."""
        if table != self.table:
            table.to_json(self.table_file)
        return self.table_file
