"""How many pixels an exported map lies beside the photos it was made from.

python scripts/ortho_shift.py --load-config CONFIG --map DIR prints the median shift between rgb.tif of the map and a
mosaic of the photos, each warped by its pose onto the level ground; --picture FILE.png lays both side by side.
"""

import json
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from PIL import Image

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import replacing
from nerfseg_ns.evaluation.map_shift import measure_shift
from nerfseg_ns.evaluation.trained_run import load_run
from nerfseg_ns.exports.geotiff import raster_io
from nerfseg_ns.exports.map_folder import MapFolder
from nerfseg_ns.selection.run_scene import RunScene


@dataclass
class Options:
    """Options of the script."""

    load_config: Path
    """The config.yml of the run that the map was made from."""
    map: Path
    """The --output-dir of nerfseg export orthomap, with rgb and height."""
    patch: int = 128
    """Pixels of a side of the patches that are compared."""
    picture: Path | None = None
    """PNG of the map and the mosaic side by side."""


def main(options: Options) -> None:
    """Measure and print JSON."""
    folder = MapFolder.read(options.map)
    with redirect_stdout(sys.stderr):  # nerfstudio tells there what it loads
        scene = RunScene.from_run(load_run(options.load_config, "train"))
    cameras = [scene.camera(view) for view in range(len(scene.names))]
    measured = measure_shift(folder, cameras, scene.image, scene.frame, options.patch)
    if options.picture is not None:
        with raster_io().open(folder.layer("rgb")) as file:
            rgb = np.moveaxis(file.read((1, 2, 3)), 0, -1)
        with replacing(options.picture) as temporary:
            Image.fromarray(np.concatenate([rgb, measured.mosaic], axis=1)).save(temporary)
    print(json.dumps(measured.record(folder.grid.gsd), indent=1))


if __name__ == "__main__":
    try:
        main(tyro.cli(Options, description=__doc__))
    except InputError as error:
        raise SystemExit(error.code) from None
