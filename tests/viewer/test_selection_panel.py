"""What one panel says and does, on viser's own elements without a browser."""

import json
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.selection.selector import FirstMask
from nerfseg_ns.viewer.class_learner import LearnedClasses
from nerfseg_ns.viewer.selection_panel import SelectionPanel
from nerfseg_ns.viewer.selection_session import SelectionSession
from nerfseg_ns.viewer.workbench import Workbench

SIZE = 8


class Engine:
    """Makes the cube of every prompt; raises :attr:`error` when there is one."""

    def __init__(self, make_cube):
        self.make_cube = make_cube
        self.error = None

    def first_mask(self, scene, segmenter, prompt):
        self._fail()
        return FirstMask(0, np.ones((1, SIZE, SIZE), dtype=bool), np.ones(1, dtype=np.float32), 0)

    def select(self, scene, segmenter, prompts, listener):
        for number, prompt in enumerate(prompts):
            listener.step("voting", number, len(prompts))
            self._fail()
            yield self.make_cube(0.0, 1.0, prompt)

    def _fail(self):
        if self.error is not None:
            raise self.error


@pytest.fixture
def engine(make_cube, monkeypatch):
    made = Engine(make_cube)
    monkeypatch.setattr("nerfseg_ns.selection.selector.make_selector", lambda name: made)
    return made


@pytest.fixture
def panel(engine, make_browser, monkeypatch, tmp_path):
    """A panel over a scene of one grey view, opened in a browser."""
    view = SimpleNamespace(
        names=["000"],
        image=lambda number: np.full((SIZE, SIZE, 3), 128, dtype=np.uint8),
        samples=lambda number: SimpleNamespace(distance=torch.ones(SIZE, SIZE)),
        frame=None,
    )
    monkeypatch.setattr(Workbench, "scene", lambda workbench: view)
    workbench = Workbench(SimpleNamespace(), tmp_path)
    workbench.drawn = []
    made = SelectionPanel(make_browser(), SelectionSession(), workbench, lambda: workbench.drawn.append(1))
    made.build()
    yield made
    made.close()


@pytest.fixture
def segmenter(monkeypatch):
    """One that is there."""
    monkeypatch.setattr("nerfseg_ns.segmenters.registry.make_segmenter", lambda name: object())


@pytest.fixture
def click(panel, wait_until):
    """A click on the object at the ray's place, which is pixel (2, 3) of the view."""
    panel.workbench.place_click = lambda origin, direction, preferred=(), sky=False: ("000", 2.0, 3.0)

    def click():
        panel.client.act(panel._elements.pointers["on"])
        assert panel.pointer.taken == "on"
        panel.client.point(SimpleNamespace(ray_origin=(0.0, 0.0, 1.0), ray_direction=(0.0, 0.0, -1.0)))
        assert panel.pointer.taken is None
        # the job may be over before the panel says what it found
        wait_until(lambda: panel.session.state.draft.views and not panel._busy and "Finding" not in note(panel))

    return click


def note(panel):
    """What the panel says, without markdown's signs."""
    return panel._elements.note.content.replace("\\", "").replace("**", "")


def test_missing_weights_are_named_with_the_command_that_installs_them(panel, click, wait_until, monkeypatch, tmp_path):
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("NERFSEG_CACHE", str(tmp_path / "cache"))
    click()
    wait_until(lambda: note(panel).endswith("nerfseg sam install mobile-sam"))
    panel.client.act(panel._elements.segment)
    wait_until(lambda: panel.session.job is None and note(panel).endswith("nerfseg sam install mobile-sam"))
    assert len(panel.session.state.draft.views) == 1 and panel.session.state.objects == ()


@pytest.mark.usefixtures("segmenter")
@pytest.mark.parametrize(
    "error, message",
    [
        (InputError("nothing is dense there"), "nothing is dense there"),
        (RuntimeError("out of {memory}"), "RuntimeError: out of {memory}"),
    ],
)
def test_an_error_of_the_engine_shows_and_the_panel_works_afterwards(panel, click, engine, wait_until, error, message):
    click()
    assert "Is the outline right?" in note(panel) and panel._elements.picture.visible
    engine.error = error
    panel.client.act(panel._elements.segment)
    wait_until(lambda: note(panel) == message and not panel._elements.cancel.visible)
    assert panel._elements.segment.visible

    engine.error = None
    panel.client.act(panel._elements.segment)
    wait_until(lambda: panel._elements.threshold.visible and panel.session.job is None)
    assert panel._elements.objects.content == "`#ff6347` object 1"
    assert len(panel.workbench.drawn) == 2  # the scene as it is, and with the object
    panel.client.act(panel._elements.threshold, 0.25)
    assert panel.session.state.objects[0].selected.threshold == 0.25


@pytest.mark.usefixtures("segmenter")
def test_an_error_of_the_preview_keeps_the_click(panel, click, engine, wait_until):
    engine.error = InputError("the mask is empty")
    click()
    assert note(panel) == "the mask is empty" and not panel._elements.picture.visible
    engine.error = None
    click()
    wait_until(lambda: panel._elements.picture.visible)
    (view,) = panel.session.state.draft.views
    assert view.points == ((2.0, 3.0, 1), (2.0, 3.0, 1))


