"""Processes that do not outlive the one that started them."""

import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

PATIENCE = 10.0
"""Seconds that a process has to end by itself."""


def run_child(command: Sequence[str], **options: object) -> int:
    """Run a process to its end, and end it when this one is interrupted or terminated.

    ``subprocess.run`` leaves it behind when this process gets SIGTERM: a benchmark that was killed went on training.

    Args:
        command: and its arguments.
        options: of :class:`subprocess.Popen`.

    Returns:
        Its exit status.

    Raises:
        SystemExit: this process got SIGTERM; status 143.
        KeyboardInterrupt: it got SIGINT, as the child did when both belong to one terminal.
    """
    with _terminable(), subprocess.Popen(command, **options) as child:  # type: ignore[call-overload]
        try:
            return int(child.wait())
        except BaseException as reason:
            if not isinstance(reason, KeyboardInterrupt):
                child.terminate()
            try:
                child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                child.kill()
            raise


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM raises SystemExit. Only the main thread can have it so; elsewhere nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
