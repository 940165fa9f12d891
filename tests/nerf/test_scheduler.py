"""Learning rates that follow the stages."""

import io

import pytest
import torch

from nerfseg_ns.core.stages import StageSchedule
from nerfseg_ns.nerf.scheduler import StageDecay, StageDecaySchedulerConfig


def scheduler(**options) -> StageDecay:
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=1e-2)
    config = StageDecaySchedulerConfig(**options)
    made = config.setup().get_scheduler(optimizer, 1e-2)
    assert isinstance(made, StageDecay)
    return made


def rates(made: StageDecay, steps: int) -> list:
    values = []
    for _ in range(steps):
        values.append(made.optimizer.param_groups[0]["lr"])
        made.optimizer.step()
        made.step()
    return values


def test_decays_over_its_own_stage() -> None:
    made = scheduler(stage=1, lr_final=1e-4)
    made.bind(StageSchedule(4, 4), 0)
    assert rates(made, 6) == pytest.approx([1e-2, 10**-2.5, 1e-3, 10**-3.5, 1e-4, 1e-4])


def test_second_stage_waits_then_warms_up_then_decays() -> None:
    made = scheduler(stage=2, lr_final=1e-3, warmup_fraction=0.5)
    made.bind(StageSchedule(2, 8), 0)
    values = rates(made, 10)
    assert values[:3] == pytest.approx([1e-5] * 3)
    assert values[4] == pytest.approx(5e-3)
    assert values[6] == pytest.approx(1e-2)
    assert values[8] == pytest.approx(1e-2 * 10**-0.5)


def test_a_resumed_run_has_the_rates_of_an_uninterrupted_one() -> None:
    whole = scheduler(stage=1, lr_final=1e-4)
    whole.bind(StageSchedule(8, 2), 0)
    expected = rates(whole, 8)
    first = scheduler(stage=1, lr_final=1e-4)
    first.bind(StageSchedule(8, 2), 0)
    rates(first, 5)
    second = scheduler(stage=1, lr_final=1e-4)
    second.load_state_dict(first.state_dict())
    second.bind(StageSchedule(8, 2), 5)
    assert rates(second, 3) == pytest.approx(expected[5:])


def test_state_loads_with_weights_only() -> None:
    made = scheduler(stage=1, lr_final=1e-4)
    made.bind(StageSchedule(4, 4), 0)
    rates(made, 3)
    stream = io.BytesIO()
    torch.save(made.state_dict(), stream)
    stream.seek(0)
    state = torch.load(stream, weights_only=True)
    assert state["last_epoch"] == 3
