"""The elements of the panel in one browser: what there is to press, and how it looks for a session."""

from pathlib import Path
from typing import Any

from nerfseg_ns.selection.prompts import GRANULARITIES
from nerfseg_ns.viewer.panel_note import POINTERS, panel_note, plain
from nerfseg_ns.viewer.selection_session import SelectionSession
from nerfseg_ns.viewer.session_state import SessionObject

TITLE = "Select objects in 3D"
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
            self.granularity = gui.add_dropdown(
                "A click means", GRANULARITIES, hint="which of the masks that a click may mean: a part, the whole, ..."
            )
            self.segment = gui.add_button("Segment in 3D", color="green")
            self.bar = gui.add_progress_bar(0.0, visible=False, animated=True)
            self.cancel = gui.add_button("Cancel", color="red", visible=False)
            self.objects = gui.add_markdown("", visible=False)
            self.current = gui.add_dropdown("Object", ("-",), visible=False)
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
            with gui.add_folder("Files", expand_by_default=False):
                self.load = gui.add_upload_button("Load prompts", mime_type="application/json")
                self.save = gui.add_button("Save prompts", disabled=True)
                self.export = gui.add_button("Export the object", disabled=True)

    def show(self, session: SelectionSession, busy: str, pointer: str | None, picture: str | None) -> None:
        """Make the elements agree with a session; what is right already is not sent again.

        Args:
            session: what is there.
            busy: see :func:`~nerfseg_ns.viewer.panel_note.panel_note`.
            pointer: the same.
            picture: markdown of the draft's outline, None when there is none.
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
        if entry is not None:
            _set(self.current, "value", entry.name)
            if entry.selected is not None:
                _set(self.threshold, "value", entry.selected.threshold)
        _set(self.objects, "content", "  \n".join(map(_line, state.objects)))
        _set(self.mode, "value", MODE_NAMES[state.mode])
        for handle in (self.objects, self.current, self.mode, *self.changes.values()):
            _set(handle, "visible", bool(names))
        _set(self.threshold, "visible", entry is not None and entry.selected is not None)
        _set(self.save, "disabled", not session.prompts())
        _set(self.export, "disabled", entry is None or entry.selected is None or bool(busy))


def _line(entry: SessionObject) -> str:
    colour = "#{:02x}{:02x}{:02x}".format(*entry.colour)
    return f"`{colour}` {plain(entry.name)}" + ("" if entry.selected is not None else " (waits)")


def _set(handle: Any, name: str, value: Any) -> None:
    if getattr(handle, name) != value:
        setattr(handle, name, value)
