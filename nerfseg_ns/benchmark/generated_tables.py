"""Tables in documents that are made from benchmark results and never typed.

A document marks their place with ``<!-- benchmark:NAME -->`` and ``<!-- /benchmark:NAME -->``, each on its own line;
one of the tables of a matrix is ``NAME:PART``.
"""

import re
from pathlib import Path

from nerfseg_ns.benchmark.results import markdown, read_results
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import write_whole_text

_OPEN = re.compile(r"^<!-- benchmark:([\w-]+(?::[\w-]+)?) -->$", re.MULTILINE)
_CLOSE = "<!-- /benchmark:{} -->"
_MARKER = re.compile(r"^[ \t]*<!--[ \t]*/?benchmark:.*$", re.MULTILINE)


def with_current_tables(path: Path, results_dir: Path) -> tuple[str, str]:
    """The text of a document, and the same with every marked table made anew.

    Args:
        path: the document.
        results_dir: folder of the results files NAME.json.

    Raises:
        InputError: the document cannot be read, has no marked place, one that is not closed or a marker that marks
            none, or names a benchmark without results.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    parts, end, used = [], 0, set()
    for match in _OPEN.finditer(text):
        name = match[1]
        close = text.find(f"\n{_CLOSE.format(name)}\n", match.end())
        if close < 0 and text.endswith(closed := f"\n{_CLOSE.format(name)}"):
            close = len(text) - len(closed)
        if match.start() < end or close < 0:
            raise InputError(f"{path}: {match[0]} is not closed; expected the line {_CLOSE.format(name)} after it")
        benchmark, _, part = name.partition(":")
        table = markdown(read_results(results_dir / f"{benchmark}.json"), part or None)
        parts += [text[end : match.end()], "\n", table.rstrip("\n")]
        end = close
        used |= {match.start(), close + 1}
    for marker in _MARKER.finditer(text):
        if marker.start() not in used:  # or its table would never be made anew
            line = text.count("\n", 0, marker.start()) + 1
            raise InputError(
                f"{path}, line {line}: {marker[0]!r} marks no table; expected a line that is exactly "
                "<!-- benchmark:NAME -->, and <!-- /benchmark:NAME --> after the table"
            )
    if not parts:
        raise InputError(f"{path}: no place for a table; expected a line such as <!-- benchmark:speed -->")
    return text, "".join(parts) + text[end:]


def update_tables(path: Path, results_dir: Path) -> bool:
    """Make the marked tables of a document anew.

    Returns:
        Whether the document changed.

    Raises:
        InputError: see :func:`with_current_tables`.
    """
    before, after = with_current_tables(path, results_dir)
    if before != after:
        write_whole_text(path, after)
    return before != after


def check_tables(path: Path, results_dir: Path) -> None:
    """Make sure that the marked tables of a document are those of the results.

    Raises:
        InputError: one is not, or see :func:`with_current_tables`.
    """
    before, after = with_current_tables(path, results_dir)
    if before != after:
        raise InputError(f"{path}: its benchmark tables are stale; run `nerfseg benchmark --update {path}`")
