"""Values read from YAML, checked against the type of the field they are meant for."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean

Settings = TypeVar("Settings")


def converted(value: Any, hint: Any, where: str) -> Any:
    """A YAML value as a field of type ``hint`` holds it: lists become tuples, whole numbers floats, text paths.

    Args:
        value: what the YAML reader gave.
        hint: type annotation of the field.
        where: how messages name the value.

    Raises:
        InputError: the value is of another type.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any or isinstance(hint, TypeVar):
        return value
    if origin is Annotated:
        return converted(value, arguments[0], where)
    if origin in (Union, types.UnionType):
        for option in arguments:
            try:
                return converted(value, option, where)
            except InputError:
                continue
    elif origin is Literal:
        if value in arguments:
            return value
        raise InputError(f"{where}: {value!r}; accepted: {', '.join(str(option) for option in arguments)}")
    elif origin in (tuple, list) and isinstance(value, (list, tuple)):
        if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
            if len(value) == len(arguments):
                return tuple(converted(v, a, where) for v, a in zip(value, arguments, strict=True))
        else:
            item = arguments[0] if arguments else Any
            return origin(converted(v, item, f"{where}[{i}]") for i, v in enumerate(value))
    elif hint in (tuple, list) and isinstance(value, (list, tuple)):
        return hint(value)
    elif origin is dict or hint is dict:
        if isinstance(value, Mapping):
            return dict(value)
    elif hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    elif hint is Path and isinstance(value, str):
        return Path(value)
    elif hint is None or hint is type(None):
        if value is None:
            return None
    elif isinstance(hint, type) and isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise InputError(f"{where}: {value!r} is {_said(type(value))}; expected {_said(hint)}")


def settings_from(kind: type[Settings], values: Mapping[str, Any], where: str) -> Settings:
    """A settings dataclass from a YAML mapping.

    Raises:
        InputError: an unknown or missing key, or a value of another type; what the dataclass itself raises.
    """
    assert is_dataclass(kind)
    hints = get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}
    for key in values:
        if key not in known:
            raise InputError(f"{where}: unknown key {key!r}; {did_you_mean(str(key), known)}")
    for name, field in known.items():
        if name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"{where}: {name} is missing; expected {_said(hints[name])}")
    given = {key: converted(value, hints[key], f"{where}: {key}") for key, value in values.items()}
    try:
        return kind(**given)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _said(hint: Any) -> str:
    if get_origin(hint) is not None:
        return str(hint).replace("typing.", "")
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false", dict: "a mapping"}
    return names.get(hint, getattr(hint, "__name__", str(hint)))
