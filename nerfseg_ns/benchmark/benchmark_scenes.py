"""The scenes of a matrix of rows: folders, and cities that are made when the first row needs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerfseg_ns.benchmark.process_lock import alone
from nerfseg_ns.benchmark.typed_values import settings_from
from nerfseg_ns.core.input_error import InputError


@dataclass(frozen=True)
class CityRecipe:
    """A city to be made by ``nerfseg scene``.

    Args:
        seed: which city.
        views: training views; a quarter as many test views come from between them.
        size: side of the square images in pixels.
        depth: whether true depth is written beside the images.
    """

    seed: int
    views: int = 64
    size: int = 512
    depth: bool = False

    @property
    def folder_name(self) -> str:
        """Other settings have another folder."""
        return f"city-seed{self.seed}-{self.views}x{self.size}{'-depth' if self.depth else ''}"

    def make(self, folder: Path) -> None:
        """Make the city where there is none, or only part of one.

        Raises:
            InputError: what :func:`nerfseg_ns.scene.command.make_scene` raises.
        """
        from nerfseg_ns.scene.command import SceneCommand, make_scene
        from nerfseg_ns.scene.scene_writer import CLASSES_FILE

        whole = folder / CLASSES_FILE  # it is written last
        if whole.is_file():
            return
        with alone(folder, lambda: print(f"{folder}: another process makes it; waiting")):
            if not whole.is_file():
                make_scene(
                    SceneCommand(folder, self.views, self.size, self.seed, depth=self.depth, overwrite=folder.exists())
                )


@dataclass(frozen=True)
class BenchmarkScene:
    """A scene that rows are measured on.

    Args:
        name: in the names of the rows.
        folder: where it lies, or will lie.
        recipe: how it is made; None: it has to be there.
    """

    name: str
    folder: Path
    recipe: CityRecipe | None = None

    def provide(self) -> None:
        """Make the scene, or make sure that it is there.

        Raises:
            InputError: it is not there and cannot be made.
        """
        if self.recipe is not None:
            self.recipe.make(self.folder)
        elif not self.folder.is_dir():
            raise InputError(f"{self.folder}: no such scene folder; add --data {self.name}=FOLDER")


def read_scenes(
    entries: Any, given: Mapping[str, Path], made: Path, config: Path, where: str
) -> dict[str, BenchmarkScene]:
    """The scenes of a matrix.

    Args:
        entries: name -> ``{folder: PATH}``, relative to the YAML file, or the keys of :class:`CityRecipe`.
        given: name -> folder that takes the place of what the file says.
        made: folder in which cities are made.
        config: the YAML file.
        where: how messages name the place.

    Raises:
        InputError: a mistake in the entries; a given name that is not among them.
    """
    if not isinstance(entries, Mapping) or not entries:
        raise InputError(
            f"{where}: expected a mapping of names, each with folder: PATH or with seed:, views: and size:"
        )
    for name in given:
        if name not in entries:
            raise InputError(f"--data {name}=...: {config} has the scenes {', '.join(map(str, entries))}")
    scenes = {}
    for name, entry in entries.items():
        if name in given:
            scenes[name] = BenchmarkScene(name, given[name])
        elif isinstance(entry, Mapping) and set(entry) == {"folder"} and isinstance(entry["folder"], str):
            scenes[name] = BenchmarkScene(name, config.parent / entry["folder"])
        elif isinstance(entry, Mapping):
            recipe = settings_from(CityRecipe, entry, f"{where}: {name}")
            scenes[name] = BenchmarkScene(name, made / recipe.folder_name, recipe)
        else:
            raise InputError(f"{where}: {name}: {entry!r}; expected folder: PATH, or seed:, views: and size:")
    return scenes
