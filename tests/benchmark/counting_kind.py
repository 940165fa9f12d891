"""A row kind for tests, and the process that measures its rows: ``python counting_kind.py SPECIFICATION RESULT``."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nerfseg_ns.benchmark.row_kinds import ROW_KINDS, MeasuredRow, RowKind, RowPlace, TableText
from nerfseg_ns.core.input_error import InputError


@dataclass(frozen=True)
class Counting:
    up_to: int
    tags: tuple[str, ...] = ()
    after: str | None = None

    def __post_init__(self) -> None:
        if self.up_to < 0:
            raise InputError(f"up_to {self.up_to}: expected 0 or more")


@dataclass(frozen=True)
class Sowing(Counting):
    seed: int = 0


def measure(settings: Counting, place: RowPlace) -> dict[str, Any]:
    if settings.up_to == 13:
        raise InputError("13: will not count that far")
    folder = place.run_folder(place.name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "counted").write_text(str(settings.up_to))
    before = int((place.run_folder(settings.after) / "counted").read_text()) if settings.after else 0
    files = len(list(place.data.iterdir())) if place.data else None
    return {"counted": before + settings.up_to, "pid": os.getpid(), "files": files}


def table(rows: Sequence[MeasuredRow], baseline: MeasuredRow | None) -> TableText:
    base = baseline.result["counted"] if baseline else None
    cells = [["", "counted", "of baseline"]]
    for row in rows:
        cells.append([row.name, str(row.result["counted"]), f"{row.result['counted'] / base:.1f}" if base else "–"])
    return TableText(cells, "Counted by hand.")


def check(settings: Counting, data: Path | None) -> None:
    if settings.up_to == 99:
        raise InputError("99: cannot be counted on this machine")


counting = RowKind(settings=Counting, measure=measure, check=check, table=table, references=("after",))

sowing = RowKind(settings=Sowing, measure=measure, check=check, table=table, references=("after",))

if __name__ == "__main__":
    from nerfseg_ns.benchmark.row import main

    sys.modules["counting_kind"] = sys.modules["__main__"]
    ROW_KINDS.update(counting="counting_kind:counting", sowing="counting_kind:sowing")
    sys.exit(main(sys.argv[1:]))