@pytest.mark.usefixtures("segmenter")
def test_every_export_gets_a_folder_of_its_own(panel, click, wait_until, monkeypatch):
    written = []
    monkeypatch.setattr("nerfseg_ns.selection.object_file.write_object", lambda path, *_: written.append(path))
    monkeypatch.setattr("nerfseg_ns.selection.object_masks.write_masks", lambda *_: None)
    monkeypatch.setattr("nerfseg_ns.selection.object_export.export_object", lambda *_, **__: None)
    click()
    panel.client.act(panel._elements.segment)
    wait_until(lambda: panel._elements.export.visible and not panel._elements.export.disabled)
    for count in (1, 2, 3):
        panel.client.act(panel._elements.export)
        wait_until(lambda count=count: len(panel.client.notes) == count)
    folders = [panel.workbench.folder / name for name in ("object 1", "object 1-2", "object 1-3")]
    assert [path.parent for path in written] == folders and all(folder.is_dir() for folder in folders)
    assert panel.client.notes == [("Exported", str(folder)) for folder in folders]


def test_a_broken_file_of_prompts_is_named_as_the_user_knows_it(panel, wait_until):
    record = {"version": 1, "objects": [{"name": "a", "view": "999", "points": [[1, 1, 1]]}]}
    for content, words in ((b"{", "mine.json"), (json.dumps(record).encode(), "999")):
        panel.client.act(panel._elements.load, SimpleNamespace(name="mine.json", content=content))
        wait_until(lambda words=words: words in note(panel) and "mine.json" in note(panel))
        assert panel.session.state.objects == ()


def test_a_mistake_in_drawing_the_panel_does_not_stop_its_messages(panel, monkeypatch, wait_until):
    elements = panel._elements
    monkeypatch.setattr(elements, "show", lambda *_: 1 / 0)
    panel.refresh()
    monkeypatch.undo()
    # from another thread: viser's lock lets in the one that has it
    threading.Thread(target=panel.session.fail, args=("heard again",), daemon=True).start()
    wait_until(lambda: note(panel) == "heard again")
    assert note(panel) == "heard again"


class Learner:
    """Learns as long as it is told to; raises :attr:`error` when there is one."""

    def __init__(self, folder):
        self.folder, self.error, self.learned = folder, None, None
        self.go_on, self.objects = threading.Event(), None

    def class_table(self):
        return ClassTable(()).extended(["Road"])

    def learn(self, objects, scene, listener):
        self.objects = list(objects)
        while not self.go_on.is_set():
            listener.step("learning classes", 3, 10)
        if self.error is not None:
            raise self.error
        self.learned = LearnedClasses(self.folder / "run-clicks", self.class_table())


@pytest.mark.usefixtures("segmenter")
def test_objects_are_given_classes_and_classes_are_learned(panel, click, wait_until, tmp_path):
    learner = panel.workbench.learner = Learner(tmp_path)
    elements = panel._elements
    panel.client.act(elements.class_name, "Pond")
    click()
    panel.client.act(elements.segment)
    wait_until(lambda: elements.object_class.visible and panel.session.job is None)
    assert elements.objects.content == "`#ff6347` object 1: Pond" and elements.class_name.value == "Pond"
    assert elements.object_class.options == ("(none)", "Road", "Pond") and elements.object_class.value == "Pond"
    panel.client.act(elements.object_class, "(none)")
    assert elements.objects.content == "`#ff6347` object 1" and not elements.learn.visible
    panel.client.act(elements.object_class, "Road")

    panel.client.act(elements.learn)
    wait_until(lambda: note(panel) == "Learning classes (3 of 10) ...")
    assert elements.cancel.visible and elements.bar.value == 30.0 and elements.learn.disabled
    panel.client.act(elements.cancel)
    wait_until(lambda: note(panel) == "stopped; the scene says what it said before")
    assert not elements.learned.visible

    learner.go_on.set()
    learner.error = InputError("the run is still training")
    panel.client.act(elements.learn)
    wait_until(lambda: note(panel) == "the run is still training" and panel.session.job is None)
    learner.error = None
    panel.client.act(elements.learn)
    wait_until(lambda: elements.learned.visible)
    assert "run-clicks" in elements.learned.content.replace("\\", "")
    assert [each.prompt.class_name for each in learner.objects] == ["Road"]


@pytest.mark.usefixtures("segmenter")
def test_a_click_may_mean_the_sky_only_when_a_class_is_written(panel, wait_until):
    asked = []

    def place(origin, direction, preferred=(), sky=False):
        asked.append(sky)
        return "000", 2.0, 3.0

    panel.workbench.place_click = place
    ray = SimpleNamespace(ray_origin=(0.0, 0.0, 1.0), ray_direction=(0.0, 0.0, -1.0))
    for count, (written, name) in enumerate((("", "on"), ("Sky", "on"), ("Sky", "beside")), start=1):
        panel.client.act(panel._elements.class_name, written)
        panel.client.act(panel._elements.pointers[name])
        panel.client.point(ray)
        wait_until(lambda count=count: len(asked) == count and not panel._busy)
    assert asked == [False, True, False]
