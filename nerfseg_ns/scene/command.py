"""``nerfseg scene``: make a demonstration scene."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import tyro

from nerfseg_ns.core.georeference import Georeference
from nerfseg_ns.core.input_error import InputError

if TYPE_CHECKING:
    from nerfseg_ns.scene.google_earth_writer import GoogleEarthWriter
    from nerfseg_ns.scene.scene_writer import SceneWriter

MOST_VIEWS = 5000


@dataclass
class SceneCommand:
    """Make a demonstration scene: a procedural city seen from the air, with exact class labels and object ids.

    The scene has the folder layout of Carla-MVS: {train,test,validation}/{color,rgb,instances,pose,intrinsics} and
    classes.json; or it is a camera export of Google Earth Studio at a place on the Earth. Equal seeds give equal files.
    """

    out: tyro.conf.Positional[Path]
    """Folder to make; it must be new or empty."""

    views: int = 40
    """Training views. A quarter as many test views, at least 4, come from between them."""

    size: int = 160
    """Side of the square images in pixels."""

    seed: int = 0
    """Which city: another number gives other streets, buildings, trees, sun and flight."""

    layout: Literal["carla-mvs", "google-earth"] = "carla-mvs"
    """Files to write: for the dataparser carla-mvs-data, or for google-earth-data. The latter has one film of training
    and test views together, labels/, instances/, and in truth/ what maps of the city can be measured against."""

    latitude: float = 52.4735
    """Of the middle of the city, degrees north (google-earth only). Unset: the former airfield Tempelhof, Berlin."""

    longitude: float = 13.401
    """Of the middle of the city, degrees east (google-earth only)."""

    altitude: float = 88.0
    """Of the city's streets, metres above the ellipsoid (google-earth only)."""

    depth: bool = False
    """Write the true depth of every view as well: depth/NAME.npz, array depth, metres along the ray through the centre
    of each pixel, infinite for the sky (carla-mvs only)."""

    overwrite: bool = False
    """Replace the scene in a folder that is not empty."""

    def check(self) -> None:
        """Refuse values that make no scene.

        Raises:
            InputError: a value is out of its range.
        """
        for name, low, high in (("views", 4, MOST_VIEWS), ("size", 32, 4096), ("seed", 0, 2**32 - 1)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"--{name} {value} is out of range; it can be {low} to {high}")
        if self.depth and self.layout != "carla-mvs":
            raise InputError(f"--depth: the layout {self.layout} has no place for it; accepted: --layout carla-mvs")
        self.georeference()

    def georeference(self) -> Georeference:
        """Where the city stands in the layout of Google Earth Studio.

        Raises:
            InputError: a value is out of its range.
        """
        try:
            return Georeference(self.latitude, self.longitude, self.altitude)
        except InputError as error:
            raise InputError(f"--{error}") from None

    def writer(self) -> "SceneWriter | GoogleEarthWriter":
        """What writes the files of the layout.

        Raises:
            InputError: a folder that is not empty, or a missing package.
        """
        if self.layout == "google-earth":
            from nerfseg_ns.scene.google_earth_writer import GoogleEarthWriter

            return GoogleEarthWriter(self.out, self.georeference(), self.overwrite)
        from nerfseg_ns.scene.scene_writer import SceneWriter

        return SceneWriter(self.out, self.overwrite, self.depth)


def split_flight(views: int) -> list[str]:
    """``train`` or ``test`` for each view of the flight, the test views spread evenly between the training views.

    Args:
        views: training views.
    """
    tests = max(4, views // 4)
    total = views + tests
    at = {((2 * k + 1) * total) // (2 * tests) for k in range(tests)}
    return ["test" if i in at else "train" for i in range(total)]


def make_scene(command: SceneCommand) -> dict[str, float]:
    """Build the city, render the flight and write the scene.

    Returns:
        The share of the training pixels that each class has, by name.

    Raises:
        InputError: a value out of range, or a folder that is not empty.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from nerfseg_ns.scene.city import build_city
    from nerfseg_ns.scene.city_mesh import CLASS_NAMES
    from nerfseg_ns.scene.renderer import Renderer
    from nerfseg_ns.scene.trajectory import plan_flight

    command.check()
    writer = command.writer()
    splits = split_flight(command.views)
    digits = max(3, len(str(len(splits) - 1)))
    pixels = np.zeros(len(CLASS_NAMES), dtype=np.int64)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        bar = progress.add_task(f"building city {command.seed}", total=len(splits))
        city = build_city(command.seed)
        renderer = Renderer(city)
        cameras = plan_flight(len(splits), command.size, city.grid.half_size, city.roof_height, command.seed)
        progress.update(bar, description="rendering views")
        for index, (split, camera) in enumerate(zip(splits, cameras, strict=True)):
            name = f"{index:0{digits}d}"
            view = renderer.render(camera)
            writer.write_view(split, name, camera, view)
            if split == "train":
                pixels += np.bincount(view.labels.ravel(), minlength=len(pixels))
            progress.advance(bar)
        writer.finish(city, renderer)
    return {name: float(count) / int(pixels.sum()) for name, count in zip(CLASS_NAMES, pixels, strict=True)}


def main(arguments: list[str] | None = None) -> None:
    """Entry point of ``nerfseg scene``."""
    command = tyro.cli(SceneCommand, prog="nerfseg scene", args=arguments)
    start = time.perf_counter()
    try:
        shares = make_scene(command)
    except KeyboardInterrupt:
        print(f"{command.out} is incomplete; to make it anew, run the same command with --overwrite", file=sys.stderr)
        raise
    splits = split_flight(command.views)
    film = command.layout == "google-earth"
    views = f"{splits.count('train')} training and {splits.count('test')} test views"
    print(f"{command.out}: {f'{len(splits)} frames' if film else views} in {time.perf_counter() - start:.0f} s")
    print("share of the training pixels: " + ", ".join(f"{name} {share:.2%}" for name, share in shares.items()))
    missing = [name for name, share in shares.items() if share == 0]
    if missing:
        print(f"no pixel of {', '.join(missing)}: too few or too small views; raise --views or --size", file=sys.stderr)
