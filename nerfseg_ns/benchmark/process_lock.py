"""Processes that share a folder of results: one at a time does a thing."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nerfseg_ns.core.input_error import InputError


@contextmanager
def alone(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock, which ends with the block, and with the process however that ends.

    Args:
        path: stands for the thing that is done; ``.NAME.lock`` beside it is the lock, and stays.
        waiting: called when another process holds it, before this one waits for it.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = (path.parent / f".{path.name}.lock").open("a")
    except OSError as error:
        raise InputError(f"{path.parent}: cannot be written: {error.strerror or error}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:  # a file system without locks: as if nobody else were there
            pass
        yield
