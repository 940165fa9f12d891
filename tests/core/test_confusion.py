"""Confusion matrix: values computed by hand, a slow reference, and properties."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nerfseg_ns.core.confusion import ConfusionMatrix


def slow_counts(prediction, label, num_classes):
    counts = [[0] * num_classes for _ in range(num_classes)]
    for predicted, labelled in zip(prediction, label, strict=False):
        if labelled != 255:
            counts[labelled][predicted] += 1
    return counts


def slow_scores(counts):
    """Scores over the classes that occur in the labels, in plain Python."""
    size = range(len(counts))
    ious, recalls, f1s = [], [], []
    for k in size:
        true_positive = counts[k][k]
        labelled = sum(counts[k])
        predicted = sum(counts[row][k] for row in size)
        if labelled == 0:
            continue
        ious.append(true_positive / (labelled + predicted - true_positive))
        recalls.append(true_positive / labelled)
        f1s.append(2 * true_positive / (labelled + predicted))
    correct = sum(counts[k][k] for k in size)
    total = sum(sum(row) for row in counts)
    return (sum(ious) / len(ious), correct / total, sum(recalls) / len(recalls), sum(f1s) / len(f1s))


def test_scores_by_hand():
    # label:      0 0 0 0 1 1 2 255      class 3 occurs nowhere in the labels
    # prediction: 0 0 1 3 1 0 2 1
    matrix = ConfusionMatrix(4)
    matrix.update(torch.tensor([0, 0, 1, 3, 1, 0, 2, 1]), torch.tensor([0, 0, 0, 0, 1, 1, 2, 255]))
    assert matrix.counts.tolist() == [[2, 1, 0, 1], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert matrix.counts.dtype == torch.int64

    scores = matrix.scores()
    # class 0: TP 2, labelled 4, predicted 3 -> IoU 2/5; class 1: 1, 2, 2 -> 1/3; class 2: 1, 1, 1 -> 1
    assert scores.iou[:3].tolist() == pytest.approx([2 / 5, 1 / 3, 1.0])
    assert scores.accuracy[:3].tolist() == pytest.approx([0.5, 0.5, 1.0])
    assert scores.f1[:3].tolist() == pytest.approx([4 / 7, 0.5, 1.0])
    assert scores.pixels.tolist() == [4, 2, 1, 0]
    assert scores.miou == pytest.approx((2 / 5 + 1 / 3 + 1) / 3)
    assert scores.overall_accuracy == pytest.approx(4 / 7)
    assert scores.average_accuracy == pytest.approx(2 / 3)
    assert scores.mean_f1 == pytest.approx((4 / 7 + 0.5 + 1) / 3)


def test_class_absent_from_labels_has_no_score_but_its_predictions_hurt_the_others():
    matrix = ConfusionMatrix(3)
    matrix.update(torch.tensor([0, 2]), torch.tensor([0, 0]))
    scores = matrix.scores()
    assert math.isnan(scores.iou[1]) and math.isnan(scores.iou[2])
    assert scores.miou == pytest.approx(0.5)


def test_one_matrix_over_views_is_not_the_mean_of_views():
    # view 1: one pixel of class 0, right; view 2: three pixels of class 0, wrong
    matrix = ConfusionMatrix(2)
    matrix.update(torch.tensor([[0]]), torch.tensor([[0]]))
    matrix.update(torch.tensor([[1, 1, 1]]), torch.tensor([[0, 0, 0]]))
    assert matrix.scores().miou == pytest.approx(1 / 4)  # the mean of the views would be 1/2


def test_any_shape_and_uint8_labels():
    matrix = ConfusionMatrix(3)
    prediction = torch.randint(0, 3, (4, 5, 1), generator=torch.Generator().manual_seed(0))
    label = prediction.to(torch.uint8)
    matrix.update(prediction, label)
    assert int(matrix.counts.sum()) == 20 and matrix.scores().miou == 1.0


def test_predictions_at_ignored_pixels_do_not_matter():
    matrix = ConfusionMatrix(2)
    matrix.update(torch.tensor([1, 99]), torch.tensor([1, 255], dtype=torch.uint8))
    assert matrix.counts.tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize(
    ("prediction", "label", "named"),
    [
        (torch.zeros(2, 3).long(), torch.zeros(3, 2).long(), "shape"),
        (torch.tensor([3]), torch.tensor([0]), "prediction holds class id 3"),
        (torch.tensor([-1]), torch.tensor([0]), "prediction holds class id -1"),
        (torch.tensor([0]), torch.tensor([3]), "label holds class id 3"),
        (torch.tensor([0]), torch.tensor([-1]), "label holds class id -1"),
        (torch.tensor([0.0]), torch.tensor([0]), "prediction must hold integer"),
        (torch.tensor([0]), torch.tensor([True]), "label must hold integer"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_counted(prediction, label, named):
    matrix = ConfusionMatrix(3)
    with pytest.raises(ValueError, match=named):
        matrix.update(prediction, label)
    assert int(matrix.counts.sum()) == 0


@pytest.mark.parametrize("num_classes", [0, 256])
def test_number_of_classes_is_checked(num_classes):
    with pytest.raises(ValueError, match="1..255"):
        ConfusionMatrix(num_classes)


def test_scores_without_labelled_pixels_are_refused():
    matrix = ConfusionMatrix(3)
    matrix.update(torch.tensor([0, 1]), torch.tensor([255, 255]))
    with pytest.raises(ValueError, match="no labelled pixel"):
        matrix.scores()


@st.composite
def segmentations(draw):
    num_classes = draw(st.integers(1, 6))
    size = draw(st.integers(1, 40))
    ids = st.integers(0, num_classes - 1)
    prediction = draw(st.lists(ids, min_size=size, max_size=size))
    label = draw(st.lists(ids | st.just(255), min_size=size, max_size=size))
    label[0] = draw(ids)  # at least one labelled pixel
    return num_classes, prediction, label


@settings(max_examples=60, deadline=None)
@given(segmentations(), st.integers(0, 40))
def test_agrees_with_the_slow_reference_however_the_pixels_are_split(segmentation, cut):
    num_classes, prediction, label = segmentation
    matrix = ConfusionMatrix(num_classes)
    for part in (slice(None, cut), slice(cut, None)):
        matrix.update(torch.tensor(prediction[part], dtype=torch.int64), torch.tensor(label[part], dtype=torch.uint8))
    counts = slow_counts(prediction, label, num_classes)
    assert matrix.counts.tolist() == counts
    scores = matrix.scores()
    means = (scores.miou, scores.overall_accuracy, scores.average_accuracy, scores.mean_f1)
    assert means == pytest.approx(slow_scores(counts))
    assert all(0.0 <= value <= 1.0 for value in means)


@settings(max_examples=40, deadline=None)
@given(segmentations(), st.randoms(use_true_random=False))
def test_renaming_the_classes_changes_no_mean(segmentation, random):
    num_classes, prediction, label = segmentation
    names = list(range(num_classes))
    random.shuffle(names)
    means = []
    for rename in (lambda k: k, lambda k: 255 if k == 255 else names[k]):
        matrix = ConfusionMatrix(num_classes)
        matrix.update(torch.tensor([rename(k) for k in prediction]), torch.tensor([rename(k) for k in label]))
        scores = matrix.scores()
        means.append((scores.miou, scores.overall_accuracy, scores.average_accuracy, scores.mean_f1))
    assert means[0] == pytest.approx(means[1])
