"""What a session has done in another thread: objects that are made, classes that are learned."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nerfstudio.utils.rich_utils import CONSOLE

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.selection.prompts import ObjectPrompt

if TYPE_CHECKING:
    from nerfseg_ns.selection.selector import Listener
    from nerfseg_ns.viewer.selection_session import SelectionSession


@dataclass(eq=False)
class Job:
    """A selection, or learning, that runs in another thread.

    Args:
        prompts: the objects it makes; none when it learns.
        stage: what is being done.
        done: steps done.
        total: steps in all, 0 while unknown.
    """

    prompts: tuple[ObjectPrompt, ...]
    stage: str = "starting"
    done: int = 0
    total: int = 0
    cancelled: threading.Event = field(default_factory=threading.Event)


def run_job(session: "SelectionSession", job: Job, work: "Callable[[Listener], None]", stopped: str) -> None:
    """Do a job of a session and end it. An error is shown in the session and ends nothing else.

    Args:
        session: told how far the job is, and asked whether it was cancelled.
        job: the job.
        work: what is done.
        stopped: what the session says when it was cancelled.
    """
    error = ""
    try:
        from nerfseg_ns.selection.selector import Listener, SelectionCancelled

        listener = Listener(
            progress=lambda stage, done, total: session.progress(job, stage, done, total),
            cancelled=job.cancelled.is_set,
        )
        try:
            work(listener)
        except SelectionCancelled:
            error = stopped
    except InputError as problem:
        error = str(problem)
    except Exception as problem:  # shown, and the viewer lives on
        CONSOLE.print_exception()
        error = f"{type(problem).__name__}: {problem}"
    finally:
        session.end(job, error)
