"""One browser's selection: prompts, objects, undo. Knows nothing of the viewer that shows it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.selection.click_labels import require_classes
from nerfseg_ns.selection.prompts import GRANULARITIES, ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.prompts_file import check_class_name, check_prompts
from nerfseg_ns.selection.selected_object import SelectedObject
from nerfseg_ns.viewer.session_history import SessionHistory
from nerfseg_ns.viewer.session_job import Job
from nerfseg_ns.viewer.session_state import MODES, SessionObject, SessionState


class SelectionSession:
    """One user's work. Methods may be called from any thread; a mistake becomes :attr:`error` and changes nothing.

    Args:
        changed: called after every change, from the thread that made it.
    """

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self.changed = changed
        self.error = ""
        """What went wrong last, empty when the last action succeeded."""
        self.job: Job | None = None
        self._lock = threading.RLock()
        self._history = SessionHistory()
        self._results: dict[ObjectPrompt, SelectedObject] = {}

    @property
    def state(self) -> SessionState:
        """What is there now; never changes under the reader's hands."""
        return self._history.state

    @property
    def can_undo(self) -> bool:
        """Whether :meth:`undo` has something to take back."""
        return self._history.can_undo

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Run a block under the session's lock; an InputError in it becomes :attr:`error`, and readers are told."""
        with self._lock:
            try:
                self.error = ""
                yield
            except InputError as error:
                self.error = str(error)
        self.changed()

    def fail(self, message: str) -> None:
        """Show an error that came up elsewhere; the state stays."""
        self.error = message
        self.changed()

    # Prompts

    def add_point(self, view: str, x: float, y: float, label: int) -> None:
        """A click at (x, y) pixels of a view, label 1 on the object and 0 beside it."""
        with self.attempt():
            if label == 0 and not self._positive():
                raise InputError("start with a click on the object or a box; clicks beside it come after")
            prompt = self._of_view(view)
            self._set_draft(replace(prompt, points=(*prompt.points, (float(x), float(y), int(label)))))

    def set_box(self, view: str, box: tuple[float, float, float, float]) -> None:
        """A box x0, y0, x1, y1 in pixels of a view; it takes the place of an earlier one there."""
        with self.attempt():
            x0, y0, x1, y1 = box
            if not (x0 < x1 and y0 < y1):
                raise InputError("the box is empty; drag from one corner of the object to the opposite one")
            self._set_draft(replace(self._of_view(view), box=(float(x0), float(y0), float(x1), float(y1))))

    def _positive(self) -> bool:
        return any(entry.box is not None or any(point[2] for point in entry.points) for entry in self.state.draft.views)

    def _of_view(self, view: str) -> ViewPrompt:
        return next((entry for entry in self.state.draft.views if entry.view == view), ViewPrompt(view))

    def _set_draft(self, prompt: ViewPrompt) -> None:
        draft = self.state.draft
        views = [prompt if entry.view == prompt.view else entry for entry in draft.views]
        if prompt.view not in [entry.view for entry in views]:
            views.append(prompt)
        self._history.change(replace(self.state, draft=replace(draft, views=tuple(views))))

    def rename(self, name: str) -> None:
        """Name what is being prompted. A name that cannot be used stays, with an error: it may be half typed."""
        if name == self.state.draft.name:
            return
        with self.attempt():
            self._history.change(replace(self.state, draft=replace(self.state.draft, name=name)), slider="name")
            self._check_name(name.strip())

    def set_draft_class(self, name: str) -> None:
        """Say what is being prompted, and what further objects are, until told otherwise; empty: nothing.

        A name that cannot be used stays, with an error: it may be half typed.
        """
        wanted = name.strip() or None
        if wanted == self.state.draft.class_name:
            return
        with self.attempt():
            draft = replace(self.state.draft, class_name=wanted)
            self._history.change(replace(self.state, draft=draft), slider="class")
            check_class_name(wanted, "Class")

    def set_class(self, name: str, class_name: str | None) -> None:
        """Say what an object of the list is; None: nothing. It need not be made again."""
        with self.attempt():
            entry = self._known(name)
            check_class_name(class_name, f"object {name!r}")
            prompt = replace(entry.prompt, class_name=class_name)
            if prompt == entry.prompt:
                return
            selected = entry.selected
            if selected is not None:
                if class_name is None and not selected.has_place:
                    raise InputError("the sky has to have a class")
                selected = self._results[prompt] = replace(selected, prompt=prompt)
            self._history.change(self.state.replaced(replace(entry, prompt=prompt, selected=selected)))

    def _check_name(self, name: str) -> None:
        names = [entry.name for entry in self.state.objects if entry.name != self.state.edited]
        if name in names:
            raise InputError(f"there is an object {name!r} already; choose another name")
        somewhere = (ViewPrompt("any", ((0.0, 0.0, 1),)),)  # the names are what is checked
        check_prompts([ObjectPrompt(each, somewhere) for each in (*names, name)], None, "this session")

    def set_granularity(self, granularity: str) -> tuple[ObjectPrompt, ...]:
        """Say which of the masks that a click may mean is wanted.

        Returns:
            Prompts to segment again: that of the current object, unless its result is known already or a new object is
            being prompted.
        """
        again: tuple[ObjectPrompt, ...] = ()
        state = self.state
        entry = None if state.draft.views and state.edited is None else state.object(state.current)
        prompt = state.draft if entry is None else entry.prompt
        if granularity == prompt.granularity:
            return ()
        with self.attempt():
            if granularity not in GRANULARITIES:
                raise InputError(f"granularity {granularity!r}: expected one of {', '.join(GRANULARITIES)}")
            draft = replace(state.draft, granularity=granularity)
            if entry is None:
                self._history.change(replace(state, draft=draft))
                return ()
            wanted = replace(entry.prompt, granularity=granularity)
            if wanted in self._results:
                made = self._results[wanted]
                if entry.selected is not None:
                    made = made.with_threshold(entry.selected.threshold)
                self._history.change(self.state.replaced(replace(entry, prompt=wanted, selected=made)))
            else:
                again = (wanted,)
            if state.edited == entry.name:
                self._history.state = replace(self.state, draft=draft)
        return again

    # Segmenting

    def begin(self, prompts: Sequence[ObjectPrompt] = ()) -> Job | None:
        """Start a job on the draft and the objects that wait; or on the prompts given.

        Returns:
            The job; None, with an error, when there is nothing to do or a job runs already.
        """
        job = None
        with self.attempt():
            if self.job is not None:
                raise InputError("the last segmentation is still running; wait for it or cancel it")
            wanted = list(prompts)
            if not wanted:
                name = self.state.draft.name.strip()
                draft = replace(self.state.draft, name=name)
                wanted = [entry.prompt for entry in self.state.objects if entry.selected is None]
                wanted = [prompt for prompt in wanted if prompt.name != self.state.edited]
                if draft.views:
                    self._check_name(name)
                    check_class_name(draft.class_name, "Class")
                    self._history.state = replace(self.state, draft=draft)
                    wanted.append(draft)
            if not wanted:
                raise InputError("nothing to segment yet; click on an object first")
            job = self.job = Job(tuple(wanted))
        return job

    def begin_learning(self) -> Job | None:
        """Start a job that learns classes from the objects.

        Returns:
            The job; None, with an error, when no object that was segmented has a class or a job runs already.
        """
        job = None
        with self.attempt():
            if self.job is not None:
                raise InputError("something is still running; wait for it or cancel it")
            require_classes([entry.prompt for entry in self.state.objects if entry.selected is not None])
            job = self.job = Job(())
        return job

    def progress(self, job: Job, stage: str, done: int, total: int) -> None:
        """How far a job is."""
        job.stage, job.done, job.total = stage, done, total
        self.changed()

    def add_result(self, job: Job, selected: SelectedObject) -> None:
        """Take over an object that a job has finished; nothing happens when the job was given up."""
        with self.attempt():
            if self.job is not job:
                return
            prompt = selected.prompt
            self._results[prompt] = selected
            state = self.state
            entry, draft = state.object(prompt.name), state.draft
            if draft == prompt and state.edited is not None:
                entry = state.object(state.edited)
            if entry is not None:
                if entry.selected is not None:
                    selected = selected.with_threshold(entry.selected.threshold)
                state = state.replaced(replace(entry, prompt=prompt, selected=selected), entry.name)
            else:
                made = SessionObject(prompt, state.free_colour(), selected)
                state = replace(state, objects=(*state.objects, made))
            if draft == prompt:
                state = replace(state, edited=None, draft=state.empty_draft())
            elif state.edited is None and draft.name == prompt.name:  # clicks made meanwhile are another object's
                state = replace(state, draft=replace(draft, name=state.free_name()))
            self._history.change(replace(state, current=prompt.name))

    def end(self, job: Job, error: str = "") -> None:
        """A job has ended; objects it handed out stay."""
        with self._lock:
            if self.job is job:
                self.job = None
                self.error = error
        self.changed()

    def cancel(self) -> None:
        """Ask the running job to stop."""
        job = self.job
        if job is not None:
            job.cancelled.set()
            self.progress(job, "stopping", job.done, job.total)

    # Objects

    def choose(self, name: str | None) -> None:
        """Let the sliders act on an object."""
        with self.attempt():
            if self.state.current != name:
                self._history.state = replace(self.state, current=name)

    def edit(self, name: str) -> None:
        """Go on with an object's prompts: further clicks change it."""
        with self.attempt():
            entry = self._known(name)
            self._history.change(replace(self.state, draft=entry.prompt, edited=name, current=name))

    def set_threshold(self, name: str, threshold: float) -> None:
        """Change an object's threshold, 0..1. One undo takes back a whole drag of the slider."""
        with self.attempt():
            entry = self._known(name)
            if not 0.0 <= threshold <= 1.0:
                raise InputError(f"threshold {threshold}: expected 0 to 1")
            if entry.selected is None or entry.selected.threshold == threshold:
                return
            changed = replace(entry, selected=entry.selected.with_threshold(threshold))
            self._history.change(self.state.replaced(changed), slider=f"threshold of {name}")

    def delete(self, name: str) -> None:
        """Take an object out of the list."""
        with self.attempt():
            self._known(name)
            kept = tuple(entry for entry in self.state.objects if entry.name != name)
            state = replace(self.state, objects=kept, current=kept[-1].name if kept else None)
            if state.edited == name:
                state = replace(state, edited=None, draft=state.empty_draft())
            self._history.change(state)

    def show(self, mode: str) -> None:
        """Choose how objects are shown."""
        with self.attempt():
            if mode not in MODES:
                raise InputError(f"show as {mode!r}: expected one of {', '.join(MODES)}")
            self._history.state = replace(self.state, mode=mode)

    def _known(self, name: str) -> SessionObject:
        entry = self.state.object(name)
        if entry is None:
            raise InputError(f"there is no object {name!r}")
        return entry

    # The whole session

    def undo(self) -> None:
        """Take back the last change of prompts, objects or thresholds."""
        with self.attempt():
            self._history.undo()

    def reset(self) -> None:
        """Start afresh; undo brings everything back. A running job is given up."""
        with self.attempt():
            if self.job is not None:
                self.job.cancelled.set()
                self.job = None
            self._history.change(SessionState.empty())

    def prompts(self) -> tuple[ObjectPrompt, ...]:
        """All that was prompted, to be saved: the objects' prompts, then those being made."""
        state = self.state
        kept = [entry.prompt for entry in state.objects if entry.name != state.edited]
        return (*kept, state.draft) if state.draft.views else tuple(entry.prompt for entry in state.objects)

    def load(self, prompts: Sequence[ObjectPrompt]) -> None:
        """Put prompts in the place of all objects; they wait to be segmented."""
        with self.attempt():
            if not prompts:
                raise InputError("there are no objects in this file")
            state = SessionState.empty()
            for prompt in prompts:
                made = SessionObject(prompt, state.free_colour(), self._results.get(prompt))
                state = replace(state, objects=(*state.objects, made), current=prompt.name)
            self._history.change(replace(state, draft=state.empty_draft(), mode=self.state.mode))
