"""Point clouds as LAS 1.4, plain or compressed (LAZ)."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, UInt8, UInt16

from nerfseg_ns.core.georeference import geodesy
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import replacing

POINT_FORMAT = 7
"""Colour, 256 classes, no waveforms."""
_AT_ONCE = 1 << 20
_USER = "nerfseg_ns"
_LONGEST_RECORD = 65535  # bytes of a variable length record


@dataclass(frozen=True, eq=False)
class LasPoints:
    """What is written of each point.

    Args:
        positions: easting, northing, height.
        colours: RGB, 0..1.
        codes: LAS classification.
        class_ids: ids of the scene's classes, 255 without one.
        object_ids: 0 without an object.
        confidence: 0..1.
    """

    positions: Float64[np.ndarray, "points 3"]
    colours: Float32[np.ndarray, "points 3"]
    codes: UInt8[np.ndarray, " points"]
    class_ids: UInt8[np.ndarray, " points"]
    object_ids: UInt16[np.ndarray, " points"]
    confidence: Float32[np.ndarray, " points"]


def laspy_package() -> Any:
    """The package laspy.

    Raises:
        InputError: it is not installed.
    """
    try:
        import laspy
    except ImportError:
        raise InputError(
            "LAS and LAZ need the package laspy, which is not installed: pip install 'nerfseg-ns[geo]', or in a "
            "checkout: bash scripts/setup.sh; or write --format ply, which needs nothing"
        ) from None
    return laspy


def write_las(
    path: Path,
    points: LasPoints,
    crs: str | None,
    code_names: Mapping[int, str],
    description: Mapping[str, Any],
    resolution: float = 0.001,
) -> None:
    """Write LAS 1.4, point format 7, replacing the file at once.

    Extra dimensions: ``class_id`` (uint8), ``object_id`` (uint16), ``confidence`` (float32). Records: the CRS as WKT,
    the standard's classification lookup, and ``description`` as JSON (user nerfseg_ns, record 1).

    Args:
        path: a name that ends in .las, or in .laz for a compressed file.
        points: at least one.
        crs: of the positions; None: no CRS.
        code_names: names of the codes, for programs that show them.
        description: what the ids mean.
        resolution: step of the stored coordinates, their unit.

    Raises:
        InputError: a package is missing, or the folder cannot be written.
    """
    laspy = laspy_package()
    header = laspy.LasHeader(version="1.4", point_format=POINT_FORMAT)
    header.system_identifier, header.generating_software = "nerfseg_ns", "nerfseg_ns"
    header.scales = np.full(3, resolution)
    # whole metres in the middle: readers that use float32 after the offset keep millimetres
    header.offsets = np.round((points.positions.min(axis=0) + points.positions.max(axis=0)) / 2)
    for name, kind, text in (
        ("class_id", np.uint8, "id of the class, 255: none"),
        ("object_id", np.uint16, "id of the object, 0: none"),
        ("confidence", np.float32, "probability of the class"),
    ):
        header.add_extra_dim(laspy.ExtraBytesParams(name=name, type=kind, description=text))
    if crs is not None:
        system = geodesy().CRS.from_user_input(crs)
        header.add_crs(system)
        # LAS 1.4 asks for the first WKT (OGC 01-009); laspy writes WKT 2, which many readers do not know
        with suppress(geodesy().exceptions.CRSError):  # few systems cannot be said in it
            header.vlrs.get("WktCoordinateSystemVlr")[0].string = system.to_wkt("WKT1_GDAL")
    from laspy.vlrs.known import ClassificationLookupVlr

    lookup = ClassificationLookupVlr()
    for code in range(256):  # the record always has all of them
        name = code_names.get(code, "")
        lookup[code] = name.encode("ascii", "replace").decode()[:15]
    header.vlrs.append(lookup)
    record = json.dumps(description, ensure_ascii=False).encode()
    if len(record) <= _LONGEST_RECORD:
        header.vlrs.append(laspy.VLR(_USER, 1, "meaning of the ids, JSON", record))
    with replacing(path) as temporary, laspy.open(temporary, mode="w", header=header) as file:
        for start in range(0, len(points.positions), _AT_ONCE):
            file.write_points(_record(laspy, file.header, points, slice(start, start + _AT_ONCE)))


def _record(laspy: Any, header: Any, points: LasPoints, rows: slice) -> Any:
    positions = points.positions[rows]
    record = laspy.ScaleAwarePointRecord.zeros(len(positions), header=header)
    record.x, record.y, record.z = positions.T
    levels = (points.colours[rows].clip(0.0, 1.0) * 255.0).round().astype(np.uint16) * np.uint16(257)
    record.red, record.green, record.blue = levels.T
    record.classification = points.codes[rows]
    record.return_number = np.ones(len(positions), dtype=np.uint8)
    record.number_of_returns = np.ones(len(positions), dtype=np.uint8)
    record.class_id, record.object_id = points.class_ids[rows], points.object_ids[rows]
    record.confidence = points.confidence[rows]
    return record
