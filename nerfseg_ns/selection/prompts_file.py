"""prompts.json: what the user said about objects, to be replayed."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean
from nerfseg_ns.core.whole_file import write_whole_text
from nerfseg_ns.selection.prompts import GRANULARITIES, ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.scene import Scene

VERSION = 1
_NAME = re.compile(r"\w(?:[\w .+-]{0,78}[\w+-])?")  # letters and digits of any script
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")  # by Windows
_OBJECT_KEYS = {"name", "class", "view", "points", "box", "views", "granularity"}
_VIEW_KEYS = {"view", "points", "box"}


def read_prompts(path: Path, scene: Scene | None = None) -> list[ObjectPrompt]:
    """Read and check prompts.

    Args:
        path: prompts.json.
        scene: where the prompts belong; without it, views and the borders of images are not checked.

    Raises:
        InputError: a file that is missing or no such JSON; everything that :func:`check_prompts` refuses. The message
            names the file, the object and the value.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected prompts as docs/selection.md describes them") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a JSON file ({error})") from None
    if not isinstance(document, dict) or not isinstance(document.get("objects"), list):
        raise InputError(f'{path}: expected {{"version": {VERSION}, "objects": [...]}}')
    if document.get("version") != VERSION:
        raise InputError(f"{path}: version {document.get('version')!r}; this release reads version {VERSION}")
    prompts = [prompt_from_record(record, f"{path}: objects[{i}]") for i, record in enumerate(document["objects"])]
    check_prompts(prompts, scene, str(path))
    return prompts


