"""The panel of one browser: buttons and pictures over a session."""

import base64
import io
import re
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from nerfstudio.utils.rich_utils import CONSOLE

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.selection.prompts import GRANULARITIES, ObjectPrompt
from nerfseg_ns.selection.prompts_file import read_prompts, write_prompts
from nerfseg_ns.viewer.canvas import Canvas, scene_units
from nerfseg_ns.viewer.selection_session import MODES, Job, SelectionSession
from nerfseg_ns.viewer.workbench import Preview, Workbench

if TYPE_CHECKING:
    from nerfseg_ns.selection.selected_object import SelectedObject
    from nerfseg_ns.viewer.selection_rendering import ShownObjects

TITLE = "Select objects in 3D"
MODE_NAMES = {"highlight": "highlighted", "isolate": "alone", "remove": "removed"}
PREVIEWS = 16
"""Pictures kept for undo."""

POINTERS = {
    "on": ("Click on the object", "Now click on the object in the scene."),
    "beside": ("Click beside it", "Now click on what does not belong to the object."),
    "box": ("Draw a box", "Now drag a box around the object in the scene."),
}


class SelectionPanel:
    """Shows a session in the panel of one browser and acts on what is clicked there.

    Every callback returns at once; work is done in this panel's own thread, one thing after the other, and a selection
    in another one. An error is shown in the panel and ends nothing.

    Args:
        client: viser's handle of the browser.
        session: the state.
        workbench: scene and engine.
        render_again: has the browser's picture drawn anew.
        interrupt: has the pictures of all browsers drawn anew, coarse at first. One in full size would keep the model
            from a click for many seconds.
    """

    def __init__(
        self,
        client: Any,
        session: SelectionSession,
        workbench: Workbench,
        render_again: Callable[[], None],
        interrupt: Callable[[], None],
    ) -> None:
        self.client = client
        self.session = session
        self.workbench = workbench
        self.render_again = render_again
        self.interrupt = interrupt
        self.pointer: str | None = None
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="selection")
        self._drawing = threading.RLock()
        self._busy = ""
        self._closed = False
        self._previews: dict[ObjectPrompt, str] = {}
        self._shown: Any = None
        session.changed = self.refresh

    def build(self, opened: bool = False, order: float | None = None) -> None:
        """Add the elements.

        Args:
            opened: whether the panel is unfolded.
            order: its place among the viewer's elements, None for the last.
        """
        gui = self.client.gui
        with gui.add_folder(TITLE, order=order, expand_by_default=opened):
            self.note = gui.add_markdown("")
            self.buttons = {name: gui.add_button(label) for name, (label, _) in POINTERS.items()}
            self.picture = gui.add_markdown("", image_root=Path(), visible=False)
            self.name = gui.add_text("Name", self.session.state.draft.name)
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
        for name, button in self.buttons.items():
            button.on_click(lambda _, name=name: self._guarded(self._press_pointer, name))
        self._on_value(self.name, self.session.rename)
        self._on_value(self.granularity, self._set_granularity)
        self._on_value(self.current, self.session.choose)
        self._on_value(self.threshold, self._set_threshold)
        self._on_value(self.mode, lambda shown: self.session.show(_key(MODE_NAMES, shown)))
        self.segment.on_click(lambda _: self._guarded(self._start))
        self.cancel.on_click(lambda _: self._guarded(self.session.cancel))
        for name, button in self.backs.items():
            button.on_click(lambda _, name=name: self._guarded(self._back, name))
        for name, button in self.changes.items():
            button.on_click(lambda _, name=name: self._guarded(self._change, name))
        self.export.on_click(lambda _: self._guarded(self._start_export))
        self.save.on_click(lambda _: self._guarded(self._save))
        self.load.on_upload(lambda event: self._guarded(self._load, event.target.value))
        self.refresh()

    def close(self) -> None:
        """The browser is gone; a running selection goes on for the session."""
        self._closed = True
        self.session.changed = lambda: None
        self._worker.shutdown(wait=False, cancel_futures=True)

    def shown(self) -> "ShownObjects | None":
        """What this browser's pictures show; None: the scene as it is."""
        state = self.session.state
        objects = tuple((entry.selected, entry.colour) for entry in state.objects if entry.selected is not None)
        if not objects:
            return None
        from nerfseg_ns.viewer.selection_rendering import ShownObjects

        return ShownObjects(state.mode, objects)

    # Callbacks

    def _on_value(self, handle: Any, action: Callable[[Any], None]) -> None:
        def changed(event: Any) -> None:
            if event.client is not None:  # None: it was this program that set the value
                self._guarded(action, event.target.value)

        handle.on_update(changed)

    def _guarded(self, action: Callable, *arguments: Any) -> None:
        try:
            action(*arguments)
        except InputError as error:
            self.session.fail(str(error))
        except Exception as error:  # whatever it is, the viewer has to live on
            CONSOLE.print_exception()
            self.session.fail(f"{type(error).__name__}: {error}")

    def _later(self, doing: str, action: Callable, *arguments: Any) -> None:
        def work() -> None:
            with self._doing(doing):
                self._guarded(action, *arguments)

        if not self._closed:
            self._worker.submit(work)

    @contextmanager
    def _doing(self, what: str) -> Any:
        self._busy = what
        self.refresh()
        try:
            yield
        finally:
            self._busy = ""
            self.refresh()

    def _press_pointer(self, name: str) -> None:
        again = name == self.pointer
        self._release_pointer()
        if not again:
            scene, kind = self.client.scene, "rect-select" if name == "box" else "click"
            self.pointer = name

            @scene.on_pointer_event(event_type=kind)
            def _(event: Any) -> None:
                self._guarded(self._pointed, name, event)

        self.session.fail("")

    def _release_pointer(self) -> None:
        """Give the mouse back to the camera."""
        if self.pointer is not None:
            self.pointer = None
            self.client.scene.remove_pointer_callback()

    def _pointed(self, name: str, event: Any) -> None:
        if self.pointer != name:
            return  # a second event of the same movement
        self._release_pointer()
        where = "looking where that is"
        if name == "box":
            places = torch.tensor(event.screen_pos, dtype=torch.float32)
            self._later(where, self._place_box, Canvas.of(self.client.camera), places)
        else:
            # the ray of the event: the camera may have moved since
            origin, direction = (
                torch.tensor(way, dtype=torch.float32) for way in (event.ray_origin, event.ray_direction)
            )
            self._later(where, self._place_click, 1 if name == "on" else 0, scene_units(origin), direction)

    def _place_click(self, label: int, origin: Any, direction: Any) -> None:
        self.interrupt()
        direction = torch.nn.functional.normalize(direction, dim=0)
        view, x, y = self.workbench.place_click(origin, direction, self._views())
        self.session.add_point(view, x, y, label)
        self._after_prompt()

    def _place_box(self, canvas: Canvas, places: Any) -> None:
        self.interrupt()
        low, high = places.amin(dim=0).tolist(), places.amax(dim=0).tolist()
        view, box = self.workbench.place_box(canvas, (low[0], low[1]), (high[0], high[1]), self._views())
        self.session.set_box(view, box)
        self._after_prompt()

    def _views(self) -> list[str]:
        return [entry.view for entry in self.session.state.draft.views]

    def _after_prompt(self) -> None:
        if not self.session.error:
            self._make_preview()

    def _make_preview(self) -> None:
        prompt = self.session.state.draft
        asked = replace(prompt, name="")  # a picture stays when the object is renamed
        if not prompt.views or asked in self._previews:
            return
        self._busy = "finding its outline"
        self.refresh()
        drawn = self._drawn(prompt, self.workbench.preview(prompt))
        while len(self._previews) >= PREVIEWS:
            del self._previews[next(iter(self._previews))]
        self._previews[asked] = drawn
        self.refresh()

    def _drawn(self, prompt: ObjectPrompt, preview: Preview) -> str:
        from nerfseg_ns.viewer.mask_picture import mask_picture

        state = self.session.state
        entry = state.object(state.edited)
        colour = entry.colour if entry is not None else state.free_colour()
        drawn = mask_picture(preview.image, preview.mask, prompt.views[0], colour)
        stream = io.BytesIO()
        drawn.save(stream, "JPEG", quality=88)
        encoded = base64.b64encode(stream.getvalue()).decode("ascii")
        return f"![mask](data:image/jpeg;base64,{encoded})\n\nView {plain(preview.view)}"

    def _set_granularity(self, granularity: str) -> None:
        again = self.session.set_granularity(granularity)
        if again:
            self._start(again)
        elif self.session.state.draft.views:
            self._later("finding its outline", self._make_preview)

    def _set_threshold(self, threshold: float) -> None:
        current = self.session.state.current
        if current is not None:
            self.session.set_threshold(current, float(threshold))

    def _back(self, action: str) -> None:
        self._release_pointer()
        if action == "Undo":
            self.session.undo()
        else:
            self.session.reset()
        self._later("finding its outline", self._make_preview)

    def _change(self, action: str) -> None:
        current = self.session.state.current
        if current is None:
            return
        if action == "Delete":
            self.session.delete(current)
        else:
            self.session.edit(current)
            self._later("finding its outline", self._make_preview)

    # Segmenting

    def _start(self, prompts: Sequence[ObjectPrompt] = ()) -> None:
        self._release_pointer()
        job = self.session.begin(prompts)
        if job is not None:
            threading.Thread(target=self._segment, args=(job,), name="selection job", daemon=True).start()

    def _segment(self, job: Job) -> None:
        session, error = self.session, ""
        try:
            from nerfseg_ns.selection.selector import Listener, SelectionCancelled

            listener = Listener(
                progress=lambda stage, done, total: session.progress(job, stage, done, total),
                cancelled=job.cancelled.is_set,
            )
            try:
                for selected in self.workbench.select(job.prompts, listener):
                    session.add_result(job, selected)
            except SelectionCancelled:
                error = "stopped; objects that were finished stay"
        except InputError as problem:
            error = str(problem)
        except Exception as problem:  # shown, and the viewer lives on
            CONSOLE.print_exception()
            error = f"{type(problem).__name__}: {problem}"
        finally:
            session.end(job, error)

    # Files

    def _save(self) -> None:
        prompts = self.session.prompts()
        if not prompts:
            raise InputError("there is nothing to save yet; click on an object first")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "prompts.json"
            write_prompts(path, prompts)
            self.client.send_file_download(path.name, path.read_bytes())

    def _load(self, file: Any) -> None:
        self._later("reading prompts", self._read, file.name, file.content)

    def _read(self, name: str, content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "prompts.json"
            path.write_bytes(content)
            try:
                prompts = read_prompts(path, self.workbench.scene())
            except InputError as error:
                raise InputError(str(error).replace(str(path), name or path.name)) from None
        self.session.load(prompts)

    def _start_export(self) -> None:
        entry = self.session.state.object(self.session.state.current)
        if entry is None or entry.selected is None:
            raise InputError("there is no object to export yet; segment one in 3D first")
        self._later("exporting", self._export, entry.selected)

    def _export(self, selected: "SelectedObject") -> None:
        from nerfseg_ns.selection.selector import Listener

        def tell(stage: str, done: int, total: int) -> None:
            self._busy = f"{stage} ({done} of {total})"
            self.refresh()

        folder = self.workbench.export(selected, Listener(progress=tell))
        self.client.add_notification("Exported", str(folder), auto_close=10000)

    # Drawing

    def refresh(self) -> None:
        """Make the panel and the picture agree with the session."""
        if self._closed or not hasattr(self, "save"):
            return
        with self._drawing, self.client.atomic():
            self._refresh()
        state = self.session.state
        shown = (state.mode, *((entry.selected, entry.colour) for entry in state.objects if entry.selected))
        if shown != self._shown:
            self._shown = shown
            self.render_again()

    def _refresh(self) -> None:
        session, state = self.session, self.session.state
        job, entry = session.job, self.session.state.object(self.session.state.current)
        _set(self.note, "content", self._advice())
        for name, button in self.buttons.items():
            _set(button, "disabled", self.pointer not in (None, name) or bool(self._busy))
        preview = self._previews.get(replace(state.draft, name=""))
        if preview is not None:
            _set(self.picture, "content", preview)
        _set(self.picture, "visible", preview is not None)
        _set(self.name, "value", state.draft.name)
        prompted = state.draft if state.draft.views or entry is None else entry.prompt
        _set(self.granularity, "value", prompted.granularity)
        waiting = any(each.selected is None for each in state.objects)
        _set(self.segment, "visible", job is None)
        _set(self.segment, "disabled", not (state.draft.views or waiting) or bool(self._busy))
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
        _set(self.objects, "content", "  \n".join(map(self._line, state.objects)))
        _set(self.mode, "value", MODE_NAMES[state.mode])
        for handle in (self.objects, self.current, self.mode, *self.changes.values()):
            _set(handle, "visible", bool(names))
        _set(self.threshold, "visible", entry is not None and entry.selected is not None)
        _set(self.save, "disabled", not session.prompts())
        _set(self.export, "disabled", entry is None or entry.selected is None or bool(self._busy))

    def _advice(self) -> str:
        session, state = self.session, self.session.state
        if session.error:
            return f"**{plain(session.error)}**"
        if session.job is not None:
            job = session.job
            steps = f" ({job.done} of {job.total})" if job.total else ""
            return plain(f"{job.stage[:1].upper()}{job.stage[1:]}{steps} ...")
        if self._busy:
            return plain(f"{self._busy[:1].upper()}{self._busy[1:]} ...")
        if self.pointer is not None:
            return f"**{POINTERS[self.pointer][1]}** The button gives the mouse back to the camera."
        if any(each.selected is None for each in state.objects):
            return "The loaded prompts wait for **Segment in 3D**."
        if state.draft.views:
            return "Is the outline right? Then **Segment in 3D**; if not, click again, on the object or beside it."
        return "Press **Click on the object**, then click on it in the scene."

    @staticmethod
    def _line(entry: Any) -> str:
        colour = "#{:02x}{:02x}{:02x}".format(*entry.colour)
        return f"`{colour}` {plain(entry.name)}" + ("" if entry.selected is not None else " (waits)")


def plain(text: str) -> str:
    """Text as the panel's markdown, in which every sign stands for itself.

    The panel runs markdown as MDX, where braces and tags in a name would be code.
    """
    return re.sub(r"([^\w\s])", r"\\\1", text, flags=re.ASCII).replace("\n", " ")


def _set(handle: Any, name: str, value: Any) -> None:
    if getattr(handle, name) != value:
        setattr(handle, name, value)


def _key(names: dict[str, str], value: str) -> str:
    return next(key for key in MODES if names[key] == value)
