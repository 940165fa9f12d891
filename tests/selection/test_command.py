"""`nerfseg segment` and `nerfseg export object`."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from nerfseg_ns.cli import run
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.selection import command
from nerfseg_ns.selection.object_file import read_object
from nerfseg_ns.selection.run_scene import RunScene
from nerfseg_ns.selection.selector import SELECTORS
from nerfseg_ns.selection.session_folder import SessionFolder


@pytest.fixture
def prompts(tmp_path):
    """Writes prompts.json: objects of the tiny scene's first view, by name and pixel."""

    def write(**clicks):
        objects = [{"name": name, "view": "000", "points": [[*xy, 1]]} for name, xy in clicks.items()]
        (tmp_path / "prompts.json").write_text(json.dumps({"version": 1, "objects": objects}))
        return tmp_path / "prompts.json"

    return write


@pytest.fixture
def engine(analytic, monkeypatch):
    """An engine and a segmenter that need no weights, by the names ``vote`` and ``mobile-sam``; counts its objects."""

    class Counting(analytic.DirectSelector):
        selected = []

        def select(self, *arguments):
            for selected in super().select(*arguments):
                self.selected.append(selected.prompt.name)
                yield selected

    monkeypatch.setitem(sys.modules, "engine_for_tests", Counting)
    monkeypatch.setitem(SELECTORS, "vote", "engine_for_tests:Engine")
    Counting.Engine = Counting
    import nerfseg_ns.segmenters.registry as registry

    monkeypatch.setattr(registry, "make_segmenter", lambda name, checkpoint: analytic.ColourSegmenter())
    return Counting


@pytest.fixture
def call(train_tiny_run, tmp_path):
    """Runs ``nerfseg segment`` on a tiny run; returns the exit code."""
    config = train_tiny_run()

    def act(path, *options):
        return run(
            ["segment", "--load-config", str(config), "--prompts", str(path), "--output-dir", str(tmp_path / "out")]
            + list(options)
        )

    act.config = config
    return act


def test_the_files_of_a_session(call, prompts, engine, tmp_path, capsys):
    out = tmp_path / "out"
    assert call(prompts(ground=(12.5, 12.5), road=(2.5, 20.5))) == 0
    assert sorted(p.name for p in out.iterdir()) == [
        "ground-overlay.png", "ground.npz", "masks", "report.json", "road-overlay.png", "road.npz",
    ]  # fmt: skip
    for name in ("ground", "road"):
        masks = sorted((out / "masks" / name).iterdir())
        assert [p.name for p in masks] == [f"00{view}.png" for view in range(6)]
        for path in masks:
            with Image.open(path) as image:
                assert image.mode == "L" and image.size == (24, 24)
                assert set(np.unique(np.array(image))) <= {0, 255}
    report = json.loads((out / "report.json").read_text())
    assert report["method"] == "vote" and report["views"] == 6 and report["step"] == 7 and not report["failed"]
    assert list(report["objects"]) == ["ground", "road"]
    entry = report["objects"]["ground"]
    with Image.open(out / "masks" / "ground" / "003.png") as image:
        assert entry["pixels"]["003"] == int((np.array(image) > 0).sum())
    assert max(entry["pixels"].values()) > 20 and entry["seconds"].keys() == {"voting", "masks"}
    assert read_object(out / "ground.npz").object.report == entry
    printed = capsys.readouterr().out
    assert "report.json" in printed and "can be deleted" in printed

    # the folder is not written into again without a word
    assert call(prompts(ground=(12.5, 12.5))) == 1
    assert "not empty; add --resume" in capsys.readouterr().err

    # --resume does only what is new or has changed
    engine.selected.clear()
    assert call(prompts(ground=(12.5, 12.5), road=(3.5, 20.5), more=(20.5, 4.5)), "--resume") == 0
    assert engine.selected == ["road", "more"]
    again = json.loads((out / "report.json").read_text())
    assert list(again["objects"]) == ["ground", "road", "more"] and again["objects"]["ground"] == entry

    # with other options it deletes nothing
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert call(prompts(new=(9.5, 9.5), ground=(12.5, 12.5)), "--resume", "--source", "rendered") == 1
    error = capsys.readouterr().err
    assert "ground.npz: made with source 'captured', now 'rendered'; to replace it, add --overwrite" in error
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before

    assert call(prompts(road=(3.5, 20.5)), "--overwrite", "--source", "rendered") == 0
    assert engine.selected[2:] == ["road"]
    assert read_object(out / "road.npz").object.report["settings"]["source"] == "rendered"
    assert call(prompts(road=(3.5, 20.5)), "--overwrite", "--resume") == 1


