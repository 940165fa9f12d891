"""What a session keeps, takes back and refuses."""

import threading
from dataclasses import replace

import pytest

from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.prompts_file import read_prompts, write_prompts
from nerfseg_ns.viewer.selection_session import SelectionSession
from nerfseg_ns.viewer.session_state import COLOURS


@pytest.fixture
def session():
    return SelectionSession()


@pytest.fixture
def segment(session, make_cube):
    """Segments the draft of the session at once."""

    def segment(*prompts):
        job = session.begin(prompts)
        assert job is not None, session.error
        for prompt in job.prompts:
            session.add_result(job, make_cube(0.0, 1.0, prompt))
        session.end(job)
        return job

    return segment


def test_clicks_and_a_box_gather_by_view(session):
    session.add_point("007", 3.5, 4.5, 1)
    session.add_point("009", 1.0, 2.0, 1)
    session.add_point("007", 8.0, 9.0, 0)
    session.set_box("009", (0.0, 0.0, 5.0, 5.0))
    session.set_box("009", (1.0, 1.0, 5.0, 5.0))
    assert session.error == ""
    assert session.state.draft.views == (
        ViewPrompt("007", ((3.5, 4.5, 1), (8.0, 9.0, 0))),
        ViewPrompt("009", ((1.0, 2.0, 1),), (1.0, 1.0, 5.0, 5.0)),
    )


def test_undo_goes_back_step_by_step_through_clicks_results_and_thresholds(session, segment):
    seen = []

    def note():
        state = session.state
        seen.append((state.draft, [(entry.name, entry.selected.threshold) for entry in state.objects]))

    note()
    session.add_point("007", 3.0, 4.0, 1)
    note()
    session.add_point("007", 6.0, 4.0, 0)
    note()
    segment()
    note()
    assert session.state.draft.views == () and session.state.current == "object 1"
    for threshold in (0.6, 0.7, 0.8):  # one drag of the slider
        session.set_threshold("object 1", threshold)
    note()
    session.delete("object 1")
    note()
    assert seen[-1][1] == [] and seen[-2][1] == [("object 1", 0.8)]
    while session.can_undo:
        expected = seen[-2]
        session.undo()
        seen.pop()
        state = session.state
        assert (state.draft, [(entry.name, entry.selected.threshold) for entry in state.objects]) == expected
    assert len(seen) == 1
    session.undo()
    assert session.error == "there is nothing to undo"


def test_undo_brings_back_what_reset_took(session, segment):
    session.add_point("007", 3.0, 4.0, 1)
    segment()
    before = session.state
    session.reset()
    assert session.state.objects == () and session.state.draft == ObjectPrompt("object 1")
    session.undo()
    assert session.state.objects == before.objects


def test_saved_prompts_replay_to_the_same_prompts(session, segment, tmp_path):
    session.add_point("007", 3.25, 4.75, 1)
    session.add_point("007", 30.0, 4.0, 0)
    session.rename("town hall")
    segment()
    session.set_box("009", (2.5, 3.0, 40.0, 50.5))
    session.set_granularity("whole")
    saved = session.prompts()
    assert [prompt.name for prompt in saved] == ["town hall", "object 1"]
    write_prompts(tmp_path / "prompts.json", saved)

    other = SelectionSession()
    other.load(read_prompts(tmp_path / "prompts.json"))
    assert other.prompts() == saved
    assert [entry.selected for entry in other.state.objects] == [None, None]
    job = other.begin()
    assert job is not None and job.prompts == saved


@pytest.mark.parametrize(
    "act, message",
    [
        (lambda s: s.set_box("007", (5.0, 5.0, 5.0, 9.0)), "the box is empty"),
        (lambda s: s.set_threshold("object 1", 1.5), "expected 0 to 1"),
        (lambda s: s.set_threshold("nobody", 0.5), "no object 'nobody'"),
        (lambda s: s.delete("nobody"), "no object 'nobody'"),
        (lambda s: s.edit("nobody"), "no object 'nobody'"),
        (lambda s: s.set_granularity("huge"), "expected one of auto, part, object, whole"),
        (lambda s: s.show("sideways"), "expected one of highlight, isolate, remove"),
        (lambda s: s.load([]), "no objects"),
    ],
)
def test_mistakes_become_messages_and_change_nothing(session, segment, act, message):
    session.add_point("007", 3.0, 4.0, 1)
    segment()
    session.add_point("008", 3.0, 4.0, 1)
    before = session.state
    act(session)
    assert message in session.error
    assert session.state is before
    session.set_threshold("object 1", 0.4)
    assert session.error == ""


def test_a_first_click_beside_the_object_is_refused(session):
    session.add_point("007", 1.0, 1.0, 0)
    assert "start with a click on the object" in session.error and session.state.draft.views == ()


def test_names_are_checked_but_may_be_half_typed(session, segment):
    session.add_point("007", 3.0, 4.0, 1)
    segment()
    session.add_point("008", 3.0, 4.0, 1)
    for name, message in (("object 1", "already"), ("a/b", "a/b"), ("", "''")):
        session.rename(name)
        assert message in session.error and session.state.draft.name == name
        assert session.begin() is None and message in session.error and session.job is None
    session.rename("tower ")
    assert session.error == ""
    segment()
    assert [entry.name for entry in session.state.objects] == ["object 1", "tower"]


def test_objects_get_different_colours_and_keep_them(session, segment):
    for _ in range(3):
        session.add_point("007", 3.0, 4.0, 1)
        segment()
    assert [entry.colour for entry in session.state.objects] == list(COLOURS[:3])
    session.delete("object 2")
    session.add_point("007", 3.0, 4.0, 1)
    segment()
    assert {entry.name: entry.colour for entry in session.state.objects} == {
        "object 1": COLOURS[0],
        "object 3": COLOURS[2],
        "object 4": COLOURS[1],
    }


