"""Nerfstudio's ``transforms.json`` with labels: ``semantic_path`` at the frames, ``semantic_classes`` at the top."""

import json
from pathlib import Path
from typing import Any

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError


def read_transforms(file: Path) -> dict[str, Any]:
    """The decoded file, which has frames with a ``file_path``.

    Raises:
        InputError: it is not JSON, has no frames, or one without a ``file_path``.
    """
    try:
        meta = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: not a JSON file ({error})") from None
    if not isinstance(meta, dict) or not isinstance(meta.get("frames"), list) or not meta["frames"]:
        raise InputError(f'{file}: expected a list of "frames" with at least one frame, as ns-process-data writes it')
    for frame in meta["frames"]:
        if not isinstance(frame, dict) or "file_path" not in frame:
            raise InputError(f'{file}: a frame has no "file_path": {str(frame)[:80]}')
    return meta


def transforms_table(meta: dict[str, Any], file: Path, palette: str) -> ClassTable | None:
    """The class table in ``semantic_classes``, None without one.

    Args:
        meta: the decoded file.
        file: for messages.
        palette: gives the colours where the classes are names only.

    Raises:
        InputError: it is neither a list of names nor of records.
    """
    records = meta.get("semantic_classes")
    if records is None:
        return None
    source = f'{file}, "semantic_classes"'
    if isinstance(records, list) and all(isinstance(record, str) for record in records):
        try:
            return ClassTable.from_names(records, palette)
        except InputError as error:
            raise InputError(f"{source}: {error}") from None
    return ClassTable.from_records(records, source)
