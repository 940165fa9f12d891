from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from nerfseg_ns.benchmark.config_overrides import apply_overrides
from nerfseg_ns.core.input_error import InputError


@dataclass
class Adam:
    lr: float = 1e-2


@dataclass
class Model:
    _target: type = object
    implementation: Literal["tcnn", "torch"] = "tcnn"
    samples: tuple[int, ...] = (256, 96)


@dataclass
class Config:
    model: Model = field(default_factory=Model)
    data: Path | None = None
    optimizers: dict[str, Any] = field(default_factory=lambda: {"fields": {"optimizer": Adam()}})


def test_fields_of_dataclasses_and_mappings_are_set():
    config = Config()
    overrides = {
        "model.samples": [64],
        "optimizers.fields.optimizer.lr": 0.5,
        "data": "scene",
        "model.implementation": "torch",
    }
    apply_overrides(config, overrides, "speed.yaml")
    assert config.model == Model(implementation="torch", samples=(64,))
    assert config.optimizers["fields"]["optimizer"].lr == 0.5 and config.data == Path("scene")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("model.sample", [64], "speed.yaml: model.sample: model has no 'sample'; did you mean samples"),
        ("modle.samples", [64], "modle.samples: the configuration has no 'modle'; did you mean model"),
        ("model._target", 1, "has no '_target'"),
        ("optimizers.field.optimizer.lr", 1, "optimizers has no 'field'; did you mean fields"),
        ("data.name", 1, "data is NoneType and has no fields"),
        ("model.samples", "64", "model.samples: '64' is text"),
        ("model.implementation", "cuda", "accepted: tcnn, torch"),
    ],
)
def test_mistakes_are_named_and_change_nothing(key, value, message):
    config = Config()
    with pytest.raises(InputError, match=message):
        apply_overrides(config, {key: value}, "speed.yaml")
    assert config == Config()
