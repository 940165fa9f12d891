"""The semantic classes of a scene: ids, names and colours."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import write_whole_text

IGNORE = 255
"""Label of a pixel that has no class: never trained on, never counted."""

_EXPECTED = '{"classes": [{"id": 0, "name": "Building", "rgb": [70, 70, 70]}, ...]}'


@dataclass(frozen=True)
class SemanticClass:
    """One class.

    Args:
        id: the value of its pixels in an index label image, 0..254.
        name: what people call it, for example ``RoadLine``.
        rgb: its display colour, 0..255.
        carla_tag: its tag in the palette ``carla-0.9.10``, when the scene comes from CARLA.
    """

    id: int
    name: str
    rgb: tuple[int, int, int]
    carla_tag: int | None = None


@dataclass(frozen=True)
class ClassTable:
    """The classes of one scene, ids 0..K-1 in order.

    Carla-MVS permutes its class ids from scene to scene, so a table belongs to a scene and is never assumed.

    Raises:
        InputError: ids that are not 0..K-1 in order, doubled names, more than 255 classes, colours outside 0..255.
    """

    classes: tuple[SemanticClass, ...]

    def __post_init__(self) -> None:
        ids = [entry.id for entry in self.classes]
        if ids != list(range(len(ids))) or len(ids) > IGNORE:
            raise InputError(f"class ids must be 0, 1, 2, ... without gaps and at most 254; the table has {ids}")
        names = [entry.name for entry in self.classes]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise InputError(f"class names must differ; the table names {', '.join(doubled)} more than once")
        for entry in self.classes:
            if len(entry.rgb) != 3 or not all(isinstance(v, int) and 0 <= v <= 255 for v in entry.rgb):
                raise InputError(f"class {entry.name!r}: rgb must be three whole numbers 0..255, not {entry.rgb}")

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """Class names in the order of their ids."""
        return tuple(entry.name for entry in self.classes)

    @property
    def colours(self) -> UInt8[Tensor, "classes 3"]:
        """RGB display colours in the order of the ids."""
        return torch.tensor([entry.rgb for entry in self.classes], dtype=torch.uint8).reshape(-1, 3)

    @classmethod
    def from_names(
        cls, names: Sequence[str], palette: str, colours: Mapping[str, tuple[int, int, int]] | None = None
    ) -> "ClassTable":
        """A table with the colours of a named palette; names the palette lacks get distinct colours.

        Args:
            names: class names in the order of their ids.
            palette: a key of :data:`nerfseg_ns.core.palettes.PALETTES`.
            colours: of the names that have one already.
        """
        from nerfseg_ns.core.palettes import palette_entries

        return cls(palette_entries(names, palette, colours))

    def find(self, name: str) -> SemanticClass | None:
        """The class of a name, whatever its case; None when there is none."""
        exact = [entry for entry in self.classes if entry.name == name]
        return next((e for e in (*exact, *self.classes) if e.name.casefold() == name.casefold()), None)

    def extended(self, names: Sequence[str]) -> "ClassTable":
        """This table with further classes at its end; names that it has, in any case, add nothing.

        Args:
            names: of the classes; those new to the table get the colours of the default palette.

        Raises:
            InputError: more than 255 classes.
        """
        from nerfseg_ns.core.palettes import DEFAULT_PALETTE

        known = {entry.name.casefold() for entry in self.classes}
        new: dict[str, str] = {}
        for name in names:
            if name.casefold() not in known:
                new.setdefault(name.casefold(), name)
        colours = {entry.name: entry.rgb for entry in self.classes}
        whole = ClassTable.from_names([*self.names, *new.values()], DEFAULT_PALETTE, colours)
        return ClassTable((*self.classes, *whole.classes[len(self) :]))

    @classmethod
    def from_json(cls, path: Path) -> "ClassTable":
        """Read ``{"classes": [{"id", "name", "rgb", "carla_tag"?}, ...]}``.

        Raises:
            InputError: the file is missing or is not such a table.
        """
        try:
            records = json.loads(path.read_text(encoding="utf-8"))["classes"]
        except FileNotFoundError:
            raise InputError(f"{path}: no such class table; expected a classes.json") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: not a class table ({error!r}); expected {_EXPECTED}") from None
        return cls.from_records(records, str(path))

    @classmethod
    def from_records(cls, records: object, source: str) -> "ClassTable":
        """A table from the records of a JSON file, ``[{"id", "name", "rgb", "carla_tag"?}, ...]`` in any order.

        Args:
            records: the decoded list.
            source: the file they come from, for messages.

        Raises:
            InputError: they are not such a list.
        """
        try:
            if not isinstance(records, list):
                raise TypeError(f"a {type(records).__name__} instead of a list")
            entries = sorted(records, key=lambda entry: entry["id"])
            classes = tuple(
                SemanticClass(int(e["id"]), str(e["name"]), tuple(e["rgb"]), e.get("carla_tag")) for e in entries
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{source}: not a class table ({error!r}); expected {_EXPECTED}") from None
        try:
            return cls(classes)
        except InputError as error:
            raise InputError(f"{source}: {error}") from None

    def to_records(self) -> list[dict[str, Any]]:
        """The table in the form that :meth:`from_records` reads."""
        records = []
        for entry in self.classes:
            record = {"id": entry.id, "name": entry.name, "rgb": list(entry.rgb)}
            if entry.carla_tag is not None:
                record["carla_tag"] = entry.carla_tag
            records.append(record)
        return records

    def to_json(self, path: Path) -> None:
        """Write the table in the form that :meth:`from_json` reads."""
        write_whole_text(path, json.dumps({"classes": self.to_records()}, indent=1) + "\n")
