"""The two stages of a training run: geometry and colour first, then semantics on frozen geometry."""

from dataclasses import dataclass

from nerfseg_ns.core.input_error import InputError


@dataclass(frozen=True)
class StageSchedule:
    """Which stage a training step belongs to.

    A pure function of the step, so that a resumed run, an evaluation and every rank of a multi-GPU run agree.

    Args:
        stage1_steps: steps 0 .. stage1_steps-1 learn geometry and colour. 0: geometry comes from a finished run.
        stage2_steps: the steps after them learn semantics on the frozen geometry. 0: stop after stage 1.

    Raises:
        InputError: a negative count, or no step at all.
    """

    stage1_steps: int
    stage2_steps: int

    def __post_init__(self) -> None:
        if self.stage1_steps < 0 or self.stage2_steps < 0 or self.total_steps == 0:
            raise InputError(
                f"stage1-steps {self.stage1_steps} and stage2-steps {self.stage2_steps} must not be negative, and at "
                "least one must be positive"
            )

    @property
    def total_steps(self) -> int:
        """Steps of both stages together."""
        return self.stage1_steps + self.stage2_steps

    def stage(self, step: int) -> int:
        """1 or 2. Steps past the end stay in the last stage that has steps."""
        return 1 if step < self.stage1_steps or self.stage2_steps == 0 else 2

    def progress(self, step: int, stage: int) -> float:
        """How much of ``stage`` lies before ``step``, 0..1."""
        start, length = (0, self.stage1_steps) if stage == 1 else (self.stage1_steps, self.stage2_steps)
        if length == 0:
            return 1.0
        return min(max((step - start) / length, 0.0), 1.0)
