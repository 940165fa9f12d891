import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies
from pycocotools import mask as coco_mask

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.labels.run_length import compressed, decompressed, mask_of_runs, run_lengths

MASKS = numpy_strategies.arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)))


def test_runs_go_down_the_columns_and_begin_with_0():
    mask = np.array([[0, 1, 1], [0, 1, 0]], dtype=bool)
    assert run_lengths(mask) == [2, 3, 1]  # columns 00, 11, 10
    assert run_lengths(~mask) == [0, 2, 3, 1]
    assert run_lengths(np.ones((2, 2), dtype=bool)) == [0, 4]
    assert run_lengths(np.zeros((2, 2), dtype=bool)) == [4]
    assert (mask_of_runs([2, 3, 1], 3, 2, "a") == mask).all()
    assert (mask_of_runs([2, 0, 0, 3, 1], 3, 2, "a") == mask).all()  # empty runs are allowed


def test_a_text_worked_out_by_hand():
    # 5 -> '5'; 40 = groups 01000, 00001 -> 8 + 32 + 48 = 'X', '1'; 3 -> '3'; 38 - 40 = -2 = 11110 -> 'N'
    assert compressed([5, 40, 3, 38]) == "5X13N"
    assert decompressed("5X13N", "a") == [5, 40, 3, 38]


@given(MASKS)
def test_pycocotools_agrees_both_ways(mask):
    theirs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    height, width = mask.shape
    ours = compressed(run_lengths(mask))
    assert ours == theirs["counts"].decode()
    assert (mask_of_runs(decompressed(ours, "a"), width, height, "a") == mask).all()


@given(st.lists(st.integers(0, 2**40), max_size=20))
def test_every_list_of_lengths_comes_back(lengths):
    assert decompressed(compressed(lengths), "a") == lengths


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([5], "add up to 5 pixels, but the mask of 3x2 has 6"),
        ([5, 2], "add up to 7 pixels"),
        ([], "add up to 0 pixels"),
        ([7, -1], "whole numbers"),
        ([6.0], "whole numbers"),
        ([True, 5], "whole numbers"),
    ],
)
def test_runs_of_the_wrong_length(lengths, message):
    with pytest.raises(InputError, match=message) as error:
        mask_of_runs(lengths, 3, 2, "coco.json, annotation 7")
    assert str(error.value).startswith("coco.json, annotation 7: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [("5X", "cut short"), ("5 3", "character 2"), ("5~", "character 2"), ("X" * 20 + "1", "does not belong")],
)
def test_bad_texts(text, message):
    with pytest.raises(InputError, match=message):
        decompressed(text, "coco.json, annotation 7")
