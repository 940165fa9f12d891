"""The NeRF++ folder layout of Carla-MVS: ``SCENE/{train,test,validation}/{rgb,color,pose,intrinsics,mask}``.

A split comes in one of two forms. Stage 1 has its images in ``rgb/``. Stage 2 has its images in ``color/`` and label
images in ``rgb/``, for all, some or none of the views. Files of one view have one stem.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from nerfseg_ns.core.input_error import InputError

SPLITS = ("train", "test", "validation")
LAYOUT = "{train,test,validation}/{rgb,color,pose,intrinsics}"
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
MATRIX_SUFFIXES = (".txt",)

_LISTED = 5
"""How many missing files an error message lists."""


@dataclass(frozen=True)
class SceneView:
    """The files of one view; label and mask are None where there is none."""

    stem: str
    image: Path
    pose: Path
    intrinsics: Path
    label: Path | None
    mask: Path | None


@dataclass(frozen=True)
class SplitFolder:
    """One split of a scene, views in the order of their names (numbers in names count as numbers).

    Args:
        path: the folder ``SCENE/train`` or the like.
        has_label_form: True in the stage-2 form (``color/`` is there), False in the stage-1 form.
        views: the views; empty when the folder is missing or has none.
    """

    path: Path
    has_label_form: bool
    views: tuple[SceneView, ...]


def read_split(path: Path) -> SplitFolder:
    """List the views of one split folder.

    Raises:
        InputError: images, poses, intrinsics or masks do not pair up; a label has no image; two files of one stem.
    """
    has_label_form = (path / "color").is_dir()
    image_folder = "color" if has_label_form else "rgb"
    required = {
        image_folder: files_by_stem(path / image_folder, IMAGE_SUFFIXES),
        "pose": files_by_stem(path / "pose", MATRIX_SUFFIXES),
        "intrinsics": files_by_stem(path / "intrinsics", MATRIX_SUFFIXES),
    }
    masks = files_by_stem(path / "mask", IMAGE_SUFFIXES)
    if masks:
        required["mask"] = masks
    stems = sorted(set().union(*required.values()), key=_natural_order)
    _require_complete(path, required, stems)

    labels = {label.stem: label for label in label_files(path)}
    orphans = sorted(set(labels) - set(stems), key=_natural_order)
    if orphans:
        raise InputError(
            f"{path / 'rgb'}: {len(orphans)} of {len(labels)} label images have no image in {path / 'color'} "
            f"({len(stems)} images): {listed([labels[stem].name for stem in orphans])}; every label needs an image of "
            f"its name"
        )
    images, poses, intrinsics = (required[name] for name in (image_folder, "pose", "intrinsics"))
    views = tuple(
        SceneView(stem, images[stem], poses[stem], intrinsics[stem], labels.get(stem), masks.get(stem))
        for stem in stems
    )
    return SplitFolder(path, has_label_form, views)


def label_files(path: Path) -> list[Path]:
    """The label images of one split folder; none in the stage-1 form.

    Raises:
        InputError: two files of one stem.
    """
    return list(files_by_stem(path / "rgb", IMAGE_SUFFIXES).values()) if (path / "color").is_dir() else []


def files_by_stem(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """The files of a folder by stem, in the order of their names; none when the folder is missing.

    Raises:
        InputError: two files of one stem.
    """
    if not folder.is_dir():
        return {}
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes or path.name.startswith(".") or not path.is_file():
            continue
        if path.stem in files:
            raise InputError(f"{folder}: {files[path.stem].name} and {path.name} are one view; keep one of them")
        files[path.stem] = path
    return files


def _require_complete(path: Path, required: dict[str, dict[str, Path]], stems: list[str]) -> None:
    if all(len(files) == len(stems) for files in required.values()):
        return
    counts = ", ".join(
        f"{name}/ {len(files)}" + ("" if (path / name).is_dir() else " (no such folder)")
        for name, files in required.items()
    )
    missing = [
        f"{name}/{stem}" for name, files in required.items() for stem in stems if files and stem not in files
    ] or [f"{name}/{stem}" for name, files in required.items() for stem in stems if stem not in files]
    raise InputError(
        f"{path}: every view needs one file in each folder, with the same stem; found {counts}. Missing: "
        f"{listed(missing)}"
    )


def listed(names: list[str]) -> str:
    """The first of the names, for a message."""
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


def _natural_order(stem: str) -> list[int | str]:
    return [int(part) if index % 2 else part for index, part in enumerate(re.split(r"(\d+)", stem))]