def test_one_bad_object_does_not_stop_the_others(call, prompts, engine, tmp_path, capsys):
    assert call(prompts(one=(12.5, 12.5), bad=(5.5, 5.5), two=(2.5, 20.5))) == 1
    error = capsys.readouterr().err
    assert "1 of 3 objects could not be selected: bad: object 'bad': nothing is dense" in error
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert list(report["objects"]) == ["one", "two"] and list(report["failed"]) == ["bad"]
    assert not (tmp_path / "out" / "bad.npz").exists() and (tmp_path / "out" / "two.npz").exists()


def test_after_ctrl_c_finished_objects_stay(call, prompts, engine, tmp_path, monkeypatch, capsys):
    whole = RunScene.samples
    asked = []

    def interrupted(self, view):
        asked.append(view)
        if len(asked) > 20:  # 6 for the votes of each object, 6 for its masks
            raise KeyboardInterrupt
        return whole(self, view)

    path = prompts(one=(12.5, 12.5), two=(2.5, 20.5))
    with monkeypatch.context() as patch:
        patch.setattr(RunScene, "samples", interrupted)
        assert call(path) == 130
    assert "1 of 2 objects are finished" in (error := capsys.readouterr().err) and "--resume" in error
    out = tmp_path / "out"
    assert read_object(out / "one.npz").object.prompt.name == "one"
    assert not (out / "two.npz").exists() and not (out / "report.json").exists()
    engine.selected.clear()
    assert call(path, "--resume") == 0
    assert engine.selected == ["two"]
    assert list(json.loads((out / "report.json").read_text())["objects"]) == ["one", "two"]


def test_an_object_stays_until_its_replacement_is_written(call, prompts, engine, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    assert call(prompts(one=(12.5, 12.5), two=(2.5, 20.5))) == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    def interrupted(*_):
        raise KeyboardInterrupt
        yield

    def failing(*_):
        raise InputError("nothing is dense there")
        yield

    for options in (["--overwrite"], ["--overwrite", "--source", "rendered"]):
        with monkeypatch.context() as patch:
            patch.setattr(engine, "select", interrupted)
            assert call(prompts(one=(12.5, 12.5), two=(2.5, 20.5)), *options) == 130
        assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
        advice = capsys.readouterr().err
        assert ("the same command starts again" in advice) == (len(options) > 1)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "select", failing)
        assert call(prompts(one=(12.6, 12.5)), "--resume") == 1
    assert (out / "one.npz").read_bytes() == before[out / "one.npz"]
    assert json.loads((out / "report.json").read_text())["failed"] == {"one": "nothing is dense there"}


@pytest.mark.parametrize("content", ["mine", "[1]", '{"version": 1, "objects": []}'])
def test_another_programs_report_is_neither_deleted_nor_replaced(prompts, tmp_path, content):
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.json").write_text(content)
    folder = SessionFolder(out)
    for overwrite in (True, False):
        with pytest.raises(InputError, match="report.json: not a report of nerfseg segment"):
            folder.check(overwrite, not overwrite)
    for act in (lambda: folder.discard("one"), lambda: folder.write_report({})):
        with pytest.raises(InputError, match="not a report of nerfseg segment"):
            act()
    assert (out / "report.json").read_text() == content


