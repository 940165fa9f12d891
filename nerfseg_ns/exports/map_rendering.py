"""Rendering a map of a run: tiles that survive an interruption, then GeoTIFF files."""

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.georeference import MapProjection
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import refuse_existing
from nerfseg_ns.evaluation.trained_run import LoadedRun, load_run
from nerfseg_ns.exports.geotiff import raster_io
from nerfseg_ns.exports.map_extent import SeenSurface
from nerfseg_ns.exports.map_folder import MapFolder, map_files
from nerfseg_ns.exports.map_grid import MapGrid, Tile, check_gsd, typed_bounds
from nerfseg_ns.exports.map_layers import LayerName, layer_values
from nerfseg_ns.exports.map_options import MapOptions, check_size
from nerfseg_ns.exports.map_writing import any_seen, write_layers
from nerfseg_ns.exports.observed_ground import ObservedGround
from nerfseg_ns.exports.orthographic_view import OrthographicView
from nerfseg_ns.exports.run_objects import RunObjects
from nerfseg_ns.exports.surface_search import find_surface
from nerfseg_ns.exports.tile_store import TileStore
from nerfseg_ns.selection.console_listener import console_listener
from nerfseg_ns.selection.selector import Listener

TILES = ".tiles"
"""Folder of the finished tiles, in the folder of the map until that is whole."""
_OF_CLASSES = ("class", "confidence")


@dataclass(eq=False)
class MapRenderer:
    """Renders the map of a run into tiles.

    Args:
        run: with its training views.
        projection: of the map.
        objects: of the layer of objects.
        layers: to render; those that the run has nothing for are dropped with a note.
        minimum_views: see :class:`MapOptions`.
    """

    run: LoadedRun
    projection: MapProjection
    objects: RunObjects
    layers: list[str]
    minimum_views: int
    ground: ObservedGround | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.minimum_views > len(self.run.dataset):
            raise InputError(
                f"--minimum-views {self.minimum_views}: the run has {len(self.run.dataset)} training views"
            )
        if self.classes is None:
            kept = [name for name in self.layers if name not in _OF_CLASSES]
            if kept != self.layers:
                _note("the run has learned no classes: layers class and confidence are left out")
            self.layers = kept
        if not self.layers:
            raise InputError(
                "--layers: the run has learned no classes, and no other layer is asked for; train stage 2 on labels, "
                "or ask for rgb and height"
            )

    @property
    def classes(self) -> ClassTable | None:
        """The classes that the model can tell; None when it has learned none."""
        table = self.run.class_table
        return table if table is not None and getattr(self.run.pipeline.model, "stage", 1) == 2 else None

    def look(self, listener: Listener) -> ObservedGround:
        """What the training views see, rendered when it is first asked for."""
        if self.ground is None:
            self.ground = ObservedGround.of_run(self.run, listener)
        return self.ground

    def surface(self, listener: Listener) -> SeenSurface:
        """What the training views see, in map coordinates."""
        return self.look(listener).surface(self.run.frame, self.projection)

    def tile(self, view: OrthographicView, grid: MapGrid, tile: Tile, listener: Listener) -> dict[str, np.ndarray]:
        """The layers of a tile, [bands, h, w]."""
        places = grid.centres(tile).reshape(-1, 2)
        if self.minimum_views:
            pixels, seen = find_surface(view, self.look(listener), places, self.minimum_views)
        else:
            pixels = view.render(places)
            seen = pixels.solid
        objects = self.objects.at(pixels.surface).cpu().numpy() if len(self.objects) else None
        return layer_values(self.layers, pixels, seen, objects, (tile.height, tile.width))


