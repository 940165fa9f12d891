"""The kinds of scenes that labels can be imported into, and which of them a folder is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean
from nerfseg_ns.data.scene_folder import LAYOUT, SPLITS
from nerfseg_ns.labels.carla_mvs_target import CarlaMVSTarget
from nerfseg_ns.labels.google_earth_target import GoogleEarthTarget
from nerfseg_ns.labels.json_file import read_json
from nerfseg_ns.labels.label_target import LabelTarget
from nerfseg_ns.labels.transforms_target import TransformsTarget


@dataclass(frozen=True)
class TargetOptions:
    """What the user says about the scene; each kind takes what concerns it."""

    split: str = "train"
    output: Path | None = None
    footage: Path | None = None
    in_place: bool = False


@dataclass(frozen=True)
class TargetKind:
    """How a kind of scene is recognised and opened."""

    looks_like: str
    recognises: Callable[[Path], bool]
    open: Callable[[Path, TargetOptions], LabelTarget]


def _has_splits(data: Path) -> bool:
    return any((data / split / "pose").is_dir() for split in SPLITS)


def _has_footage(data: Path) -> bool:
    if data.suffix == ".json":
        record = read_json(data)
        return isinstance(record, dict) and "cameraFrames" in record
    return (data / "footage").is_dir()


def _has_frames(data: Path) -> bool:
    if data.suffix == ".json":
        record = read_json(data)
        return isinstance(record, dict) and "frames" in record
    return (data / "transforms.json").is_file()


TARGETS: Mapping[str, TargetKind] = {
    "carla-mvs-data": TargetKind(
        LAYOUT, _has_splits, lambda data, options: CarlaMVSTarget(data, options.split, options.output)
    ),
    "google-earth-data": TargetKind(
        "footage/ beside the JSON file",
        _has_footage,
        lambda data, options: GoogleEarthTarget(data, options.footage),
    ),
    "semantic-nerfstudio-data": TargetKind(
        "transforms.json", _has_frames, lambda data, options: TransformsTarget(data, options.in_place)
    ),
}
"""dataparser -> the scenes that it reads."""


def open_target(data: Path, name: str, options: TargetOptions) -> LabelTarget:
    """The scene in a folder or file.

    Args:
        data: what the dataparser takes as ``--data``.
        name: a key of :data:`TARGETS`, or ``auto``.
        options: what the user says about it.

    Raises:
        InputError: there is no scene, or it cannot be told of which kind it is; whatever is wrong with it.
    """
    if not data.exists():
        raise InputError(f"{data}: no such scene (--data SCENE)")
    if name != "auto":
        if name not in TARGETS:
            raise InputError(f"--dataparser {name}: labels cannot be written for it; {did_you_mean(name, TARGETS)}")
        return TARGETS[name].open(data, options)
    fitting = [key for key, kind in TARGETS.items() if kind.recognises(data)]
    if len(fitting) != 1:
        known = "; ".join(f"{key}: {kind.looks_like}" for key, kind in TARGETS.items())
        reason = f"can be {' and '.join(fitting)}; choose one by --dataparser" if fitting else f"no scene. {known}"
        raise InputError(f"{data}: {reason}")
    return TARGETS[fitting[0]].open(data, options)
