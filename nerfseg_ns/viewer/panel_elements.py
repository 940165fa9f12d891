"""The elements of the panel in one browser: what there is to press, and how it looks for a session."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nerfseg_ns.selection.prompts import GRANULARITIES
from nerfseg_ns.viewer.panel_note import POINTERS, panel_note, plain
from nerfseg_ns.viewer.selection_session import SelectionSession
from nerfseg_ns.viewer.session_state import SessionObject

if TYPE_CHECKING:
    from nerfseg_ns.viewer.class_learner import ClassLearner

TITLE = "Select objects in 3D"
NO_CLASS = "(none)"  # no class can have this name
MODE_NAMES = {"highlight": "highlighted", "isolate": "alone", "remove": "removed"}


class PanelElements:
    """viser's handles, without anything that happens when they are pressed.

    Args:
        gui: of the browser.
        opened: whether the panel is unfolded.
        order: its place among the viewer's elements, None for the last.
    """

    def __init__(self, gui: Any, opened: bool = False, order: float | None = None) -> None:
        with gui.add_folder(TITLE, order=order, expand_by_default=opened):
            self.note = gui.add_markdown("")
            self.pointers = {name: gui.add_button(label) for name, (label, _) in POINTERS.items()}
            self.picture = gui.add_markdown("", image_root=Path(), visible=False)
            self.name = gui.add_text("Name", "")
            self.class_name = gui.add_text(
                "Class", "", hint="what it is, such as Building: a class of the scene or a new one; may stay empty"
            )
            self.granularity = gui.add_dropdown(
                "A click means", GRANULARITIES, hint="which of the masks that a click may mean: a part, the whole, ..."
            )
            self.segment = gui.add_button("Segment in 3D", color="green")
            self.bar = gui.add_progress_bar(0.0, visible=False, animated=True)
            self.cancel = gui.add_button("Cancel", color="red", visible=False)
            self.objects = gui.add_markdown("", visible=False)
            self.current = gui.add_dropdown("Object", ("-",), visible=False)
            self.object_class = gui.add_dropdown(
                "Its class", (NO_CLASS,), visible=False, hint="what is written as Class can be chosen, too"
            )
            self.threshold = gui.add_slider(
                "Threshold",
                0.0,
                1.0,
                0.01,
                0.5,
                visible=False,
                hint="share of the views' votes an object's point needs",
            )
            self.mode = gui.add_dropdown("Show objects", tuple(MODE_NAMES.values()), visible=False)
            # not button groups: viser keeps to itself that the same button of a group was pressed again
            self.changes = {name: gui.add_button(name, color="gray", visible=False) for name in ("Edit", "Delete")}
            self.backs = {name: gui.add_button(name, color="gray") for name in ("Undo", "Reset")}
            self.learn = gui.add_button(
                "Learn from clicks",
                color="green",
                visible=False,
                hint="trains classes on the objects that have one; the rest of the scene is not told",
            )
            self.learned = gui.add_markdown("", visible=False)
            with gui.add_folder("Files", expand_by_default=False):
                self.load = gui.add_upload_button("Load prompts", mime_type="application/json")
                self.save = gui.add_button("Save prompts", disabled=True)
                self.export = gui.add_button("Export the object", disabled=True)

    def show(
        self,
        session: SelectionSession,
        busy: str,
        pointer: str | None,
        picture: str | None,
        learner: "ClassLearner | None" = None,
    ) -> None:
        """Make the elements agree with a session; what is right already is not sent again.

        Args:
            session: what is there.
            busy: see :func:`~nerfseg_ns.viewer.panel_note.panel_note`.
            pointer: the same.
            picture: markdown of the draft's outline, None when there is none.
            learner: knows the scene's classes and what was learned; None: nothing is learned here.
        """
        job, state = session.job, session.state
        entry = state.object(state.current)
        _set(self.note, "content", panel_note(session, busy, pointer))
        for name, button in self.pointers.items():
            _set(button, "disabled", pointer not in (None, name) or bool(busy))
        if picture is not None:
            _set(self.picture, "content", picture)
        _set(self.picture, "visible", picture is not None)
        _set(self.name, "value", state.draft.name)
        if self.class_name.value.strip() != (state.draft.class_name or ""):  # a space at its end is being typed
            self.class_name.value = state.draft.class_name or ""
        prompted = state.draft if state.draft.views or entry is None else entry.prompt
        _set(self.granularity, "value", prompted.granularity)
        waiting = any(each.selected is None for each in state.objects)
        _set(self.segment, "visible", job is None)
        _set(self.segment, "disabled", not (state.draft.views or waiting) or bool(busy))
        for handle in (self.bar, self.cancel):
            _set(handle, "visible", job is not None)
        if job is not None:
            _set(self.bar, "value", 100.0 * min(job.done / job.total, 1.0) if job.total else 0.0)
            _set(self.cancel, "disabled", job.cancelled.is_set())
        names = tuple(each.name for each in state.objects)
        if names and self.current.options != names:
            self.current.options = names
        known = (NO_CLASS, *class_names(session, () if learner is None else learner.class_table().names))
        if self.object_class.options != known:
            self.object_class.options = known
        if entry is not None:
            _set(self.current, "value", entry.name)
            _set(self.object_class, "value", entry.prompt.class_name or NO_CLASS)
            if entry.selected is not None:
                _set(self.threshold, "value", entry.selected.threshold)
        _set(self.objects, "content", "  \n".join(map(_line, state.objects)))
        _set(self.mode, "value", MODE_NAMES[state.mode])
        for handle in (self.objects, self.current, self.object_class, self.mode, *self.changes.values()):
            _set(handle, "visible", bool(names))
        _set(self.threshold, "visible", entry is not None and entry.selected is not None)
        classed = any(each.selected is not None and each.prompt.class_name is not None for each in state.objects)
        _set(self.learn, "visible", classed and learner is not None)
        _set(self.learn, "disabled", job is not None or bool(busy))
        learned = None if learner is None else learner.learned
        if learned is not None:
            where = plain(str(learned.folder))
            _set(self.learned, "content", f"Classes were learned; *Output type* shows them. The run: {where}")
        _set(self.learned, "visible", learned is not None)
        _set(self.save, "disabled", not session.prompts())
        _set(self.export, "disabled", entry is None or entry.selected is None or bool(busy))


def class_names(session: SelectionSession, classes: Sequence[str] = ()) -> tuple[str, ...]:
    """The classes that an object can be given: those of the scene, of the objects, and the one that is written.

    Args:
        session: what is there.
        classes: names of the scene's classes.
    """
    prompts = [*(entry.prompt for entry in session.state.objects), session.state.draft]
    return tuple(dict.fromkeys([*classes, *(each.class_name for each in prompts if each.class_name is not None)]))


def _line(entry: SessionObject) -> str:
    colour = "#{:02x}{:02x}{:02x}".format(*entry.colour)
    is_a = "" if entry.prompt.class_name is None else f": {plain(entry.prompt.class_name)}"
    return f"`{colour}` {plain(entry.name)}{is_a}" + ("" if entry.selected is not None else " (waits)")


def _set(handle: Any, name: str, value: Any) -> None:
    if getattr(handle, name) != value:
        setattr(handle, name, value)
