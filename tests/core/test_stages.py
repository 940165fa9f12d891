"""The stage of a step."""

import pytest

from nerfseg_ns.core.stages import StageSchedule


def test_stages_of_steps() -> None:
    schedule = StageSchedule(3, 2)
    assert [schedule.stage(step) for step in range(6)] == [1, 1, 1, 2, 2, 2]
    assert schedule.total_steps == 5


def test_geometry_from_elsewhere_is_all_stage_2() -> None:
    assert [StageSchedule(0, 4).stage(step) for step in range(4)] == [2, 2, 2, 2]


def test_stage_1_alone_never_reaches_stage_2() -> None:
    assert StageSchedule(4, 0).stage(10) == 1


def test_progress_is_within_the_stage() -> None:
    schedule = StageSchedule(10, 4)
    assert schedule.progress(5, 1) == 0.5
    assert schedule.progress(12, 1) == 1.0
    assert schedule.progress(5, 2) == 0.0
    assert schedule.progress(12, 2) == 0.5
    assert StageSchedule(0, 4).progress(0, 1) == 1.0


@pytest.mark.parametrize(("stage1", "stage2"), [(0, 0), (-1, 5), (5, -1)])
def test_impossible_counts_are_refused(stage1: int, stage2: int) -> None:
    with pytest.raises(ValueError, match="stage1-steps"):
        StageSchedule(stage1, stage2)