def test_prompts_are_checked_before_anything_is_rendered(call, prompts, engine, tmp_path, capsys):
    assert call(prompts(outside=(24.5, 3.0))) == 1
    assert "object 'outside', view '000': point (24.5, 3) is outside of the image" in capsys.readouterr().err
    assert not (tmp_path / "out").exists() and not (tmp_path / "cache").exists()


def test_a_folder_that_cannot_be_written_is_found_before_anything_is_rendered(call, prompts, engine, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert call(prompts(ground=(12.5, 12.5)), "--output-dir", str(tmp_path / "file" / "out")) == 1
    assert "out: cannot be written: Not a directory" in capsys.readouterr().err
    assert not (tmp_path / "cache").exists() and not engine.selected


@pytest.fixture
def classed(prompts):
    """prompts.json with one click on the ground for each of some classes."""

    def write(*classes):
        path = prompts(**{f"ground {index}": (12.5, 12.5) for index in range(len(classes))})
        document = json.loads(path.read_text())
        for record, name in zip(document["objects"], classes, strict=True):
            record["class"] = name
        path.write_text(json.dumps(document))
        return path

    return write


def test_labels_that_cannot_be_written_are_found_before_anything_is_rendered(call, classed, engine, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert call(classed("Road"), "--labels-out", str(tmp_path / "file" / "labels")) == 1
    assert "--labels-out" in (error := capsys.readouterr().err) and "cannot be written: Not a directory" in error
    assert call(classed(*(f"kind {index}" for index in range(256))), "--labels-out", str(tmp_path / "labels")) == 1
    assert "at most 254" in capsys.readouterr().err
    assert not (tmp_path / "cache").exists() and not engine.selected


def test_a_class_that_the_scene_does_not_have_is_named(call, classed, engine, tmp_path, capsys):
    assert call(classed("Bulding", "building"), "--labels-out", str(tmp_path / "labels")) == 0
    said = capsys.readouterr().out
    assert "class 'Bulding': new, the scene does not have it; did you mean Building?" in said
    assert said.count("new, the scene") == 1


def test_mistakes_that_need_no_run(prompts, tmp_path, monkeypatch):
    options = command.SegmentOptions(tmp_path / "none.yml", prompts(a=(1, 1)), tmp_path / "out")
    options.method = "votes"
    with pytest.raises(InputError, match="no selection method 'votes'; did you mean vote"):
        command.segment(options)
    options.method, options.prompts = "vote", tmp_path / "none.json"
    with pytest.raises(InputError, match="none.json: no such file"):
        command.segment(options)
    (tmp_path / "file").touch()
    options.output_dir = tmp_path / "file"
    with pytest.raises(InputError, match="a file; expected a folder"):
        command.segment(options)


def test_export_of_an_object(call, prompts, engine, tmp_path, capsys):
    assert call(prompts(ground=(12.5, 12.5))) == 0
    arguments = ["export", "object", "--load-config", str(call.config), "--output-dir", str(tmp_path / "exported")]
    arguments += ["--objects", str(tmp_path / "out" / "ground.npz")]
    capsys.readouterr()
    assert run(arguments) == 0
    files = sorted((tmp_path / "exported").iterdir())
    assert [p.name for p in files] == ["ground-box.json", "ground-mesh.ply", "ground-points.ply"]
    assert sorted(capsys.readouterr().out.split()[-3:]) == [str(p) for p in files]
    box = json.loads(files[0].read_text())
    assert all(low < high for low, high in zip(box["input"]["low"], box["input"]["high"]))
    assert run(arguments) == 1
    assert "exists already; add --overwrite" in capsys.readouterr().err
    assert run([*arguments, "--overwrite", "--threshold", "2"]) == 1
    assert "--threshold 2.0: expected 0 to 1" in capsys.readouterr().err


def test_kinds_of_export(capsys):
    assert run(["export", "--help"]) == 0
    assert "object" in capsys.readouterr().out
    assert run(["export", "objekt"]) == 1
    assert "no kind 'objekt'; did you mean object?" in capsys.readouterr().err
    assert run(["export"]) == 1
    assert "which kind? known: " in (error := capsys.readouterr().err) and "object" in error.split("known: ")[1]