def test_editing_replaces_the_object_and_keeps_its_threshold(session, segment):
    session.add_point("007", 3.0, 4.0, 1)
    segment()
    session.set_threshold("object 1", 0.7)
    session.edit("object 1")
    session.add_point("007", 9.0, 9.0, 0)
    session.rename("shed")
    segment()
    (entry,) = session.state.objects
    assert entry.name == "shed" and entry.selected.threshold == 0.7
    assert entry.prompt.views == (ViewPrompt("007", ((3.0, 4.0, 1), (9.0, 9.0, 0))),)
    assert session.state.edited is None and session.state.draft.views == ()


def test_granularity_of_an_object_is_segmented_once_and_then_known(session, segment):
    session.add_point("007", 3.0, 4.0, 1)
    segment()
    wanted = session.set_granularity("part")
    assert [prompt.granularity for prompt in wanted] == ["part"]
    segment(*wanted)
    (entry,) = session.state.objects
    assert entry.prompt.granularity == "part"
    part = entry.selected
    assert session.set_granularity("auto") == ()
    assert session.state.objects[0].prompt.granularity == "auto" and session.state.objects[0].selected is not part
    assert session.set_granularity("part") == ()
    assert session.state.objects[0].selected.votes is part.votes


def test_one_job_at_a_time_and_a_job_that_was_given_up_changes_nothing(session, make_cube):
    assert session.begin() is None and "nothing to segment" in session.error
    session.add_point("007", 3.0, 4.0, 1)
    job = session.begin()
    assert session.begin() is None and "still running" in session.error
    session.cancel()
    assert job.cancelled.is_set()
    session.reset()
    session.add_result(job, make_cube(0.0, 1.0, job.prompts[0]))
    session.end(job, "too late")
    assert session.state.objects == () and session.job is None and session.error == ""


def test_clicks_made_while_a_job_runs_belong_to_the_next_object(session, make_cube):
    session.add_point("007", 3.0, 4.0, 1)
    job = session.begin()
    session.add_point("007", 30.0, 4.0, 1)
    session.add_result(job, make_cube(0.0, 1.0, job.prompts[0]))
    session.end(job)
    assert [entry.name for entry in session.state.objects] == ["object 1"]
    assert session.state.draft.name == "object 2" and len(session.state.draft.views[0].points) == 2


def test_finished_objects_stay_when_a_job_fails(session, make_cube):
    first = ObjectPrompt("a", (ViewPrompt("007", ((1.0, 1.0, 1),)),))
    session.load([first, replace(first, name="b")])
    job = session.begin()
    session.add_result(job, make_cube(0.0, 1.0, first))
    session.end(job, "the second one failed")
    assert session.error == "the second one failed"
    assert [entry.selected is not None for entry in session.state.objects] == [True, False]
    assert [prompt.name for prompt in session.begin().prompts] == ["b"]


def test_sessions_know_nothing_of_each_other_and_take_clicks_from_many_threads():
    calls = []
    one, other = SelectionSession(lambda: calls.append(1)), SelectionSession()
    threads = [threading.Thread(target=one.add_point, args=("007", float(i), 1.0, 1)) for i in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(point[0] for point in one.state.draft.views[0].points) == [float(i) for i in range(40)]
    assert len(calls) == 40 and other.state.draft.views == () and not other.can_undo


def test_a_class_stays_for_further_objects_and_is_changed_without_making_the_object_again(session, segment, tmp_path):
    for half_typed in ("Build", "Building "):
        session.set_draft_class(half_typed)
    session.add_point("007", 3.0, 4.0, 1)
    segment()
    assert session.state.objects[0].selected.prompt.class_name == session.state.draft.class_name == "Building"
    session.set_draft_class("")
    session.add_point("008", 3.0, 4.0, 1)
    segment()
    first, second = session.state.objects
    assert second.prompt.class_name is None

    session.set_class("object 1", "Hut")
    changed = session.state.objects[0]
    assert changed.prompt.class_name == changed.selected.prompt.class_name == "Hut"
    assert changed.selected.votes is first.selected.votes
    session.undo()
    assert session.state.objects[0].prompt.class_name == "Building"
    session.set_class("object 2", "no/class")
    assert "object 'object 2': \"class\" is 'no/class'" in session.error and session.state.objects[1] is second

    write_prompts(tmp_path / "prompts.json", session.prompts())
    assert [each.class_name for each in read_prompts(tmp_path / "prompts.json")] == ["Building", None]
    while session.can_undo:
        session.undo()
    assert session.state.draft.class_name is None


def test_a_class_that_cannot_be_one_is_refused_where_it_is_written_and_when_it_is_used(session):
    session.add_point("007", 3.0, 4.0, 1)
    session.set_draft_class("a/b")
    assert "Class" in session.error
    assert session.begin() is None and "\"class\" is 'a/b'" in session.error


def test_learning_needs_an_object_with_a_class_and_no_other_job(session, segment):
    session.add_point("007", 3.0, 4.0, 1)
    segment()
    assert session.begin_learning() is None and "no object has a class" in session.error
    session.set_class("object 1", "Building")
    job = session.begin_learning()
    assert job is not None and job.prompts == ()
    assert session.begin_learning() is None and "still running" in session.error
    session.add_point("007", 3.0, 4.0, 1)
    assert session.begin() is None and "still running" in session.error
    session.cancel()
    assert job.cancelled.is_set()
    session.end(job, "stopped")
    assert session.error == "stopped" and session.begin() is not None
