"""Scoring views with a model that returns what it is told to."""

import pytest
import torch
import torch.nn.functional as F

from nerfseg_ns.core.class_table import ClassTable, SemanticClass
from nerfseg_ns.evaluation.view_scores import evenly_spread, score_views

CLASSES = ClassTable(
    (
        SemanticClass(0, "Building", (70, 70, 70)),
        SemanticClass(1, "Road", (128, 64, 128)),
        SemanticClass(2, "Sky", (70, 130, 180)),
    )
)
SIZE = (12, 14)


class TellingModel:
    """Its "camera" is the dictionary of outputs."""

    def get_outputs_for_camera(self, camera):
        return camera


def view(prediction=None, label=None, shade=0.5, rendered_shade=0.5, channels=3):
    outputs = {"rgb": torch.full((*SIZE, 3), rendered_shade)}
    if prediction is not None:
        outputs["semantics"] = F.one_hot(torch.full(SIZE, prediction), len(CLASSES)).float()
    batch = {"image": torch.full((*SIZE, channels), shade)}
    if label is not None:
        batch["semantics"] = torch.full((*SIZE, 1), label, dtype=torch.uint8)
    return outputs, batch


def test_one_matrix_over_all_views_and_means_over_views_for_images():
    views = [view(0, 0), view(1, 0, rendered_shade=0.6), view(2, 2), view(1)]
    scores = score_views(TellingModel(), views, ["a", "b", "c", "d"], CLASSES)
    pixels = SIZE[0] * SIZE[1]
    assert scores.confusion is not None
    assert scores.confusion.counts.tolist() == [[pixels, pixels, 0], [0, 0, 0], [0, 0, pixels]]
    assert scores.labelled_views == 3 and len(scores.views) == 4
    assert [v.overall_accuracy for v in scores.views] == [1.0, 0.0, 1.0, None]
    assert scores.views[1].psnr == pytest.approx(20.0, abs=1e-3)
    assert scores.psnr == pytest.approx((100 + 20 + 100 + 100) / 4, abs=1e-3)
    assert scores.seconds > 0


def test_mask_takes_pixels_out_of_the_matrix():
    outputs, batch = view(0, 0)
    batch["mask"] = torch.ones(*SIZE, 1, dtype=torch.bool)
    batch["mask"][:3] = False
    scores = score_views(TellingModel(), [(outputs, batch)], ["a"], CLASSES)
    assert scores.confusion is not None and int(scores.confusion.counts.sum()) == (SIZE[0] - 3) * SIZE[1]


def test_all_ignored_view_counts_as_unlabelled():
    scores = score_views(TellingModel(), [view(0, 255)], ["a"], CLASSES)
    assert scores.labelled_views == 0 and scores.views[0].overall_accuracy is None


def test_model_without_semantics_and_images_with_alpha():
    scores = score_views(TellingModel(), [view(label=1, channels=4)], ["a"], CLASSES, shown={0})
    assert scores.confusion is None and scores.psnr == pytest.approx(100.0)
    assert scores.shown[0].prediction is None and scores.shown[0].image.shape == (*SIZE, 3)


def test_kept_pictures_and_progress():
    calls = []
    scores = score_views(
        TellingModel(), [view(1, 2), view(1, 1)], ["a", "b"], CLASSES, shown={1}, after_view=lambda: calls.append(1)
    )
    assert len(calls) == 2
    (kept,) = scores.shown
    assert kept.score.name == "b" and kept.image.dtype == torch.uint8 and int(kept.image[0, 0, 0]) == 128
    assert kept.label is not None and kept.prediction is not None and bool((kept.label == kept.prediction).all())


def test_size_mismatch_names_the_view():
    outputs, batch = view()
    outputs["rgb"] = outputs["rgb"][1:]
    with pytest.raises(ValueError, match="view 004"):
        score_views(TellingModel(), [(outputs, batch)], ["004"], CLASSES)


@pytest.mark.parametrize(
    ("candidates", "count", "chosen"),
    [(range(16), 4, [0, 5, 10, 15]), ([3, 8], 6, [3, 8]), (range(9), 1, [4]), ([], 6, [])],
)
def test_evenly_spread(candidates, count, chosen):
    assert evenly_spread(candidates, count) == chosen
