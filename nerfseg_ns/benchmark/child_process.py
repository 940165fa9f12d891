"""Processes that do not outlive the one that started them."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

PATIENCE = 10.0
"""Seconds that processes have to end by themselves."""
LOOK_AGAIN = 0.5
"""Seconds between two looks at whether a signal has come."""
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that end a process; one that is ignored, as by nohup, stays so."""


def run_child(command: Sequence[str], own_group: bool = True, **options: object) -> int:
    """Run a process to its end; a signal that ends this process ends the child first.

    ``subprocess.run`` leaves the child behind when this process gets SIGTERM: a benchmark that was killed went on
    training.

    Args:
        command: and its arguments.
        own_group: make it the first of a process group, which is signalled as a whole, with what the child started.
            Not for a child of such a child, or it would leave the group.
        options: of :class:`subprocess.Popen`.

    Returns:
        Its exit status.

    Raises:
        KeyboardInterrupt: this process got SIGINT.
        SystemExit: it got another of :data:`ENDING`; status 128 and the signal's number.
    """
    with _noted_signals() as signals:
        child = subprocess.Popen(command, start_new_session=own_group, **options)  # type: ignore[call-overload]
        try:
            status = None
            while status is None and not signals:
                with suppress(subprocess.TimeoutExpired):
                    status = int(child.wait(LOOK_AGAIN))
        finally:
            _end(child, signals[0] if signals else signal.SIGTERM, own_group)
    if not signals:
        assert status is not None
        return status
    if signals[0] == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + signals[0])


def _end(child: "subprocess.Popen[bytes]", number: int, whole_group: bool) -> None:
    """Pass a signal on, wait, and kill what is still there."""
    if child.poll() is None:
        _send(child, number, whole_group)
        with suppress(subprocess.TimeoutExpired):
            child.wait(PATIENCE)
    _send(child, signal.SIGKILL, whole_group)
    child.wait()


def _send(child: "subprocess.Popen[bytes]", number: int, whole_group: bool) -> None:
    if not whole_group:
        child.send_signal(number)  # nothing to one that has ended
        return
    with suppress(ProcessLookupError, PermissionError):  # the group is empty, or has zombies alone (macOS)
        os.killpg(child.pid, number)


@contextmanager
def _noted_signals() -> Iterator[list[int]]:
    """The ending signals that come meanwhile, in their order. Only the main thread can note any."""
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(number)

    # None: a handler that was not set from Python, and cannot be put back
    before = {number: signal.getsignal(number) for number in ENDING}
    changed = {number: old for number, old in before.items() if old not in (signal.SIG_IGN, None)}
    for number in changed:
        signal.signal(number, note)
    try:
        yield noted
    finally:
        for number, old in changed.items():
            signal.signal(number, old)
