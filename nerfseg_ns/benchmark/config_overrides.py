"""Setting fields of a nerfstudio configuration by dotted keys, as ``ns-train`` does on its command line."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from nerfseg_ns.benchmark.typed_values import converted
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean


def apply_overrides(config: Any, overrides: Mapping[str, Any], where: str) -> None:
    """Set fields of a configuration, in place.

    Args:
        config: a dataclass of dataclasses and mappings, such as nerfstudio's TrainerConfig.
        overrides: ``pipeline.model.num_nerf_samples_per_ray`` and the like -> value from YAML.
        where: how messages name the source.

    Raises:
        InputError: a key that the configuration does not have, or a value of another type.
    """
    for key, value in overrides.items():
        *parents, last = str(key).split(".")
        holder, reached = config, ""
        for name in parents:
            holder, reached = _child(holder, name, where, key, reached), f"{reached}{name}."
        current = _child(holder, last, where, key, reached)
        said = f"{where}: {key}"
        if isinstance(holder, Mapping):
            holder[last] = converted(value, type(current), said)  # type: ignore[index]
        else:
            setattr(holder, last, converted(value, _hint(type(holder), last, current), said))


def _child(holder: Any, name: str, where: str, key: str, reached: str) -> Any:
    if isinstance(holder, Mapping):
        known = list(holder)
    elif is_dataclass(holder):
        known = [field.name for field in fields(holder) if not field.name.startswith("_")]
    else:
        raise InputError(f"{where}: {key}: {reached.rstrip('.')} is {type(holder).__name__} and has no fields to set")
    if name not in known:
        place = reached.rstrip(".") or "the configuration"
        raise InputError(f"{where}: {key}: {place} has no {name!r}; {did_you_mean(name, known)}")
    return holder[name] if isinstance(holder, Mapping) else getattr(holder, name)


def _hint(holder: type, name: str, current: Any) -> Any:
    try:
        return get_type_hints(holder, include_extras=True)[name]
    except (NameError, TypeError):  # an annotation that only a type checker can resolve
        return Any if current is None else type(current)
