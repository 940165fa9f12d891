"""The samples of views on the disk."""

import hashlib
import os
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from nerfstudio.models.base_model import Model

from nerfseg_ns.core.array_file import DamagedFileError, read_arrays, write_arrays
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.packed_samples import PackedSamples
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.nerf.geometry_checkpoint import GEOMETRY_PREFIXES

FORMAT = "v1"  # goes up with every change of rendering or file layout, so that older files are not read
BYTES_ON_DISK = 8 * 2**30
"""What the samples of all runs may take; those of the runs used longest ago go first."""
_ARRAYS = ("counts", "along", "weights", "distance")
_SAMPLING = ("near_plane", "far_plane", "num_proposal_samples_per_ray", "num_nerf_samples_per_ray")


def geometry_hash(model: Model) -> str:
    """SHA-256 in hex of what decides about samples: weights of field and proposal networks, Gaussians, the sampling."""
    digest = hashlib.sha256(repr([getattr(model.config, name, None) for name in _SAMPLING]).encode())
    for name, value in sorted(model.state_dict().items()):
        if name.startswith((*GEOMETRY_PREFIXES, "gauss_params.", "camera_optimizer.")):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def camera_hash(camera: Pinhole, distortion: torch.Tensor | None) -> str:
    """SHA-256 in hex of a camera's rays."""
    numbers = [camera.fx, camera.fy, camera.cx, camera.cy, *camera.size]
    numbers += [] if distortion is None else distortion.reshape(-1).tolist()
    digest = hashlib.sha256(np.asarray(numbers, dtype=np.float64).tobytes())
    digest.update(camera.c2w.float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class SampleCache:
    """Samples of one model by camera, as npz files without pickle.

    A file that is damaged counts as absent and is written anew. When the folder cannot be written, a warning says so
    once and the work goes on from memory.

    Args:
        folder: see :func:`sample_folder`.

    Attributes:
        writable: False once a file could not be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writable = True

    def find(self, camera: str, size: tuple[int, int]) -> PackedSamples | None:
        """The samples of a camera of (h, w) pixels, None when there are none.

        Args:
            camera: :func:`camera_hash` of it.
            size: what its arrays must measure.
        """
        try:
            arrays = read_arrays(self.folder / f"{camera}.npz")
            packed = PackedSamples(*(arrays[name] for name in _ARRAYS))
        except (FileNotFoundError, DamagedFileError, KeyError):
            return None
        return packed if packed.consistent and packed.counts.shape == size else None

    def keep(self, camera: str, packed: PackedSamples) -> None:
        """Store samples."""
        if not self.writable:
            return
        try:
            write_arrays(self.folder / f"{camera}.npz", **{name: getattr(packed, name) for name in _ARRAYS})
        except (InputError, OSError) as error:
            self.writable = False
            warnings.warn(f"samples are not kept for the next run: {error}", stacklevel=2)

    def make_room(self, limit: int = BYTES_ON_DISK) -> int:
        """Delete samples of other models, those used longest ago first, until all fit.

        Returns:
            Bytes that the samples of all models take now.
        """
        with suppress(OSError):  # FileNotFoundError: another process has deleted it
            os.utime(self.folder)  # the time of use
        folders = {folder: _used_and_bytes(folder) for folder in _entries(self.folder.parent)}
        total = sum(size for _, size in folders.values())
        for folder, (_, size) in sorted(folders.items(), key=lambda item: item[1]):
            if total <= limit or folder == self.folder:
                break
            for file in _files(folder):
                with suppress(OSError):
                    file.unlink(missing_ok=True)
            total -= size
            with suppress(OSError):  # not empty: another program's files, or a sample that is being written
                folder.rmdir()
        return total


def sample_folder(cache: Path, geometry: str) -> Path:
    """Where the samples of one model lie: other weights, another folder."""
    return cache / "samples" / f"{geometry[:32]}-{FORMAT}"


def _entries(folder: Path) -> list[Path]:
    try:
        return [entry for entry in folder.iterdir() if entry.is_dir()]
    except OSError:
        return []


def _files(folder: Path) -> list[Path]:
    try:
        return [file for file in folder.iterdir() if file.suffix == ".npz"]
    except OSError:
        return []


def _used_and_bytes(folder: Path) -> tuple[float, int]:
    """When a folder was used, and what its samples take; another process may delete them meanwhile."""
    used, size = 0.0, 0
    with suppress(OSError):
        used = folder.stat().st_mtime
    for file in _files(folder):
        with suppress(OSError):
            size += file.stat().st_size
    return used, size
