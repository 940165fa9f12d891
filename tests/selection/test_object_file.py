"""The file of an object."""

import json

import numpy as np
import pytest
import torch

from nerfseg_ns.core.array_file import read_arrays, write_arrays
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.selection.object_file import read_object, write_object
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.selector import Listener

FRAME = SceneFrame(torch.tensor([[0.0, -1, 0, 2], [1, 0, 0, -3], [0, 0, 1, 0.5]]), 0.25)


@pytest.fixture
def selected(analytic, analytic_scene, colour_segmenter):
    """The blue ball."""
    prompt = ObjectPrompt("blue", (ViewPrompt("000", ((*analytic_scene.middle(0, "blue"), 1),)),), "object")
    (selected,) = analytic.DirectSelector().select(analytic_scene, colour_segmenter, [prompt], Listener())
    return selected.with_threshold(0.4)


@pytest.fixture
def path(tmp_path, selected):
    """Its file."""
    write_object(tmp_path / "blue.npz", selected, FRAME)
    return tmp_path / "blue.npz"


def test_an_object_comes_back(path, selected, analytic_scene):
    stored = read_object(path)
    back = stored.object
    assert (back.prompt, back.threshold, back.report) == (selected.prompt, 0.4, selected.report)
    assert torch.equal(back.votes.inside, selected.votes.inside)
    assert torch.equal(back.votes.outside, selected.votes.outside)
    assert torch.equal(stored.frame.transform.float(), FRAME.transform) and stored.frame.scale == 0.25
    for view in range(8):
        samples = analytic_scene.samples(view)
        assert torch.equal(back.membership(samples.positions), selected.membership(samples.positions))
    assert back.mask(analytic_scene.samples(0)).any()


def test_the_file_says_what_the_documentation_says(path, selected):
    arrays = read_arrays(path)
    blocks = arrays["blocks"]
    assert arrays["inside"].shape == (512 * len(blocks) + 1,) and arrays["inside"].dtype == np.float32
    assert json.loads(str(arrays["prompt"]))["name"] == "blue" and float(arrays["cell"]) == selected.sites.cell
    centres = selected.sites.centres().reshape(-1, 512, 3)
    np.testing.assert_allclose(blocks * 8 * float(arrays["cell"]), centres[:, 0].numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": np.asarray(2)}, "format 2; this release reads format 1"),
        ({"inside": np.zeros(7, np.float32)}, r"inside is float32 \[7\]"),
        ({"outside": None}, "it lacks 'outside'"),
        ({"cell": np.asarray(-1.0)}, "cell -1.0"),
        ({"threshold": np.asarray(1.5)}, "threshold 1.5"),
        ({"cell": np.zeros(2)}, "not an object file"),
        ({"prompt": np.asarray("{")}, "not an object file"),
        (
            {"prompt": np.asarray('{"name": "../a", "view": "0", "points": [[1, 1, 1]]}')},
            "its files are named after it",
        ),
        ({"report": np.asarray("[]")}, "its report is no JSON object"),
        ({"transform": np.full((3, 4), np.nan)}, "transform is float64"),
        ({"blocks": np.zeros((0, 3), np.int32)}, "no blocks"),
    ],
)
def test_files_of_another_kind_are_refused(path, change, message):
    arrays = read_arrays(path) | change
    write_arrays(path, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(InputError, match=message) as error:
        read_object(path)
    assert "blue.npz" in str(error.value)


def test_blocks_that_would_take_all_memory_are_refused(path):
    arrays = read_arrays(path)
    arrays["blocks"][-1] += 2_000_000
    write_arrays(path, **arrays)
    with pytest.raises(InputError, match="its blocks reach over"):
        read_object(path)
    arrays["blocks"][-1] = arrays["blocks"][0]
    write_arrays(path, **arrays)
    with pytest.raises(InputError, match="a block occurs twice"):
        read_object(path)


def test_damaged_and_missing_files(path):
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="not a whole object file; make it again with nerfseg segment"):
        read_object(path)
    with pytest.raises(InputError, match="no such file"):
        read_object(path.with_name("none.npz"))
