"""The camera export of Google Earth Studio ("3D tracking data", JSON) and its footage, read and checked."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from nerfseg_ns.core.geocentric import east_north_up, from_geocentric, rotation_by_angles, to_geocentric
from nerfseg_ns.core.georeference import FARTHEST, Georeference
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import read_image_header
from nerfseg_ns.data.footage import read_footage

_EXPECTED = (
    "expected the 3D tracking data that Google Earth Studio writes as JSON with the footage: "
    '{"width", "height", "cameraFrames": [{"position", "rotation", "coordinate", "fovVertical"}, ...]}'
)


@dataclass(frozen=True, eq=False)
class GoogleEarthExport:
    """The cameras and images of an export, one row a frame.

    Args:
        file: the JSON file.
        width, height: of the images, pixels.
        numbers: the frames' positions in the file's ``cameraFrames``.
        images: their files.
        places: longitude, latitude (degrees, WGS84) and altitude (metres above the ellipsoid) of the cameras.
        rotations: camera (OpenCV axes) to ECEF directions.
        fov_vertical: field of view from the lower to the upper edge, degrees.
        positions: the file's second statement of the camera positions, metres on ECEF axes, from the Earth's centre
            ("Global") or from a track point ("Local"); None when frames lack it.
    """

    file: Path
    width: int
    height: int
    numbers: tuple[int, ...]
    images: tuple[Path, ...]
    places: Float64[np.ndarray, "frames 3"]
    rotations: Float64[np.ndarray, "frames 3 3"]
    fov_vertical: Float64[np.ndarray, " frames"]
    positions: Float64[np.ndarray, "frames 3"] | None

    @classmethod
    def read(cls, data: Path, footage: Path | None = None) -> "GoogleEarthExport":
        """Read an export.

        Args:
            data: its JSON file, or the folder that holds it.
            footage: folder of the images; None: ``footage`` beside the JSON file.

        Raises:
            InputError: there is no such export; a frame lacks a number or has one out of range; images are missing or
                more than frames.
        """
        file, document = _find_document(data)
        frames = document["cameraFrames"]
        places, angles, positions, fov = [], [], [], []
        for number, frame in enumerate(frames):
            source = f"{file}, frame {number}"
            if not isinstance(frame, dict):
                raise InputError(f"{source}: {str(frame)[:60]!r} instead of a camera; {_EXPECTED}")
            places.append(_place(frame, source))
            angles.append(_numbers(frame.get("rotation"), "xyz", "rotation", source))
            if frame.get("position") is not None:
                positions.append(_numbers(frame["position"], "xyz", "position", source))
            fov.append(_fov(frame, source))
        return cls(
            file=file,
            width=_size(document, "width", file),
            height=_size(document, "height", file),
            numbers=tuple(range(len(frames))),
            images=read_footage(footage if footage is not None else file.parent / "footage", len(frames)),
            places=np.array(places),
            rotations=rotation_by_angles(np.array(angles)),
            fov_vertical=np.array(fov),
            positions=np.array(positions) if len(positions) == len(frames) else None,
        )

    def __len__(self) -> int:
        return len(self.numbers)

    def frames(self, rows: Iterable[int]) -> "GoogleEarthExport":
        """The export with these of its rows only."""
        kept = list(rows)
        return replace(
            self,
            numbers=tuple(self.numbers[row] for row in kept),
            images=tuple(self.images[row] for row in kept),
            places=self.places[kept],
            rotations=self.rotations[kept],
            fov_vertical=self.fov_vertical[kept],
            positions=None if self.positions is None else self.positions[kept],
        )

    def distinct(self) -> list[int]:
        """The rows whose camera no earlier row has; a camera that stands still repeats itself frame by frame."""
        rows: dict[tuple, int] = {}
        for row in range(len(self)):
            camera = (self.places[row], self.rotations[row].ravel(), self.fov_vertical[row : row + 1])
            key = tuple(np.concatenate([part.round(digits) for part, digits in zip(camera, (8, 7, 6))]).tolist())
            rows.setdefault(key, row)
        return list(rows.values())

    def georeference(self, altitude: float = 0.0) -> Georeference:
        """Local east, north and up at the place below the middle of the cameras.

        The middle is taken in geocentric coordinates, so that it is right across the antimeridian and at the poles.

        Args:
            altitude: of the origin, metres above the ellipsoid.

        Raises:
            InputError: a camera is farther from there than the frame is good for.
        """
        points = to_geocentric(self.places)
        longitude, latitude, _ = from_geocentric(points.mean(axis=0, keepdims=True))[0]
        georeference = Georeference(float(latitude), float(longitude), altitude)
        away = np.linalg.norm(points - to_geocentric(np.array([[longitude, latitude, altitude]])), axis=1)
        farthest = int(away.argmax())
        if away[farthest] > FARTHEST:
            raise InputError(
                f"{self.file}: the camera of frame {self.numbers[farthest]} is {away[farthest] / 1000:,.0f} km from "
                f"the place below the middle of all ({latitude:.4f}, {longitude:.4f}); at most "
                f"{FARTHEST / 1000:,.0f} km can be one scene. Use the part of the flight that is near the ground: "
                "--frame-range FIRST LAST"
            )
        return georeference

    def poses(self, georeference: Georeference) -> Float64[np.ndarray, "frames 4 4"]:
        """Camera-to-world in local east, north and up (metres), OpenCV camera axes."""
        poses = np.tile(np.eye(4), (len(self), 1, 1))
        poses[:, :3, :3] = east_north_up(georeference.latitude, georeference.longitude) @ self.rotations
        poses[:, :3, 3] = georeference.from_geodetic(self.places)
        return poses

    def focal_lengths(self) -> Float64[np.ndarray, " frames"]:
        """Focal lengths in pixels, the same in x and y."""
        return self.height / 2 / np.tan(np.radians(self.fov_vertical) / 2)

    def check_positions(self) -> None:
        """Compare ``position`` with ``coordinate``: on ECEF axes they differ by one shift, which is 0 for "Global".

        Raises:
            InputError: they disagree.
        """
        if self.positions is None or len(self) < 2:
            return
        points = to_geocentric(self.places)
        shifts = self.positions - points
        error = np.linalg.norm(shifts - np.median(shifts, axis=0), axis=1)
        size = np.linalg.norm(points - points.mean(axis=0), axis=1).max()
        worst = int(error.argmax())
        # altitudes above the sea in place of those above the ellipsoid shift all points alike, to a metre in 100 km
        if error[worst] > 1.0 + 1e-3 * size:
            raise InputError(
                f"{self.file}, frame {self.numbers[worst]}: position and coordinate disagree by {error[worst]:,.1f} m; "
                "expected metres on geocentric axes (Global) or the same from a track point (Local). Export it again, "
                "or add --ignore-position to go by coordinate and rotation alone"
            )

    def check_images(self) -> None:
        """Compare the sizes of the images with the JSON file.

        Raises:
            InputError: an image cannot be read or has another size.
        """
        for image in self.images:
            header = read_image_header(image)
            if (header.width, header.height) != (self.width, self.height):
                raise InputError(
                    f"{image}: the image is {header.width}x{header.height} pixels, but {self.file} says "
                    f"{self.width}x{self.height}. Use the images as they were exported (--downscale-factor reduces "
                    "them), or write their size into the file if all of them were reduced alike"
                )


def _find_document(data: Path) -> tuple[Path, dict[str, Any]]:
    """The camera file and what it holds."""
    if data.is_file():
        document = _read_json(data)
        if not _is_export(document):
            hint = "; this is a project, not an export" if isinstance(document, dict) and "scenes" in document else ""
            raise InputError(f"{data}: not a camera export{hint}; {_EXPECTED}")
        return data, document
    if not data.is_dir():
        raise InputError(f"{data}: no such folder or file (--data); {_EXPECTED}")
    files = sorted(data.glob("*.json"))
    found = [(file, document) for file in files if _is_export(document := _read_json(file, strict=False))]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{data}: holds {len(found)} camera exports; give one, such as --data {found[0][0]}")
    others = f" ({', '.join(file.name for file in files[:4])} are none)" if files else ""
    raise InputError(f"{data}: no camera export in it{others}; {_EXPECTED}")


def _read_json(file: Path, strict: bool = True) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        if not strict:
            return None
        raise InputError(f"{file}: not a JSON file ({error}); {_EXPECTED}") from None


def _is_export(document: Any) -> bool:
    frames = document.get("cameraFrames") if isinstance(document, dict) else None
    return isinstance(frames, list) and len(frames) > 0


def _size(document: dict[str, Any], name: str, file: Path) -> int:
    value = document.get(name)
    if not isinstance(value, (int, float)) or not isfinite(value) or value < 1 or value != int(value):
        raise InputError(f'{file}: "{name}" is {value!r}; expected the number of pixels of the images')
    return int(value)


def _numbers(record: Any, keys: Iterable[str], name: str, source: str) -> list[float]:
    values = []
    for key in keys:
        value = record.get(key) if isinstance(record, dict) else None
        if not isinstance(value, (int, float)) or not isfinite(value):
            raise InputError(f'{source}: "{name}" has {key} {value!r}; expected a number')
        values.append(float(value))
    return values


def _place(frame: dict[str, Any], source: str) -> list[float]:
    """Longitude in -180..180, latitude, altitude."""
    names = ("longitude", "latitude", "altitude")
    longitude, latitude, altitude = _numbers(frame.get("coordinate"), names, "coordinate", source)
    for name, value, most in (("longitude", longitude, 360.0), ("latitude", latitude, 90.0)):
        if abs(value) > most:
            raise InputError(f'{source}: "coordinate" has {name} {value:g}; expected -{most:g} to {most:g} degrees')
    return [(longitude + 180.0) % 360.0 - 180.0, latitude, altitude]


def _fov(frame: dict[str, Any], source: str) -> float:
    (value,) = _numbers(frame, ["fovVertical"], "cameraFrames", source)
    if not 0.0 < value < 180.0:
        raise InputError(f'{source}: "fovVertical" is {value:g}; expected degrees between 0 and 180')
    return value
