"""``nerfseg export orthomap``: a georeferenced map, seen straight from above."""

import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from nerfseg_ns.exports.map_folder import DESCRIPTION, MapFolder, layer_file
from nerfseg_ns.exports.map_layers import LayerName
from nerfseg_ns.exports.map_rendering import MapOptions, render_map


@dataclass(kw_only=True)
class OrthomapOptions(MapOptions):
    """Options of ``nerfseg export orthomap``."""

    load_config: Path
    """The config.yml of the run. It can run code: load only files that you trust."""
    output_dir: Path
    """Where the files go."""
    gsd: float
    """Ground sampling distance: the side of a pixel, in metres of the map."""
    layers: tuple[LayerName, ...] | None = None
    """Unset: rgb, class, confidence and height, and objects where --objects are given."""
    overwrite: bool = False
    """Replace existing files."""


def main(arguments: list[str]) -> None:
    """Run the command.

    Raises:
        InputError: a mistake in the options, the files or the run.
    """
    options = tyro.cli(
        OrthomapOptions,
        args=arguments,
        prog="nerfseg export orthomap",
        description="Render a map of the scene, seen straight from above: rgb.tif, class.tif, confidence.tif "
        "(percent), height.tif (metres) and objects.tif, Cloud-Optimised GeoTIFF for QGIS and others. Stopped with "
        "Ctrl+C, the same command goes on where it was.",
    )
    try:
        written = orthomap(options)
    except KeyboardInterrupt:
        print("finished tiles are kept: the same command goes on from there", file=sys.stderr)
        raise
    for name in written.layers:
        print(layer_file(written.path, name))
    print(written.path / DESCRIPTION)


def orthomap(options: OrthomapOptions) -> MapFolder:
    """Make the map.

    Raises:
        InputError: see :func:`~nerfseg_ns.exports.map_rendering.render_map`.
    """
    layers: tuple[LayerName, ...] = ("rgb", "class", "confidence", "height")
    if options.layers is not None:
        layers = options.layers
    elif options.objects:
        layers = (*layers, "objects")
    return render_map(
        options.load_config, options, options.gsd, layers, options.output_dir, overwrite=options.overwrite
    )
