from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from nerfseg_ns.benchmark.typed_values import converted, settings_from
from nerfseg_ns.core.input_error import InputError


@pytest.mark.parametrize(
    ("value", "hint", "result"),
    [
        (3, float, 3.0),
        (3, int, 3),
        (True, bool, True),
        ("a/b", Path, Path("a/b")),
        ([64], tuple[int, ...], (64,)),
        ([1, "x"], tuple[int, str], (1, "x")),
        ([{"max_res": 128}], list[dict], [{"max_res": 128}]),
        (None, int | None, None),
        (5, int | None, 5),
        ("torch", Literal["tcnn", "torch"], "torch"),
        ({"a": 1}, dict[str, Any], {"a": 1}),
    ],
)
def test_values_become_what_the_field_holds(value, hint, result):
    made = converted(value, hint, "row")
    assert made == result and type(made) is type(result)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("3", int),
        (3.5, int),
        (True, int),
        (True, float),
        (1, bool),
        ([64, "x"], tuple[int, ...]),
        ([1], tuple[int, str]),
        ("Torch", Literal["tcnn", "torch"]),
        ("x", int | None),
        (None, int),
        ([], dict),
    ],
)
def test_values_of_another_type_are_refused_by_name(value, hint):
    with pytest.raises(InputError, match="row 'lite': seconds"):
        converted(value, hint, "row 'lite': seconds")


@dataclass(frozen=True)
class Kind:
    method: str
    seconds: float
    tags: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if self.seconds <= 0:
            raise InputError(f"seconds {self.seconds}: expected a positive number")


def test_settings_from_a_mapping():
    assert settings_from(Kind, {"method": "a", "seconds": 3, "tags": ["x"]}, "row") == Kind("a", 3.0, ("x",))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"method": "a"}, "seconds is missing; expected a number"),
        ({"method": "a", "seconds": 1, "second": 2}, "unknown key 'second'; did you mean seconds"),
        ({"method": "a", "seconds": -1}, "row: seconds -1.0: expected a positive"),
        ({"method": 7, "seconds": 1}, "method: 7 is a whole number; expected text"),
    ],
)
def test_mistakes_in_settings_are_named(values, message):
    with pytest.raises(InputError, match=message):
        settings_from(Kind, values, "row")
