"""Writing PLY files: points and triangles with named properties."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Integer

from nerfseg_ns.core.whole_file import replacing

_TYPES = {"f8": "double", "f4": "float", "u1": "uchar", "u2": "ushort", "i4": "int"}


def write_ply(
    path: Path,
    properties: Mapping[str, np.ndarray],
    faces: Integer[np.ndarray, "faces 3"] | None = None,
    comments: tuple[str, ...] = (),
) -> None:
    """Write a binary PLY file, replacing the file at once.

    Args:
        path: the file.
        properties: name -> one value for each vertex; float64, float32, uint8, uint16 or int32.
        faces: indices of the corners of triangles.
        comments: lines for the header.

    Raises:
        InputError: the folder cannot be written.
        ValueError: properties of unequal length or of another type, or a comment of several lines.
    """
    counts = {len(values) for values in properties.values()}
    if len(counts) != 1 or any("\n" in comment for comment in comments):
        raise ValueError(f"properties of {sorted(counts)} values, or a comment of several lines")
    columns = []
    for name, values in properties.items():
        kind = f"{values.dtype.kind}{values.dtype.itemsize}"
        if kind not in _TYPES:
            raise ValueError(f"property {name}: {values.dtype}; expected one of {', '.join(_TYPES)}")
        columns.append((name, f"<{kind}"))
    vertices = np.empty(counts.pop(), dtype=columns)
    for name, values in properties.items():
        vertices[name] = values
    header = ["ply", "format binary_little_endian 1.0", *(f"comment {comment}" for comment in comments)]
    header += [f"element vertex {len(vertices)}"]
    header += [f"property {_TYPES[kind[1:]]} {name}" for name, kind in columns]
    if faces is not None:
        header += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write("\n".join([*header, "end_header", ""]).encode())
        file.write(vertices.tobytes())
        if faces is not None:
            triangles = np.empty(len(faces), dtype=[("corners", "u1"), ("vertices", "<i4", 3)])
            triangles["corners"], triangles["vertices"] = 3, faces
            file.write(triangles.tobytes())
