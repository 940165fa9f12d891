"""Learning-rate schedules that follow the two stages."""

from dataclasses import dataclass, field
from typing import Literal

from nerfstudio.engine.schedulers import Scheduler, SchedulerConfig
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from nerfseg_ns.core.stages import StageSchedule


@dataclass
class StageDecaySchedulerConfig(SchedulerConfig):
    """Warm-up, then exponential decay, over the steps of one stage."""

    _target: type = field(default_factory=lambda: StageDecayScheduler)
    stage: Literal[1, 2] = 1
    """Stage whose steps the schedule spans; the pipeline knows how long it is."""
    lr_final: float | None = None
    """Learning rate at the end of the stage; None: no decay."""
    warmup_fraction: float = 0.0
    """Share of the stage over which the rate grows linearly from 0."""


class StageDecay(LambdaLR):
    """Learning-rate factor as a function of the step within its stage.

    The factor is a plain Python float: a numpy scalar would end up in the checkpoint, which could then not be loaded
    with ``weights_only=True``.
    """

    def __init__(self, optimizer: Optimizer, config: StageDecaySchedulerConfig, lr_init: float) -> None:
        self.schedule: StageSchedule | None = None
        decay = 1.0 if config.lr_final is None else config.lr_final / lr_init

        def factor(step: int) -> float:
            if self.schedule is None:
                return 1.0
            progress = self.schedule.progress(step, config.stage)
            warmup = config.warmup_fraction
            if progress < warmup:
                return max(progress / warmup, 1e-3)
            return float(decay ** ((progress - warmup) / (1.0 - warmup)))

        super().__init__(optimizer, factor)

    def bind(self, schedule: StageSchedule, step: int) -> None:
        """Tell the scheduler how long the stages are, and which step comes next.

        The schedule is a function of the step alone: what a checkpoint says is overruled, so that a resumed run
        continues where its steps are.
        """
        self.schedule = schedule
        self.last_epoch = step
        for group, base, factor in zip(self.optimizer.param_groups, self.base_lrs, self.lr_lambdas):
            group["lr"] = base * factor(step)
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict:
        """State without the schedule, which comes from the configuration."""
        state = super().state_dict()
        state.pop("schedule", None)
        return state


class StageDecayScheduler(Scheduler):
    """Nerfstudio's factory of :class:`StageDecay`."""

    config: StageDecaySchedulerConfig

    def get_scheduler(self, optimizer: Optimizer, lr_init: float) -> LRScheduler:
        """The scheduler of one parameter group."""
        return StageDecay(optimizer, self.config, lr_init)
