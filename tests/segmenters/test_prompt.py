import numpy as np
import pytest

from nerfseg_ns.segmenters.prompt import Prompt2D

NO_POINTS = np.zeros((0, 2), dtype=np.float32)
NO_LABELS = np.zeros(0, dtype=np.int64)
POINT = np.array([[3.5, 4.5]], dtype=np.float32)
BOX = np.array([1.0, 2.0, 5.0, 6.0], dtype=np.float32)


@pytest.mark.parametrize(
    "prompt, parts",
    [
        ({"points": POINT, "labels": np.array([0])}, (1, None, None)),
        ({"points": NO_POINTS, "labels": NO_LABELS, "box": BOX}, (0, (4,), None)),
        (
            {"points": NO_POINTS, "labels": NO_LABELS, "mask_logits": np.zeros((256, 256), dtype=np.float32)},
            (0, None, (256, 256)),
        ),
    ],
    ids=["point", "box", "mask"],
)
def test_each_kind_of_prompt_stands_alone(prompt, parts):
    made = Prompt2D(**prompt)
    others = (None if part is None else part.shape for part in (made.box, made.mask_logits))
    assert (len(made.points), *others) == parts


@pytest.mark.parametrize(
    "prompt, message",
    [
        ({"points": NO_POINTS, "labels": NO_LABELS}, "needs a point, a box or a mask"),
        ({"points": np.zeros(2, dtype=np.float32), "labels": np.array([1])}, r"finite numbers \[n, 2\]"),
        ({"points": POINT * np.nan, "labels": np.array([1])}, "finite"),
        ({"points": POINT, "labels": np.array([1, 1])}, "expected 1 of 0 and 1"),
        ({"points": POINT, "labels": np.array([2])}, "of 0 and 1"),
        ({"points": NO_POINTS, "labels": NO_LABELS, "box": BOX[[2, 1, 0, 3]]}, "x0 < x1"),
        ({"points": NO_POINTS, "labels": NO_LABELS, "box": BOX[:3]}, "x0 < x1"),
        ({"points": POINT, "labels": np.array([1]), "mask_logits": np.zeros((1, 256, 256))}, r"\[256, 256\]"),
    ],
)
def test_what_is_no_prompt_is_refused(prompt, message):
    with pytest.raises(ValueError, match=message):
        Prompt2D(**prompt)
