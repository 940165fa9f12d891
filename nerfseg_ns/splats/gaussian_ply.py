"""PLY files of Gaussians, as 3DGS, nerfstudio and most viewers write and read them."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.ply_file import write_ply
from nerfseg_ns.core.ply_reader import PlyHeader, read_ply_header, read_ply_vertices
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.harmonics import COUNTS

_REQUIRED = {
    "x y z": ("x", "y", "z"),
    "f_dc_0..2": ("f_dc_0", "f_dc_1", "f_dc_2"),
    "opacity": ("opacity",),
    "scale_0..2": ("scale_0", "scale_1", "scale_2"),
    "rot_0..3": ("rot_0", "rot_1", "rot_2", "rot_3"),
}
_SMALLEST_LOG_SCALE = -60.0  # e^-60: nothing that a float32 image could show
_LARGEST_LOG_SCALE = 40.0  # e^40: its square is still a float32 number
_LARGEST = 1e18  # of any other number, for the same reason


def read_gaussians(path: Path, drop_broken: bool = False) -> Gaussians:
    """Read Gaussians: x y z, f_dc_*, f_rest_* (degree 0 to 3), opacity, scale_*, rot_*; other properties are skipped.

    Args:
        path: the file, text or binary of either byte order.
        drop_broken: leave out Gaussians with numbers that are not finite, without a size or without a rotation.

    Raises:
        InputError: what :func:`~nerfseg_ns.core.ply_reader.read_ply_header` refuses; properties that are missing; a
            count of f_rest_* of no degree; more Gaussians than fit into memory; broken Gaussians, unless dropped.
    """
    header = read_ply_header(path)
    rest = _rest_names(path, header)
    _check_memory(path, header)
    values = read_ply_vertices(path, header)

    def columns(*names: str) -> np.ndarray:
        with np.errstate(over="ignore"):  # a double that is too large becomes infinite, and is named as such
            return np.stack([values[name].astype(np.float32) for name in names], axis=-1)

    constant = columns(*_REQUIRED["f_dc_0..2"])[:, None]
    # each colour's coefficients stand together in the file
    others = columns(*rest).reshape(header.count, 3, -1).transpose(0, 2, 1) if rest else constant[:, :0]
    arrays = (
        columns("x", "y", "z"),
        columns(*_REQUIRED["scale_0..2"]),
        columns(*_REQUIRED["rot_0..3"]),
        columns("opacity")[:, 0],
        np.concatenate([constant, others], axis=1),
    )
    broken = _broken(arrays)
    if broken and not drop_broken:
        reason, mask = next(iter(broken.items()))
        raise InputError(
            f"{path}: {int(mask.sum()):,} of {header.count:,} Gaussians {reason}, the first in vertex "
            f"{int(mask.argmax())}; --drop-broken leaves such Gaussians out"
        )
    gaussians = Gaussians(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays))
    if broken:
        gaussians = gaussians.where(torch.from_numpy(~np.logical_or.reduce(list(broken.values()))))
        if len(gaussians) == 0:
            raise InputError(f"{path}: none of its {header.count:,} Gaussians is whole")
    return gaussians


def write_gaussians(
    path: Path,
    gaussians: Gaussians,
    properties: Mapping[str, np.ndarray] | None = None,
    comments: tuple[str, ...] = (),
) -> None:
    """Write Gaussians as binary PLY, replacing the file at once.

    Args:
        path: the file.
        gaussians: positions are written as they are, float32.
        properties: more properties of each, such as object_id (int32); viewers skip what they do not know.
        comments: lines for the header.

    Raises:
        InputError: the folder cannot be written.
    """
    parts = gaussians.detached().to("cpu")
    rest = parts.harmonics[:, 1:].transpose(1, 2).reshape(len(parts), -1)
    columns = {
        **dict(zip("xyz", parts.means.unbind(-1))),
        **{name: torch.zeros(len(parts)) for name in ("nx", "ny", "nz")},  # unused, but some readers count columns
        **{f"f_dc_{i}": parts.harmonics[:, 0, i] for i in range(3)},
        **{f"f_rest_{i}": rest[:, i] for i in range(rest.shape[1])},
        "opacity": parts.opacity_logits,
        **{f"scale_{i}": parts.log_scales[:, i] for i in range(3)},
        **{f"rot_{i}": parts.quaternions[:, i] for i in range(4)},
    }
    arrays = {name: column.float().numpy() for name, column in columns.items()}
    write_ply(path, {**arrays, **(properties or {})}, comments=comments)


def _rest_names(path: Path, header: PlyHeader) -> list[str]:
    names = {name for name, _ in header.properties}
    missing = [group for group, members in _REQUIRED.items() if not names.issuperset(members)]
    if missing:
        colours = " It has red, green and blue: a point cloud, not Gaussians?" if {"red", "green"} <= names else ""
        if "packed_position" in names:
            colours = " It is SuperSplat's compressed form; export it there as an uncompressed PLY file."
        raise InputError(
            f"{path}: not a PLY file of Gaussians: it lacks {', '.join(missing)}; expected the properties of 3DGS: "
            f"{', '.join(_REQUIRED)} and f_rest_*.{colours}"
        )
    count = sum(name.startswith("f_rest_") for name in names)
    rest = [f"f_rest_{i}" for i in range(count)]
    accepted = [3 * (coefficients - 1) for coefficients in COUNTS]
    if count not in accepted or not names.issuperset(rest):
        raise InputError(
            f"{path}: {count} properties f_rest_*; expected {', '.join(map(str, accepted))}, for spherical harmonics "
            "of degree 0, 1, 2, 3"
        )
    return rest


def _check_memory(path: Path, header: PlyHeader) -> None:
    # the rows, the columns, the float32 copies and the tensors made of them
    needed = header.count * (3 * header.row_bytes + 8 * len(header.properties))
    free = available_bytes()
    if needed > free:
        raise InputError(
            f"{path}: {header.count:,} Gaussians take {needed / 2**30:.1f} GiB while they are read, and "
            f"{free / 2**30:.1f} GiB of memory are free; cut the scene into pieces, or reduce its Gaussians with the "
            "program that made it"
        )


def available_bytes() -> int:
    """Memory that is free on this machine."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _broken(arrays: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    """What is wrong -> which Gaussians; empty when all are whole."""
    means, log_scales, quaternions, opacities, harmonics = arrays
    sizeless = (log_scales < _SMALLEST_LOG_SCALE).any(axis=-1)
    # NaN is not below anything; fully opaque may be infinite
    finite = [
        (np.abs(array.reshape(len(array), -1)) < _LARGEST).all(axis=-1) for array in (means, quaternions, harmonics)
    ]
    finite += [(log_scales < _LARGEST_LOG_SCALE).all(axis=-1), ~np.isnan(opacities)]
    reasons = {
        "have numbers that are not finite (NaN, infinite, or too large to reckon with)": ~np.logical_and.reduce(finite),
        "have no size (a scale of 0)": sizeless,
        "have no rotation (a quaternion of length 0)": (np.abs(quaternions) < 1e-12).all(axis=-1),
    }
    return {reason: mask for reason, mask in reasons.items() if mask.any()}
