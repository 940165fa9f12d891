"""The finished tiles of a map, in a folder that an interrupted command finds again."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nerfseg_ns.core.array_file import DamagedFileError, read_arrays, write_arrays
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import write_whole_text
from nerfseg_ns.exports.map_grid import Tile

_SETTINGS = "settings.json"


class TileStore:
    """A folder of tiles.

    Args:
        folder: made when something is written.
        settings: what determines the tiles; JSON values.

    Attributes:
        found: what :meth:`decide` noted when the tiles were begun; None in a new store.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self.settings: dict[str, Any] = json.loads(json.dumps(settings))
        self.found: dict[str, Any] | None = None

    @classmethod
    def open(cls, folder: Path, settings: Mapping[str, Any], discard: bool = False) -> "TileStore":
        """Find the tiles of an interrupted command with the same settings, or begin anew.

        Args:
            folder: of the tiles.
            settings: of the command.
            discard: delete tiles that belong to other settings.

        Raises:
            InputError: there are tiles with other settings, and they are not to be deleted.
        """
        store = cls(folder, settings)
        try:
            record = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
            before, found = dict(record["settings"]), dict(record["decided"])
        except (OSError, ValueError, KeyError, TypeError):
            store.delete()  # nothing whole was begun
            return store
        if before == store.settings:
            store.found = found
            return store
        if not discard:
            names = sorted(before.keys() | store.settings.keys())
            unlike = [
                f"{name} {json.dumps(before.get(name))} instead of {json.dumps(store.settings.get(name))}"
                for name in names
                if before.get(name) != store.settings.get(name)
            ]
            raise InputError(
                f"{folder}: tiles of an interrupted export with other settings ({'; '.join(unlike)}); give the same "
                "settings to go on with it, or --overwrite to drop it"
            )
        store.delete()
        return store

    def decide(self, decided: Mapping[str, Any]) -> None:
        """Note what the command found out by itself and must not find out otherwise when it goes on.

        Raises:
            InputError: the folder cannot be written.
        """
        self.found = json.loads(json.dumps(decided))
        record = {"settings": self.settings, "decided": self.found}
        write_whole_text(self.folder / _SETTINGS, json.dumps(record, indent=1) + "\n")

    def has(self, tile: Tile) -> bool:
        """Whether a tile is finished."""
        return self._path(tile).is_file()

    def write(self, tile: Tile, layers: Mapping[str, np.ndarray]) -> None:
        """Keep a finished tile.

        Raises:
            InputError: the folder cannot be written.
        """
        write_arrays(self._path(tile), compressed=True, **layers)

    def read(self, tile: Tile) -> dict[str, np.ndarray]:
        """A finished tile.

        Raises:
            InputError: its file is damaged.
        """
        try:
            return read_arrays(self._path(tile))
        except (DamagedFileError, FileNotFoundError) as error:
            self._path(tile).unlink(missing_ok=True)
            raise InputError(f"{error}: the tile was damaged; run the command again to make it anew") from None

    def delete(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, tile: Tile) -> Path:
        return self.folder / f"{tile.name}.npz"
