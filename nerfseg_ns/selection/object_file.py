"""NAME.npz: an object in 3D in one file, without pickle."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nerfseg_ns.core.array_file import DamagedFileError, read_arrays, write_arrays
from nerfseg_ns.core.gaussian_sites import GaussianSites
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.object_votes import ObjectVotes
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.core.vote_sites import VoteSites
from nerfseg_ns.core.voxel_blocks import VoxelBlocks
from nerfseg_ns.selection.prompts_file import check_prompt, prompt_from_record, prompt_record
from nerfseg_ns.selection.selected_object import SelectedObject
from nerfseg_ns.selection.sky import SKY, SkyObject

FORMAT = 1
LARGEST_TABLE = 2**27
"""Entries of the table of blocks; a file that asks for more is refused before memory is taken."""


@dataclass(frozen=True, eq=False)
class StoredObject:
    """An object as a file holds it.

    Args:
        object: its votes and prompt.
        frame: the scene frame it lives in.
    """

    object: SelectedObject
    frame: SceneFrame


def write_object(path: Path, selected: SelectedObject, frame: SceneFrame) -> None:
    """Write an object, replacing the file at once.

    Arrays: ``format`` (int), ``cell`` (float64, scene units), ``blocks`` (int32 [n, 3], block coordinates in the order
    of the votes), ``inside`` and ``outside`` (float32 [512 n + 1], votes; the last entry is what fell outside of the
    blocks), ``threshold`` (float64), ``transform`` (float64 [3, 4]) and ``scale`` (float64) of the scene frame,
    ``prompt`` and ``report`` (JSON text). An object of Gaussians has in the place of ``blocks``: ``gaussians`` (int64
    [n], index of each in the scene, ascending), ``centres`` (float32 [n, 3], scene frame) and ``head_on`` (float32
    [n]), and n + 1 votes. The sky has no blocks, and the method "sky" in its report.

    Args:
        path: NAME.npz.
        selected: the object; its report has to be JSON.
        frame: the scene frame.

    Raises:
        InputError: the folder cannot be written.
    """
    write_arrays(
        path,
        compressed=True,
        format=np.asarray(FORMAT),
        cell=np.asarray(selected.sites.cell, dtype=np.float64),
        **_site_arrays(selected.sites),
        inside=selected.votes.inside[:, 0].float().cpu().numpy(),
        outside=selected.votes.outside[:, 0].float().cpu().numpy(),
        threshold=np.asarray(selected.threshold, dtype=np.float64),
        transform=frame.transform.double().cpu().numpy(),
        scale=np.asarray(frame.scale, dtype=np.float64),
        prompt=np.asarray(json.dumps(prompt_record(selected.prompt), ensure_ascii=False)),
        report=np.asarray(json.dumps(selected.report, ensure_ascii=False)),
    )


def read_object(path: Path, device: torch.device | str = "cpu") -> StoredObject:
    """Read an object and check it.

    Args:
        path: NAME.npz of :func:`write_object`.
        device: where its votes go.

    Raises:
        InputError: the file is missing, damaged, of another kind or of a newer format.
    """
    try:
        arrays = read_arrays(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; nerfseg segment writes one NAME.npz for each object") from None
    except DamagedFileError as error:
        raise InputError(f"{error}: not a whole object file; make it again with nerfseg segment") from None
    if "format" in arrays and arrays["format"].shape == () and arrays["format"] != FORMAT:
        raise InputError(f"{path}: format {arrays['format']}; this release reads format {FORMAT}")
    try:
        return _object(arrays, path, device)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        if isinstance(error, InputError):
            raise
        reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{path}: not an object file of nerfseg segment ({reason})") from None


def _site_arrays(sites: VoteSites) -> dict[str, np.ndarray]:
    if isinstance(sites, GaussianSites):
        arrays = {"gaussians": sites.gaussians, "centres": sites.positions.float(), "head_on": sites.head_on.float()}
        return {name: array.cpu().numpy() for name, array in arrays.items()}
    assert isinstance(sites, VoxelBlocks)
    where = (sites.table >= 0).nonzero()
    ordered = torch.empty_like(where)
    ordered[sites.table[tuple(where.unbind(-1))]] = where + sites.low
    return {"blocks": ordered.cpu().numpy().astype(np.int32)}


def _gaussian_sites(arrays: dict[str, np.ndarray], cell: float, device: torch.device | str) -> GaussianSites:
    gaussians = _array(arrays, "gaussians", np.integer, (None,)).astype(np.int64)
    if not len(gaussians) or gaussians[0] < 0 or (np.diff(gaussians) <= 0).any():
        raise ValueError("no gaussians, or not in ascending order")
    centres = _array(arrays, "centres", np.floating, (len(gaussians), 3)).astype(np.float32)
    head_on = _array(arrays, "head_on", np.floating, (len(gaussians),)).astype(np.float32)
    ids, positions, votes = (torch.from_numpy(array).to(device) for array in (gaussians, centres, head_on))
    return GaussianSites(ids, positions, votes, cell)


def _voxel_blocks(arrays: dict[str, np.ndarray], cell: float, device: torch.device | str) -> VoxelBlocks:
    coordinates = _array(arrays, "blocks", np.integer, (None, 3)).astype(np.int64)
    if not len(coordinates):
        raise ValueError("no blocks")
    low = coordinates.min(axis=0)
    shape = coordinates.max(axis=0) - low + 1
    if shape.astype(float).prod() > LARGEST_TABLE:
        raise ValueError(f"its blocks reach over {shape.tolist()}")
    table = torch.full(tuple(shape.tolist()), -1, dtype=torch.long)
    table[tuple(torch.from_numpy(coordinates - low).unbind(-1))] = torch.arange(len(coordinates))
    if int((table >= 0).sum()) != len(coordinates):
        raise ValueError("a block occurs twice")
    return VoxelBlocks(cell, torch.from_numpy(low).to(device), table.to(device), len(coordinates))


def _object(arrays: dict[str, np.ndarray], path: Path, device: torch.device | str) -> StoredObject:
    cell, threshold, scale = (float(arrays[name]) for name in ("cell", "threshold", "scale"))
    if not (cell > 0 and 0 <= threshold <= 1 and scale > 0 and np.isfinite([cell, scale]).all()):
        raise ValueError(f"cell {cell}, threshold {threshold}, scale {scale}")
    report: Any = json.loads(str(arrays["report"]))
    if not isinstance(report, dict):
        raise ValueError("its report is no JSON object")
    prompt = prompt_from_record(json.loads(str(arrays["prompt"])), str(path))
    check_prompt(prompt, None, str(path))
    if report.get("method") == SKY:
        return StoredObject(SkyObject.read(prompt, report, threshold, device), _frame(arrays))
    sites = (_gaussian_sites if "gaussians" in arrays else _voxel_blocks)(arrays, cell, device)
    votes = [
        torch.from_numpy(_array(arrays, name, np.floating, (sites.count + 1,)).astype(np.float32))[:, None].to(device)
        for name in ("inside", "outside")
    ]
    return StoredObject(SelectedObject(prompt, sites, ObjectVotes(*votes), threshold, report), _frame(arrays))


def _frame(arrays: dict[str, np.ndarray]) -> SceneFrame:
    transform = _array(arrays, "transform", np.floating, (3, 4)).astype(np.float64)
    return SceneFrame(torch.from_numpy(transform), float(arrays["scale"]))


def _array(arrays: dict[str, np.ndarray], name: str, kind: type, shape: tuple[int | None, ...]) -> np.ndarray:
    array = arrays[name]
    fits = array.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, array.shape))
    if not fits or not np.issubdtype(array.dtype, kind) or not np.isfinite(array).all():
        raise ValueError(f"{name} is {array.dtype} {list(array.shape)}")
    return array
