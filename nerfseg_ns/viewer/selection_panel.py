"""The panel of one browser: buttons and pictures over a session."""

import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from nerfstudio.utils.rich_utils import CONSOLE

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.selection.prompts import ObjectPrompt
from nerfseg_ns.selection.prompts_file import read_prompts, write_prompts
from nerfseg_ns.viewer.canvas import Canvas, scene_units
from nerfseg_ns.viewer.canvas_pointer import CanvasPointer
from nerfseg_ns.viewer.outline_pictures import OutlinePictures
from nerfseg_ns.viewer.panel_elements import MODE_NAMES, NO_CLASS, PanelElements
from nerfseg_ns.viewer.selection_session import SelectionSession
from nerfseg_ns.viewer.session_job import Job, run_job
from nerfseg_ns.viewer.workbench import Workbench

if TYPE_CHECKING:
    from nerfseg_ns.selection.selected_object import SelectedObject
    from nerfseg_ns.selection.selector import Listener
    from nerfseg_ns.viewer.selection_rendering import ShownObjects

_MODES = {shown: mode for mode, shown in MODE_NAMES.items()}


class SelectionPanel:
    """Shows a session in the panel of one browser and acts on what is clicked there.

    Every callback returns at once; work is done in this panel's own thread, one thing after the other, and a selection
    in another one. An error is shown in the panel and ends nothing.

    Args:
        client: viser's handle of the browser.
        session: the state.
        workbench: scene and engine.
        render_again: has the browser's picture drawn anew.
    """

    def __init__(
        self, client: Any, session: SelectionSession, workbench: Workbench, render_again: Callable[[], None]
    ) -> None:
        self.client = client
        self.session = session
        self.workbench = workbench
        self.render_again = render_again
        self.pointer = CanvasPointer(client.scene, lambda name, event: self._guarded(self._pointed, name, event))
        self.pictures = OutlinePictures(workbench.preview)
        self._elements: PanelElements | None = None
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="selection")
        self._drawing = threading.RLock()
        self._busy = ""
        self._closed = False
        self._shown: Any = None
        session.changed = self.refresh

    def build(self, opened: bool = False, order: float | None = None) -> None:
        """Add the elements.

        Args:
            opened: whether the panel is unfolded.
            order: its place among the viewer's elements, None for the last.
        """
        elements = PanelElements(self.client.gui, opened, order)
        for name, button in elements.pointers.items():
            button.on_click(lambda _, name=name: self._guarded(self._press_pointer, name))
        self._on_value(elements.name, self.session.rename)
        self._on_value(elements.class_name, self.session.set_draft_class)
        self._on_value(elements.object_class, self._set_class)
        self._on_value(elements.granularity, self._set_granularity)
        self._on_value(elements.current, self.session.choose)
        self._on_value(elements.threshold, self._set_threshold)
        self._on_value(elements.mode, lambda shown: self.session.show(_MODES[shown]))
        elements.segment.on_click(lambda _: self._guarded(self._start))
        elements.learn.on_click(lambda _: self._guarded(self._start_learning))
        elements.cancel.on_click(lambda _: self._guarded(self.session.cancel))
        for name, button in elements.backs.items():
            button.on_click(lambda _, name=name: self._guarded(self._back, name))
        for name, button in elements.changes.items():
            button.on_click(lambda _, name=name: self._guarded(self._change, name))
        elements.export.on_click(lambda _: self._guarded(self._start_export))
        elements.save.on_click(lambda _: self._guarded(self._save))
        elements.load.on_upload(lambda event: self._guarded(self._load, event.target.value))
        self._elements = elements
        self.refresh()

    def close(self) -> None:
        """The browser is gone; a running selection goes on for the session."""
        self._closed = True
        self.session.changed = lambda: None
        self._worker.shutdown(wait=False, cancel_futures=True)

    def shown(self) -> "ShownObjects | None":
        """What this browser's pictures show; None: the scene as it is."""
        state = self.session.state
        made = [(entry.selected, entry.colour) for entry in state.objects if entry.selected is not None]
        objects = tuple((selected, colour) for selected, colour in made if selected.has_place)
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
        self.pointer.press(name)
        self.session.fail("")

    def _pointed(self, name: str, event: Any) -> None:
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
        direction = torch.nn.functional.normalize(direction, dim=0)
        sky = label == 1 and self.session.state.draft.class_name is not None
        view, x, y = self.workbench.place_click(origin, direction, self._views(), sky)
        self.session.add_point(view, x, y, label)
        self._after_prompt()

    def _place_box(self, canvas: Canvas, places: Any) -> None:
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
        state = self.session.state
        prompt, edited = state.draft, state.object(state.edited)
        if not prompt.views or self.pictures.get(prompt) is not None:
            return
        self._busy = "finding its outline"
        self.refresh()
        self.pictures.draw(prompt, edited.colour if edited is not None else state.free_colour())
        self.refresh()

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

    def _set_class(self, name: str) -> None:
        current = self.session.state.current
        if current is not None:
            self.session.set_class(current, None if name == NO_CLASS else name)

    def _back(self, action: str) -> None:
        self.pointer.release()
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
        self.pointer.release()
        job = self.session.begin(prompts)
        if job is not None:
            threading.Thread(target=self._segment, args=(job,), name="selection job", daemon=True).start()

    def _segment(self, job: Job) -> None:
        def work(listener: "Listener") -> None:
            for selected in self.workbench.select(job.prompts, listener):
                self.session.add_result(job, selected)

        run_job(self.session, job, work, "stopped; objects that were finished stay")

    def _start_learning(self) -> None:
        self.pointer.release()
        learner, job = self.workbench.learner, self.session.begin_learning()
        if job is not None:
            objects = [entry.selected for entry in self.session.state.objects if entry.selected is not None]

            def work(listener: "Listener") -> None:
                assert learner is not None
                learner.learn(objects, self.workbench.scene(), listener)

            arguments = (self.session, job, work, "stopped; the scene says what it said before")
            threading.Thread(target=run_job, args=arguments, name="learning job", daemon=True).start()

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
        if self._closed or self._elements is None:
            return
        with self._drawing, self.client.atomic():
            try:
                picture = self.pictures.get(self.session.state.draft)
                self._elements.show(self.session, self._busy, self.pointer.taken, picture, self.workbench.learner)
            except Exception:  # atomic() keeps viser's lock for ever when its block raises: all browsers would hang
                CONSOLE.print_exception()
        state = self.session.state
        shown = (state.mode, *((entry.selected, entry.colour) for entry in state.objects if entry.selected))
        if shown != self._shown:
            self._shown = shown
            self.render_again()
