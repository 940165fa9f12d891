"""A finished map: its GeoTIFF files and ``orthomap.json``, which says what they are."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.georeference import Georeference, MapProjection
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import write_whole_text
from nerfseg_ns.exports.geotiff import sidecar
from nerfseg_ns.exports.map_grid import MapGrid

FORMAT = 1
DESCRIPTION = "orthomap.json"


@dataclass(frozen=True)
class MapFolder:
    """What a map holds.

    Args:
        path: the folder; LAYER.tif for each layer.
        grid: the pixels of every layer.
        projection: its coordinates.
        layers: names.
        classes: of the class layer; None without one.
        objects: names of the objects, whose ids are 1, 2, ...
        object_classes: what each of them is; None where nobody has said.
        heights: bottom and top between which the surface was looked for.
        minimum_views: so many training views see every pixel that has a value.
        run: config.yml, checkpoint and step that it was made from.
    """

    path: Path
    grid: MapGrid
    projection: MapProjection
    layers: tuple[str, ...]
    classes: ClassTable | None
    objects: tuple[str, ...]
    object_classes: tuple[str | None, ...]
    heights: tuple[float, float]
    minimum_views: int
    run: dict[str, Any]

    def layer(self, name: str) -> Path:
        """The file of a layer.

        Raises:
            InputError: the map has no such layer, or its file is gone.
        """
        if name not in self.layers:
            raise InputError(
                f"{self.path}: the map has no layer {name!r}, only {', '.join(self.layers)}; make it again: "
                f"nerfseg export orthomap --layers {' '.join((*self.layers, name))}"
            )
        path = layer_file(self.path, name)
        if not path.is_file():
            raise InputError(f"{path}: no such file, although {DESCRIPTION} names it; make the map again")
        return path

    @property
    def height_reference(self) -> str:
        """What heights are measured from."""
        return "z of the input poses" if self.projection.crs is None else "WGS84 ellipsoid"

    def write(self) -> None:
        """Write the description.

        Raises:
            InputError: the folder cannot be written.
        """
        georeference = self.projection.georeference
        record = {
            "format": FORMAT,
            "crs": self.projection.crs,
            "georeference": georeference and georeference.record(),
            "gsd": self.grid.gsd,
            "bounds": list(self.grid.bounds),
            "size": [self.grid.width, self.grid.height],
            "layers": {name: layer_file(self.path, name).name for name in self.layers},
            "classes": None if self.classes is None else [asdict(entry) for entry in self.classes.classes],
            "objects": list(self.objects),
            "object_classes": list(self.object_classes),
            "height_reference": self.height_reference,
            "searched_heights": list(self.heights),
            "minimum_views": self.minimum_views,
            "run": self.run,
        }
        write_whole_text(self.path / DESCRIPTION, json.dumps(record, indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, path: Path) -> "MapFolder":
        """Read a description.

        Raises:
            InputError: the folder holds no finished map.
        """
        file = path / DESCRIPTION
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            if record["format"] != FORMAT:
                raise InputError(f"{file}: format {record['format']}; this release reads format {FORMAT}")
            west, _, _, north = record["bounds"]
            width, height = record["size"]
            place = record["georeference"]
            georeference = None if place is None else Georeference.from_record(place, str(file))
            classes = record["classes"]
            low, high = record["searched_heights"]
            return cls(
                path,
                MapGrid(float(west), float(north), float(record["gsd"]), int(width), int(height)),
                MapProjection(georeference, record["crs"]),
                tuple(record["layers"]),
                None if classes is None else ClassTable.from_records(classes, str(file)),
                tuple(record["objects"]),
                tuple(record["object_classes"]),
                (float(low), float(high)),
                int(record["minimum_views"]),
                record["run"],
            )
        except FileNotFoundError:
            raise InputError(
                f"{file}: no such file; expected the --output-dir of a finished nerfseg export orthomap"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{file}: not the description of a map ({error!r})") from None


def layer_file(folder: Path, name: str) -> Path:
    """The GeoTIFF of a layer."""
    return folder / f"{name}.tif"


def map_files(folder: Path, layers: Sequence[str]) -> list[Path]:
    """All files of a map."""
    files = [layer_file(folder, name) for name in layers]
    files += [sidecar(path) for name, path in zip(layers, files) if name in ("class", "objects")]
    return [*files, folder / DESCRIPTION]
