"""Labels of training views in a folder of their own, apart from the scene: what ``--label-data`` reads."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean
from nerfseg_ns.core.whole_file import write_whole_text

LABELS = "labels"
_OUTLINED = "outlined"


@dataclass(frozen=True)
class LabelFolder:
    """``classes.json``, and ``labels/VIEW.png`` with the class ids of training views, 255 where there is none.

    Args:
        path: the folder.
    """

    path: Path

    @property
    def table_file(self) -> Path:
        """The classes. It is written last: without it the folder is not whole."""
        return self.path / "classes.json"

    @property
    def image_folder(self) -> Path:
        """Where the label images are."""
        return self.path / LABELS

    def label_file(self, name: str) -> Path:
        """The label image of a view; a view named ``a/b`` has a folder of its own."""
        return self.image_folder / f"{name}.png"

    @property
    def exists(self) -> bool:
        """Whether the folder is of this form."""
        return self.image_folder.is_dir()

    def table(self) -> ClassTable:
        """The classes.

        Raises:
            InputError: the file is missing, as after an interruption, or is not a class table.
        """
        if not self.table_file.is_file():
            raise InputError(
                f"{self.table_file}: no such file, so these labels are not whole; make them again (nerfseg segment "
                "--labels-out)"
            )
        return ClassTable.from_json(self.table_file)

    @property
    def outlined(self) -> bool:
        """Whether every view shows all labelled things up to their outlines, so that what is beside is something else.

        Raises:
            InputError: see :meth:`table`; the file says neither true nor false.
        """
        self.table()
        said = json.loads(self.table_file.read_text(encoding="utf-8")).get(_OUTLINED, False)
        if not isinstance(said, bool):
            raise InputError(f'{self.table_file}: "{_OUTLINED}" is {said!r}; accepted: true, false')
        return said

    def finish(self, table: ClassTable, outlined: bool = False) -> None:
        """Write the classes, once all label images are there.

        Args:
            table: the classes.
            outlined: see :attr:`outlined`; strokes and half-painted views are not.
        """
        write_whole_text(
            self.table_file, json.dumps({"classes": table.to_records(), _OUTLINED: outlined}, indent=1) + "\n"
        )

    def labels(self, images: Sequence[Path]) -> list[Path | None]:
        """The label image of each training view, None without one.

        Args:
            images: the image of each training view.

        Raises:
            InputError: a label whose view is not among them.
        """
        from nerfseg_ns.selection.view_names import view_names  # every ns-* command imports this module

        names = view_names(images)
        files = {path.relative_to(self.image_folder).with_suffix("").as_posix(): path for path in self.files()}
        for name, path in files.items():
            if name not in names:
                raise InputError(
                    f"{path}: none of the {len(names)} training views is called {name!r}; labels belong to the views "
                    f"of the run they were made with ({did_you_mean(name, names)})"
                )
        return [files.get(name) for name in names]

    def files(self) -> list[Path]:
        """All label images, in the order of their names."""
        return sorted(path for path in self.image_folder.rglob("*.png") if not path.name.startswith("."))
