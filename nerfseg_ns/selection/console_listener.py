"""A listener that draws progress bars."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import TaskID

from nerfseg_ns.core.progress_bar import progress_bar
from nerfseg_ns.selection.selector import Listener


@contextmanager
def console_listener() -> Iterator[Listener]:
    """One bar for each stage; a stage that begins again starts its bar anew."""
    with progress_bar() as progress:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                for task in progress.tasks:  # stages follow one another: the one before has ended
                    progress.update(task.id, completed=task.total)
                tasks[stage] = progress.add_task(stage, total=total)
            elif progress.tasks[tasks[stage]].completed > done:
                progress.reset(tasks[stage], total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield Listener(show)
