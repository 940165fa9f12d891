"""The demonstration city on disk as a camera export of Google Earth Studio, with labels and the truth for maps."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nerfseg_ns.core.geocentric import angles_of_rotation, east_north_up, to_geocentric
from nerfseg_ns.core.georeference import Georeference, geodesy
from nerfseg_ns.core.whole_file import replacing, write_whole_text
from nerfseg_ns.scene.city import City
from nerfseg_ns.scene.city_truth import TRUTH_FILES, geometry_package, write_truth
from nerfseg_ns.scene.renderer import Renderer, View
from nerfseg_ns.scene.scene_writer import CLASSES_FILE, claim_folder, write_classes, write_png
from nerfseg_ns.scene.trajectory import Camera

NAME = "city"
FRAMES_PER_SECOND = 30
JPEG_QUALITY = 95
_FRAME_FILE = re.compile(rf"{NAME}_\d+\.(jpeg|png)")


class GoogleEarthWriter:
    """Writes the frames of one film; the camera file comes last and marks a complete export.

    Args:
        out: folder of the export; made when it is missing.
        georeference: where on the Earth the city's x, y, z are east, north and up.
        overwrite: allow a folder that is not empty, and take away the export that it holds.

    Raises:
        InputError: ``out`` is a file, or is not empty and ``overwrite`` is off; pyproj or shapely is missing.
    """

    def __init__(self, out: Path, georeference: Georeference, overwrite: bool = False) -> None:
        geodesy(), geometry_package()  # before minutes of rendering
        self.out = out
        self._georeference = georeference
        self._frames: list[dict[str, Any]] = []
        self._size = 0
        claim_folder(out, overwrite, self._own_files)

    def _own_files(self) -> Iterable[Path]:
        yield self.out / f"{NAME}.json"
        yield self.out / CLASSES_FILE
        yield from (self.out / "truth" / name for name in TRUTH_FILES)
        for folder in ("footage", "labels", "instances"):
            yield from (path for path in (self.out / folder).glob("*") if _FRAME_FILE.fullmatch(path.name))

    def write_view(self, split: str, name: str, camera: Camera, view: View) -> None:
        """Write the picture, the labels and the object ids of one frame; the film has no splits."""
        stem = f"{NAME}_{name}"
        with replacing(self.out / "footage" / f"{stem}.jpeg") as temporary:
            Image.fromarray(view.colour).save(temporary, format="JPEG", quality=JPEG_QUALITY, subsampling=0)
        write_png(self.out / "labels" / f"{stem}.png", view.labels)
        write_png(self.out / "instances" / f"{stem}.png", view.instances)
        self._frames.append(camera_frame(camera, self._georeference))
        self._size = camera.size

    def finish(self, city: City, renderer: Renderer) -> None:
        """Write the class table, the truth and the camera file."""
        write_classes(self.out / CLASSES_FILE, city.mesh.objects)
        write_truth(self.out / "truth", city, renderer.caster, self._georeference)
        document = {
            "name": NAME,
            "width": self._size,
            "height": self._size,
            "numFrames": len(self._frames),
            "durationSeconds": len(self._frames) / FRAMES_PER_SECOND,
            "cameraFrames": self._frames,
            "trackPoints": [],
        }
        write_whole_text(self.out / f"{NAME}.json", json.dumps(document, indent=1) + "\n")


def camera_frame(camera: Camera, georeference: Georeference) -> dict[str, Any]:
    """One of ``cameraFrames``, with its position in the space "Global".

    Args:
        camera: a view of a scene with x east, y north and z up.
        georeference: where the scene lies.
    """
    place = georeference.to_geodetic(camera.pose[None, :3, 3])
    longitude, latitude, altitude = place[0].tolist()
    to_enu = east_north_up(georeference.latitude, georeference.longitude)
    return {
        "position": dict(zip("xyz", to_geocentric(place)[0].tolist())),
        "rotation": dict(zip("xyz", angles_of_rotation(to_enu.T @ camera.pose[:3, :3]))),
        "coordinate": {"latitude": latitude, "longitude": longitude, "altitude": altitude},
        "fovVertical": float(np.degrees(2 * np.arctan(camera.size / 2 / camera.intrinsics[1, 1]))),
    }
