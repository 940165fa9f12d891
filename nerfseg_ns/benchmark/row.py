"""Measures one row: ``python -m nerfseg_ns.benchmark.row SPECIFICATION.json RESULT.json``.

Every row has a process of its own, so that no row meets another's compiled code, random state, threads or peak memory.
"""

import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from nerfseg_ns.benchmark.machine import hardware, peak_memory, versions
from nerfseg_ns.benchmark.row_kinds import RowPlace, row_kind
from nerfseg_ns.benchmark.typed_values import settings_from
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import write_whole_text


def main(arguments: list[str]) -> int:
    """Measure the row that a specification describes.

    Args:
        arguments: path of the specification (``name``, ``kind``, ``data``, ``runs``, ``settings``); path of the result,
            which gets the fields of :class:`nerfseg_ns.benchmark.row_kinds.MeasuredRow`.

    Returns:
        Exit code: 0 measured, 1 a mistake in the input (its message goes to stderr).
    """
    specification_path, result_path = (Path(argument) for argument in arguments)
    specification = json.loads(specification_path.read_text(encoding="utf-8"))
    name, data = specification["name"], specification["data"]
    used = versions()
    try:
        kind = row_kind(specification["kind"], name)
        settings: Any = settings_from(kind.settings, specification["settings"], name)
        place = RowPlace(name, None if data is None else Path(data), Path(specification["runs"]))
        result = kind.measure(settings, place)
    except InputError as error:
        print(error.code, file=sys.stderr)
        return 1
    row = {
        "name": name,
        "kind": specification["kind"],
        "data": None if data is None else Path(data).resolve().name,
        "settings": specification["settings"],
        "result": result,
        "memory": peak_memory(),
        "hardware": hardware(),
        "versions": _unless_changed(used),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    write_whole_text(result_path, json.dumps(row, indent=1, allow_nan=False))
    return 0


def _unless_changed(used: dict[str, str | None]) -> dict[str, str | None]:
    """Versions at the start; a commit that is another one by the end is ``-modified``, since parts may be of either."""
    commit = used["commit"]
    if commit is None or commit == versions()["commit"] or commit.endswith("-modified"):
        return used
    return {**used, "commit": f"{commit}-modified"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
