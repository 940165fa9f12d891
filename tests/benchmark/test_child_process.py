"""A process that is ended takes those with it that it started."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nerfseg_ns.benchmark.child_process import run_child

SLEEPER = "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(60)"
MIDDLE = f"""
import sys
from nerfseg_ns.benchmark.child_process import run_child
sys.exit(run_child([sys.executable, "-c", {SLEEPER!r}, sys.argv[1]]))
"""
OUTER = f"""
import sys
from nerfseg_ns.benchmark.child_process import run_child
sys.exit(run_child([sys.executable, "-c", {MIDDLE!r}, sys.argv[1]]))
"""


def test_the_status_of_the_child_is_handed_on() -> None:
    assert run_child([sys.executable, "-c", "import sys; sys.exit(3)"]) == 3


def test_the_signal_is_handled_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    run_child([sys.executable, "-c", ""])
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("program", [MIDDLE, OUTER])
def test_a_terminated_process_ends_what_it_started(program: str, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", program, str(note)])
    try:
        pid = int(until(lambda: note.is_file() and note.read_text()))
        parent.terminate()
        assert parent.wait(20) == 143
        assert until(lambda: not runs(pid))
    finally:
        parent.kill()


def until(found, seconds: float = 30.0):
    """The first answer that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.05)
    raise TimeoutError


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")  # one that is dead and not waited for still has a number
    return not state.is_file() or state.read_text().rpartition(")")[2].split()[0] != "Z"
