"""Reading the vertices of PLY files: text, and binary of either byte order."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nerfseg_ns.core.input_error import InputError

_TYPES = {
    **{"char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2"},
    **{"ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4"},
    **{"float": "f4", "float32": "f4", "double": "f8", "float64": "f8"},
}
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": None}
_LONGEST_HEADER = 1 << 16


@dataclass(frozen=True)
class PlyHeader:
    """What a PLY file says of its vertices.

    Args:
        order: "<" or ">" of binary numbers, None for text.
        count: of the vertices.
        properties: name and NumPy type of each, in the file's order.
        start: of the vertices: a byte of a binary file, a line of a text file.
    """

    order: str | None
    count: int
    properties: tuple[tuple[str, str], ...]
    start: int

    @property
    def row_bytes(self) -> int:
        """Bytes of a vertex in a binary file."""
        return sum(np.dtype(kind).itemsize for _, kind in self.properties)


def read_ply_header(path: Path) -> PlyHeader:
    """Read the header alone.

    Raises:
        InputError: a file that is missing or no PLY, a format or type that PLY does not have, vertices with lists, no
            vertices, or a file shorter than its header says.
    """
    try:
        with path.open("rb") as file:
            lines = _header_lines(path, file)
            start = file.tell()
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a PLY file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    header = _header(path, lines, start)
    needed = start + header.count * header.row_bytes
    if header.order is not None and size < needed:
        raise InputError(
            f"{path}: cut short: {header.count:,} vertices take {needed:,} bytes, and the file has {size:,}; copy or "
            "export it again"
        )
    return header


def read_ply_vertices(path: Path, header: PlyHeader) -> dict[str, np.ndarray]:
    """The vertices' properties, in the byte order of this machine.

    Args:
        path: the file.
        header: of :func:`read_ply_header`.

    Raises:
        InputError: a line of a text file is missing or is not the numbers that the header names.
    """
    names = [name for name, _ in header.properties]
    if header.order is None:
        return _read_text(path, header)
    row = np.dtype([(name, header.order + kind) for name, kind in header.properties])
    vertices = np.fromfile(path, dtype=row, count=header.count, offset=header.start)
    if len(vertices) < header.count:
        raise InputError(f"{path}: cut short: {len(vertices):,} of {header.count:,} vertices; copy or export it again")
    return {name: vertices[name].astype(vertices[name].dtype.newbyteorder("=")) for name in names}


def _header_lines(path: Path, file: BinaryIO) -> list[str]:
    if file.readline(16).strip() != b"ply":
        raise InputError(f"{path}: not a PLY file (it does not begin with the line ply)")
    lines: list[str] = []
    while file.tell() < _LONGEST_HEADER:
        line = file.readline(_LONGEST_HEADER)
        if not line.endswith(b"\n"):
            break
        text = line.decode("ascii", errors="replace").strip()
        if text == "end_header":
            return lines
        lines.append(text)
    raise InputError(f"{path}: its header does not end; the file is cut short or is no PLY file")


def _header(path: Path, lines: list[str], start: int) -> PlyHeader:
    order: str | None = None
    known = False
    count, element, before = -1, "", 0
    properties: list[tuple[str, str]] = []
    for line in lines:
        match line.split():
            case ["format", name, _] if name in _ORDERS:
                order, known = _ORDERS[name], True
            case ["element", name, number] if number.isdigit():
                element = name
                if name == "vertex":
                    count = int(number)
                elif count < 0 and int(number):
                    before += 1
            case ["property", kind, name] if kind in _TYPES:
                if element == "vertex":
                    properties.append((name, _TYPES[kind]))
            case ["property", "list", *_] if element != "vertex":
                pass
            case ["comment" | "obj_info", *_] | []:
                pass
            case _:
                raise InputError(f"{path}: the line {line[:60]!r} of its header; expected what PLY 1.0 allows")
    if not known:
        raise InputError(f"{path}: no format in its header; expected one of {', '.join(_ORDERS)}")
    if count < 1 or not properties:
        raise InputError(f"{path}: it has no vertices")
    if before:
        raise InputError(f"{path}: other elements stand before its vertices; write the vertices first")
    if len({name for name, _ in properties}) < len(properties):
        raise InputError(f"{path}: a property of its vertices is named twice")
    return PlyHeader(order, count, tuple(properties), len(lines) + 2 if order is None else start)


def _read_text(path: Path, header: PlyHeader) -> dict[str, np.ndarray]:
    try:
        # float64 holds every 32-bit number exactly
        rows = np.loadtxt(path, dtype=np.float64, skiprows=header.start, max_rows=header.count, ndmin=2, comments=None)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: its vertices cannot be read ({error})") from None
    if rows.shape != (header.count, len(header.properties)):
        raise InputError(
            f"{path}: cut short: {rows.shape[0]:,} lines of {rows.shape[1]} numbers; expected {header.count:,} of "
            f"{len(header.properties)}"
        )
    return {name: rows[:, i].astype(kind) for i, (name, kind) in enumerate(header.properties)}