def write_prompts(path: Path, prompts: Iterable[ObjectPrompt]) -> None:
    """Write prompts, replacing the file at once."""
    document = {"version": VERSION, "objects": [prompt_record(prompt) for prompt in prompts]}
    write_whole_text(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def prompt_record(prompt: ObjectPrompt) -> dict[str, Any]:
    """An object of prompts.json: in the short form when all its prompts are in one view."""
    views = [
        {"view": view.view, "points": [list(point) for point in view.points]}
        | ({"box": list(view.box)} if view.box is not None else {})
        for view in prompt.views
    ]
    where: dict[str, Any] = views[0] if len(views) == 1 else {"views": views}
    what = {} if prompt.class_name is None else {"class": prompt.class_name}
    return {"name": prompt.name, **what, **where, "granularity": prompt.granularity}


def prompt_from_record(record: Any, where: str) -> ObjectPrompt:
    """The reverse of :func:`prompt_record`.

    Args:
        record: an object of prompts.json.
        where: the file and the place in it, for messages.

    Raises:
        InputError: a missing or unknown key, or a value of another type.
    """
    if not isinstance(record, dict) or not isinstance(record.get("name"), str):
        raise InputError(f'{where}: expected an object with a "name"')
    where = f"{where}, object {record['name']!r}"
    _refuse_unknown(record, _OBJECT_KEYS, where)
    if "views" in record and _VIEW_KEYS & set(record):
        raise InputError(f'{where}: both "views" and {sorted(_VIEW_KEYS & set(record))}; use one form or the other')
    entries = record["views"] if "views" in record else [{k: record[k] for k in _VIEW_KEYS & set(record)}]
    if not isinstance(entries, list):
        raise InputError(f'{where}: "views" is {entries!r}; expected a list')
    views = tuple(_view_prompt(entry, where) for entry in entries)
    class_name = record.get("class")
    check_class_name(class_name, where)
    return ObjectPrompt(record["name"], views, record.get("granularity", "auto"), class_name)


def check_class_name(name: Any, where: str) -> None:
    """Check what an object is said to be.

    Args:
        name: None: not said.
        where: for messages.

    Raises:
        InputError: it is no text, or has signs that class names cannot have.
    """
    if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise InputError(f'{where}: "class" is {name!r}; expected up to 80 letters, digits, spaces and any of . _ + -')


def _view_prompt(entry: Any, where: str) -> ViewPrompt:
    if not isinstance(entry, dict) or not isinstance(entry.get("view"), str):
        raise InputError(f'{where}: expected "view", the name of a view as text')
    _refuse_unknown(entry, _VIEW_KEYS, where)
    points, box = entry.get("points") or [], entry.get("box")
    if not isinstance(points, list):
        raise InputError(f'{where}: "points" is {points!r}; expected a list of [x, y, 1 or 0]')
    for point in points:
        if not _numbers(point, 3) or point[2] not in (0, 1):
            raise InputError(
                f"{where}: point {point!r}; expected [x, y, label] with label 1 (on the object) or 0 (beside it)"
            )
    if box is not None and not _numbers(box, 4):
        raise InputError(f"{where}: box {box!r}; expected [x0, y0, x1, y1]")
    clicks = tuple((float(x), float(y), int(label)) for x, y, label in points)
    corners = None if box is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
    return ViewPrompt(entry["view"], clicks, corners)


def check_prompts(prompts: Sequence[ObjectPrompt], scene: Scene | None, source: str) -> None:
    """Check prompts before anything is computed.

    Args:
        prompts: of one session.
        scene: see :func:`read_prompts`.
        source: the file, for messages.

    Raises:
        InputError: no object, equal names (also in another case: some file systems do not tell those apart), or what
            :func:`check_prompt` refuses.
    """
    if not prompts:
        raise InputError(f"{source}: no objects")
    taken: dict[str, str] = {}
    for prompt in prompts:
        check_prompt(prompt, scene, source)
        other = taken.get(prompt.name.casefold())
        if other is not None:
            raise InputError(f"{source}: objects {other!r} and {prompt.name!r}; give each a name of its own")
        taken[prompt.name.casefold()] = prompt.name


def check_prompt(prompt: ObjectPrompt, scene: Scene | None, source: str) -> None:
    """Check the prompts of one object.

    Args:
        prompt: the prompts.
        scene: see :func:`read_prompts`.
        source: the file, for messages.

    Raises:
        InputError: a name that is not usable as a file name, or what :func:`check_views` refuses.
    """
    where = f"{source}: object {prompt.name!r}"
    if not _NAME.fullmatch(prompt.name) or _RESERVED.fullmatch(prompt.name):
        raise InputError(
            f"{where}: its files are named after it; use up to 80 letters, digits, spaces and any of . _ + -, with a "
            "letter or digit first"
        )
    check_views(prompt, scene, where)


def check_views(prompt: ObjectPrompt, scene: Scene | None, where: str) -> None:
    """Check what an object's prompts say: the one rule that files, previews and engines share.

    Args:
        prompt: the prompts; the name may be anything.
        scene: see :func:`read_prompts`.
        where: file and object, for messages.

    Raises:
        InputError: an unknown granularity, an unknown view or one that occurs twice, no prompt, a first view with
            neither a click on the object nor a box, a point or box outside of the image, a box without an area, clicks
            that contradict each other.
    """
    if prompt.granularity not in GRANULARITIES:
        raise InputError(f"{where}: granularity {prompt.granularity!r}; expected one of {', '.join(GRANULARITIES)}")
    names = [view.view for view in prompt.views]
    for name in names:
        if scene is not None and name not in scene.names:
            raise InputError(f"{where}: no view {name!r}; {_known_views(name, scene.names)}")
        if names.count(name) > 1:
            raise InputError(f"{where}: view {name!r} occurs twice; put its points into one entry")
    if not any(view.positive for view in prompt.views):
        raise InputError(f"{where}: it needs a click with label 1 or a box")
    for view in prompt.views:
        if not view.points and view.box is None:
            raise InputError(f"{where}, view {view.view!r}: neither a point nor a box")
        size = None if scene is None else scene.camera(list(scene.names).index(view.view)).size
        _check_view(view, size, f"{where}, view {view.view!r}")
    if not prompt.views[0].positive:
        fitting = next(view.view for view in prompt.views if view.positive)
        raise InputError(
            f"{where}: its first view {names[0]!r}, where it is found, needs a click with label 1 or a box; put view "
            f"{fitting!r} first"
        )


def _check_view(view: ViewPrompt, size: tuple[int, int] | None, where: str) -> None:
    for x, y, label in view.points:
        if label not in (0, 1):
            raise InputError(f"{where}: a point has label {label}; expected 1 (on the object) or 0 (beside it)")
        if size is not None and not (0 <= x < size[1] and 0 <= y < size[0]):
            raise InputError(
                f"{where}: point ({x:g}, {y:g}) is outside of the image; "
                f"expected 0 <= x < {size[1]}, 0 <= y < {size[0]}"
            )
    inside, outside = ([p for p in view.points if p[2] == label] for label in (1, 0))
    for one, other in product(inside, outside):
        if math.dist(one[:2], other[:2]) <= 1.0:
            raise InputError(
                f"{where}: the clicks ({one[0]:g}, {one[1]:g}) with label 1 and ({other[0]:g}, {other[1]:g}) with "
                "label 0 contradict each other; remove one of them"
            )
    if view.box is None:
        return
    x0, y0, x1, y1 = view.box
    if not (x0 < x1 and y0 < y1):
        raise InputError(f"{where}: box {[x0, y0, x1, y1]} has no area; expected [x0, y0, x1, y1], x0 < x1 and y0 < y1")
    if size is not None and not (0 <= x0 and 0 <= y0 and x1 <= size[1] and y1 <= size[0]):
        raise InputError(
            f"{where}: box {[x0, y0, x1, y1]} reaches outside of the image of {size[1]} x {size[0]} pixels"
        )


def _known_views(name: str, names: Sequence[str]) -> str:
    answer = did_you_mean(name, names)
    if len(names) > 12 and answer.startswith("known"):
        return f"the {len(names)} views are named {', '.join(list(names)[:3])} ... {names[-1]}"
    return answer


def _numbers(value: Any, count: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == count
        and all(isinstance(x, int | float) and not isinstance(x, bool) and abs(x) < 1e15 for x in value)
    )


def _refuse_unknown(record: dict[str, Any], known: set[str], where: str) -> None:
    for key in record:
        if key not in known:
            raise InputError(f"{where}: unknown key {key!r}; {did_you_mean(key, known)}")
