"""The numbered images of a film: ``footage/NAME_000.jpeg`` and so on."""

import re
from pathlib import Path

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.data.scene_folder import IMAGE_SUFFIXES, listed

_NUMBERED = re.compile(r"(.*?)(\d+)")


def read_footage(folder: Path, frames: int) -> tuple[Path, ...]:
    """The images of a film in the order of their numbers; files without a number at the end of their name are no part.

    Args:
        folder: where they lie.
        frames: how many there should be. The first number may be any, the others follow without gaps.

    Raises:
        InputError: there are none, or another number of them; numbers are missing or twice there; two films.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder; the images of the export are expected there, or in --footage FOLDER"
        )
    images: dict[int, Path] = {}
    names = set()
    for path in sorted(folder.iterdir()):
        numbered = _NUMBERED.fullmatch(path.stem)
        if numbered is None or path.suffix.lower() not in IMAGE_SUFFIXES or path.name.startswith("."):
            continue
        names.add(numbered[1])
        if len(names) > 1:
            first, second = sorted(names)
            raise InputError(
                f"{folder}: holds two films, {first or '0'}... and {second or '0'}...; keep the images of one export"
            )
        number = int(numbered[2])
        if number in images:
            raise InputError(f"{folder}: {images[number].name} and {path.name} are one frame; keep one of them")
        images[number] = path
    if not images:
        raise InputError(f"{folder}: no images such as NAME_000.jpeg; {frames} frames are expected there")
    numbers = sorted(images)
    missing = sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers))
    found = f"{len(images)} images, numbers {numbers[0]} to {numbers[-1]}, for {frames} camera frames"
    if missing:
        raise InputError(
            f"{folder}: {found}; missing: {listed([str(number) for number in missing])}. Every frame needs its image, "
            "as images and cameras are matched by their order; to use fewer frames keep them all and give --every-nth"
        )
    if len(images) != frames:
        raise InputError(
            f"{folder}: {found}; every frame needs its image. Are the camera file and the images of one export, and "
            "is the download complete?"
        )
    return tuple(images[number] for number in numbers)
