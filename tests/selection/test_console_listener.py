"""Progress bars of the stages."""

import pytest

from nerfseg_ns.selection import console_listener


def test_a_stage_is_over_when_the_next_begins(monkeypatch: pytest.MonkeyPatch):
    bars = []
    make = console_listener.progress_bar
    monkeypatch.setattr(console_listener, "progress_bar", lambda: bars.append(make()) or bars[-1])
    with console_listener.console_listener() as listener:
        listener.step("first", 0, 4)
        listener.step("first", 3, 4)
        assert [(t.description, t.completed) for t in bars[0].tasks] == [("first", 3)]
        listener.step("second", 1, 2)
        assert [(t.description, t.completed) for t in bars[0].tasks] == [("first", 4), ("second", 1)]
        listener.step("first", 1, 5)  # again, for another object
        assert [(t.completed, t.total) for t in bars[0].tasks] == [(1, 5), (1, 2)]
