"""``labelmap.txt``: the names and colours of the classes in CVAT's "Segmentation mask 1.1" and in Pascal VOC exports.

One class a line, ``name:red,green,blue:parts:actions``; parts and actions are not used here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nerfseg_ns.core.input_error import InputError

LABELMAP_FILE = "labelmap.txt"
CLASS_FOLDER = "SegmentationClass"
OBJECT_FOLDER = "SegmentationObject"
IMAGE_LIST = "ImageSets/Segmentation/default.txt"
BACKGROUND = "background"
"""The name that CVAT gives to pixels that nobody has drawn on; black unless the line says otherwise."""

_HEADER = "# label:color_rgb:parts:actions"
_EXPECTED = f'expected lines such as "Building:70,70,70::", as the {LABELMAP_FILE} of a CVAT export has them'


@dataclass(frozen=True)
class LabelmapEntry:
    """One line: the name of a class and the colour of its pixels, 0..255."""

    name: str
    rgb: tuple[int, int, int]


def read_labelmap(path: Path) -> tuple[LabelmapEntry, ...]:
    """The entries in the order of the file, the background among them.

    Raises:
        InputError: the file is missing or empty, a line is not an entry, or two entries have one name or one colour.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; {_EXPECTED}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); {_EXPECTED}") from None
    entries: list[LabelmapEntry] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        entry = _entry(line, f"{path}, line {number}")
        for other in entries:
            if entry.name == other.name or entry.rgb == other.rgb:
                what = f"name {entry.name!r}" if entry.name == other.name else f"colour {entry.rgb}"
                raise InputError(
                    f"{path}, line {number}: the {what} is that of {other.name!r} already; each class needs its own"
                )
        entries.append(entry)
    if not entries:
        raise InputError(f"{path}: no class in it; {_EXPECTED}")
    return tuple(entries)


def labelmap_text(entries: Iterable[LabelmapEntry]) -> str:
    """The text of a ``labelmap.txt``; give the background as an entry where pixels have no class.

    Raises:
        InputError: a name that the format cannot hold.
    """
    lines = [_HEADER]
    for entry in entries:
        if not entry.name.strip() or entry.name.startswith("#") or any(sign in entry.name for sign in ":\r\n"):
            raise InputError(
                f"class {entry.name!r}: {LABELMAP_FILE} holds no names that are empty, begin with # or have a colon "
                "or a line break; rename the class"
            )
        lines.append(f"{entry.name}:{','.join(map(str, entry.rgb))}::")
    return "\n".join(lines) + "\n"


def _entry(line: str, source: str) -> LabelmapEntry:
    name, _, rest = line.partition(":")
    try:
        red, green, blue = (int(value) for value in rest.split(":")[0].split(","))
    except ValueError:
        raise InputError(f"{source}: {line.strip()!r} is not a class with a colour; {_EXPECTED}") from None
    if not name.strip() or not all(0 <= value <= 255 for value in (red, green, blue)):
        raise InputError(f"{source}: {line.strip()!r} needs a name and a colour of 0..255; {_EXPECTED}")
    return LabelmapEntry(name.strip(), (red, green, blue))