def render_map(
    config: Path,
    options: MapOptions,
    gsd: float,
    layers: Sequence[LayerName],
    folder: Path,
    overwrite: bool = False,
    needed: LayerName | None = None,
) -> MapFolder:
    """Render a map of a run and write its files.

    An interrupted call leaves its finished tiles in the folder, and the same call goes on from there.

    Args:
        config: the run's config.yml.
        options: of the map.
        gsd: side of a pixel, metres of the map.
        layers: to write.
        folder: for the files.
        overwrite: replace existing files.
        needed: a layer without which the map is of no use.

    Raises:
        InputError: a mistake in the options, the run or the objects; no classes for the needed layer; a map that is too
            large; bounds that no training view sees; files that exist.
    """
    check_gsd(gsd)
    options.check()
    wanted = list(dict.fromkeys(layers))
    if "objects" in wanted and not options.objects:
        raise InputError("--layers objects: which ones? Add --objects NAME.npz, files that nerfseg segment wrote")
    if not overwrite:
        refuse_existing(map_files(folder, wanted))
    raster_io()
    if options.bounds is not None:
        check_size(MapGrid.covering(options.bounds, gsd), wanted, folder, options.maximum_pixels)
    run = load_run(config, "train")
    projection = options.projection(run)
    objects = RunObjects.read(options.objects, run.frame, run.pipeline.model.device)
    renderer = MapRenderer(run, projection, objects, [str(name) for name in wanted], options.minimum_views)
    if needed is not None and needed not in renderer.layers:
        raise InputError(f"{config}: the run has learned no classes: train stage 2 on labels first")
    if projection.crs is None:
        _note("nothing says where on the Earth the scene lies: the map has no CRS, its metres are those of the poses")
    store = TileStore.open(folder / TILES, _settings(run, renderer, options, gsd), discard=overwrite)
    with console_listener() as listener:
        grid, heights = _extent(renderer, store, options, gsd, folder, listener)
        view = OrthographicView(
            run.pipeline.model, run.frame, projection, heights, 0 if renderer.classes is None else len(renderer.classes)
        )
        tiles = grid.tiles(options.tile)
        left = [tile for tile in tiles if not store.has(tile)]
        if 0 < len(left) < len(tiles):
            _note(f"going on: {len(tiles) - len(left)} of {len(tiles)} tiles are there")
        for done, tile in enumerate(left):
            listener.step("rendering the map", done, len(left))
            store.write(tile, renderer.tile(view, grid, tile, listener))
        listener.step("rendering the map", len(left), max(1, len(left)))
        description = MapFolder(
            folder,
            grid,
            projection,
            tuple(renderer.layers),
            renderer.classes if "class" in renderer.layers else None,
            objects.names if "objects" in renderer.layers else (),
            objects.class_names if "objects" in renderer.layers else (),
            heights,
            options.minimum_views,
            {"config": str(config), "checkpoint": run.checkpoint.name, "step": run.step},
        )
        if not any_seen(description, store, tiles):
            store.delete()
            raise InputError(
                f"{typed_bounds(grid.bounds)}: no pixel there has a surface that {options.minimum_views} training "
                "views see; choose other --bounds, other --heights or a lower --minimum-views"
            )
        write_layers(description, store, tiles, listener)
    description.write()
    store.delete()
    return description


def _settings(run: LoadedRun, renderer: MapRenderer, options: MapOptions, gsd: float) -> dict[str, Any]:
    checkpoint = run.checkpoint.stat()
    place = renderer.projection.georeference
    return {
        "checkpoint": [run.checkpoint.name, checkpoint.st_size, checkpoint.st_mtime_ns],
        "gsd": gsd,
        "crs": renderer.projection.crs,
        "origin": place and place.record(),
        "bounds": options.bounds,
        "heights": options.heights,
        "layers": renderer.layers,
        "objects": [hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in options.objects],
        "minimum_views": options.minimum_views,
        "tile": options.tile,
    }


def _extent(
    renderer: MapRenderer, store: TileStore, options: MapOptions, gsd: float, folder: Path, listener: Listener
) -> tuple[MapGrid, tuple[float, float]]:
    if store.found is not None:
        bottom, top = store.found["heights"]
        return MapGrid(**store.found["grid"]), (bottom, top)
    surface = renderer.surface(listener)
    bounds = surface.bounds() if options.bounds is None else options.bounds
    if not surface.overlaps(bounds):
        raise InputError(
            f"{typed_bounds(bounds)}: no training view sees anything there; the scene lies within "
            f"{typed_bounds(surface.bounds())} of {renderer.projection.crs or 'its own coordinates'}"
        )
    heights = surface.heights() if options.heights is None else options.heights
    grid = MapGrid.covering(bounds, gsd)
    check_size(grid, renderer.layers, folder, options.maximum_pixels)
    store.decide({"grid": vars(grid), "heights": heights})
    return grid, heights


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)
