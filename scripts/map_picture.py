"""The picture of an exported map: orthophoto, classes, heights, and polygons of one class over the orthophoto.

python scripts/map_picture.py --map DIR --polygons FILE.gpkg --out docs/pictures/map.png
"""

from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import tyro
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path as Outline

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import replacing
from nerfseg_ns.exports.geotiff import raster_io
from nerfseg_ns.exports.map_folder import MapFolder
from nerfseg_ns.exports.map_grid import Bounds


@dataclass
class Options:
    """Options of the script."""

    map: Path
    """The --output-dir of nerfseg export orthomap, with rgb, class and height."""
    polygons: Path
    """A GeoPackage of nerfseg export vectors."""
    out: Path
    """The PNG to write."""
    bounds: Bounds | None = None
    """WEST SOUTH EAST NORTH, metres from the lower left corner of the map. Unset: all of it."""


def main(options: Options) -> None:
    """Draw and write the picture."""
    matplotlib.use("agg")
    import pyogrio
    import shapely
    from matplotlib import pyplot as plt

    folder = MapFolder.read(options.map)
    if folder.classes is None:
        raise InputError(f"{options.map}: the map has no classes")
    layers = {}
    for name in ("rgb", "class", "height"):
        with raster_io().open(folder.layer(name)) as file:
            layers[name] = file.read(masked=name == "height")
    rgb = np.moveaxis(layers["rgb"], 0, -1).astype(float) / 255
    rgb = rgb[..., :3] * rgb[..., 3:] + 1 - rgb[..., 3:]
    ids, height = layers["class"][0], layers["height"][0]
    colours = np.ones((256, 3))
    colours[: len(folder.classes)] = folder.classes.colours.numpy() / 255
    west, south, east, north = folder.grid.bounds
    whole = (0.0, 0.0, east - west, north - south)
    part = whole if options.bounds is None else options.bounds
    across, up = part[2] - part[0], part[3] - part[1]
    figure, axes = plt.subplots(2, 2, figsize=(11, 10.6 * up / across + 0.8), dpi=110, layout="constrained")
    axes = axes.ravel()
    extent = (0.0, whole[2], 0.0, whole[3])
    titles = ("rgb.tif", "class.tif", "height.tif, metres", options.polygons.name)
    for axis, title, picture in zip(axes, titles, (rgb, colours[ids], None, rgb * 0.5 + 0.5)):
        axis.set_title(title, fontsize=11)
        axis.tick_params(labelsize=8)
        if picture is not None:
            axis.imshow(picture, extent=extent, interpolation="nearest")
    shown = axes[2].imshow(height, extent=extent, cmap="cividis", interpolation="nearest")
    figure.colorbar(shown, ax=axes[2], shrink=0.8, pad=0.01).ax.tick_params(labelsize=8)
    there = [entry for entry in folder.classes.classes if (ids == entry.id).mean() > 0.002]
    patches = [Patch(color=tuple(v / 255 for v in entry.rgb), label=entry.name) for entry in there]
    figure.legend(handles=patches, fontsize=9, loc="outside lower center", ncols=len(patches), frameon=False)
    _, _, outlines, _ = pyogrio.raw.read(options.polygons)
    for outline in shapely.from_wkb(outlines):
        for polygon in shapely.get_parts(outline):
            # holes are left open
            rings = [np.array(ring.coords) - (west, south) for ring in (polygon.exterior, *polygon.interiors)]
            path = Outline.make_compound_path(*(Outline(ring, closed=True) for ring in rings))
            axes[3].add_patch(PathPatch(path, facecolor="#d95f02b0", edgecolor="black", linewidth=0.8))
    for axis in axes:
        axis.set_xlim(part[0], part[2])
        axis.set_ylim(part[1], part[3])
    with replacing(options.out) as temporary:
        figure.savefig(temporary)


if __name__ == "__main__":
    try:
        main(tyro.cli(Options, description=__doc__))
    except InputError as error:
        raise SystemExit(error.code) from None
