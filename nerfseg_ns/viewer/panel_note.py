"""What the panel says: where the user is, what to do next, and what went wrong."""

import re

from nerfseg_ns.viewer.selection_session import SelectionSession

POINTERS = {
    "on": ("Click on the object", "Now click on the object in the scene."),
    "beside": ("Click beside it", "Now click on what does not belong to the object."),
    "box": ("Draw a box", "Now drag a box around the object in the scene."),
}
"""What the mouse can be pressed into: the button's label, and what to do then."""


def panel_note(session: SelectionSession, busy: str = "", pointer: str | None = None) -> str:
    """One sentence or two as markdown.

    Args:
        session: what is there.
        busy: what is being done besides segmenting, empty for nothing.
        pointer: which of :data:`POINTERS` the mouse is, None: the camera's.
    """
    if session.error:
        return f"**{plain(session.error)}**"
    job, state = session.job, session.state
    if job is not None:
        steps = f" ({job.done} of {job.total})" if job.total else ""
        return _going_on(f"{job.stage}{steps}")
    if busy:
        return _going_on(busy)
    if pointer is not None:
        return f"**{POINTERS[pointer][1]}** The button gives the mouse back to the camera."
    if any(entry.selected is None for entry in state.objects):
        return "The loaded prompts wait for **Segment in 3D**."
    if state.draft.views:
        return "Is the outline right? Then **Segment in 3D**; if not, click again, on the object or beside it."
    return "Press **Click on the object**, then click on it in the scene."


def plain(text: str) -> str:
    """Text as the panel's markdown, in which every sign stands for itself.

    The panel runs markdown as MDX, where braces and tags in a name would be code.
    """
    return re.sub(r"([^\w\s])", r"\\\1", text, flags=re.ASCII).replace("\n", " ")


def _going_on(what: str) -> str:
    return plain(f"{what[:1].upper()}{what[1:]} ...")
