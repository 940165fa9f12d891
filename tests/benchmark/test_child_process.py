"""A process that is ended takes those with it that it started."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nerfseg_ns.benchmark import child_process
from nerfseg_ns.benchmark.child_process import run_child

NOTE = "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(60)"
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_IGN); "
)


def starting(program: str, own_group: bool) -> str:
    """A program that runs another one as its child."""
    return (
        "import sys; from nerfseg_ns.benchmark import child_process; child_process.PATIENCE = 1.0; "
        f"sys.exit(child_process.run_child([sys.executable, '-c', {program!r}, sys.argv[1]], own_group={own_group}))"
    )


def test_the_status_of_the_child_is_handed_on() -> None:
    assert run_child([sys.executable, "-c", "import sys; sys.exit(3)"]) == 3


def test_signals_are_handled_as_before_afterwards() -> None:
    before = [signal.getsignal(number) for number in child_process.ENDING]
    run_child([sys.executable, "-c", ""])
    assert [signal.getsignal(number) for number in child_process.ENDING] == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize(
    "program",
    [
        starting(NOTE, True),
        starting(STUBBORN + NOTE, True),
        starting(starting(NOTE, False), True),
        starting(starting(STUBBORN + NOTE, False), True),
    ],
    ids=["child", "stubborn child", "grandchild", "stubborn grandchild"],
)
def test_a_process_that_is_ended_ends_what_it_started(program: str, number: signal.Signals, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", program, str(note)], stderr=subprocess.DEVNULL)
    try:
        pid = int(until(lambda: note.is_file() and note.read_text()))
        for _ in range(3):  # somebody who is impatient
            parent.send_signal(number)
            time.sleep(0.1)
        assert parent.wait(30) == (-signal.SIGINT if number == signal.SIGINT else 128 + number)
        assert until(lambda: not runs(pid))
    finally:
        parent.kill()
        parent.wait()


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    nohup = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
    ending = "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(3)"
    program = nohup + starting(ending, True)
    parent = subprocess.Popen([sys.executable, "-c", program, str(note)])
    try:
        until(lambda: note.is_file() and note.read_text())
        parent.send_signal(signal.SIGHUP)
        assert parent.wait(30) == 0
    finally:
        parent.kill()
        parent.wait()


def until(found, seconds: float = 30.0):
    """The first answer that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.05)
    raise TimeoutError


def runs(pid: int) -> bool:
    """Whether a process is there; one that is dead and not waited for still has a number."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # ended just now; or a system without /proc
        return Path("/proc/self/stat").is_file() is False
