"""Trees that judge what a pixel is by what it looks like."""

import numpy as np
import pytest

from nerfseg_ns.core.look_classifier import LookClassifier


def looks(generator: np.random.Generator, where: float, count: int) -> np.ndarray:
    return generator.normal(where, 0.05, (count, 3))


def test_probabilities_are_of_the_classes_that_were_learned() -> None:
    generator = np.random.default_rng(0)
    features = np.concatenate([looks(generator, 0.2, 200), looks(generator, 0.8, 200)])
    classifier = LookClassifier(features, np.repeat([1, 3], 200), 20)
    found = classifier.probabilities(np.array([[0.2] * 3, [0.8] * 3]), classes=5)
    assert found.shape == (2, 5) and found.sum(axis=1) == pytest.approx([1.0, 1.0])
    assert found.argmax(axis=1).tolist() == [1, 3] and (found[:, [0, 2, 4]] == 0).all()
    assert found.max(axis=1).min() > 0.85


def test_a_rare_class_has_a_say_where_both_look_the_same() -> None:
    generator = np.random.default_rng(1)
    features, classes = looks(generator, 0.5, 2000), (np.arange(2000) % 20 == 0).astype(int)
    rare = LookClassifier(features, classes, 20).probabilities(looks(generator, 0.5, 500), 2)[:, 1].mean()
    # one in twenty by frequency, one in two when classes count the same: in between, as half of the trees do so
    assert 0.12 < rare < 0.45


def test_where_frequencies_say_nothing_every_class_counts_the_same() -> None:
    generator = np.random.default_rng(1)
    features, classes = looks(generator, 0.5, 2000), (np.arange(2000) % 20 == 0).astype(int)
    classifier = LookClassifier(features, classes, 20, frequencies_count=False)
    asked = looks(generator, 0.5, 500)
    rare = classifier.probabilities(asked, 2)
    assert rare.sum(axis=1) == pytest.approx(np.ones(500)) and rare[:, 1].mean() == pytest.approx(0.5, abs=0.1)
    both = LookClassifier(features, classes, 20).probabilities(asked, 2)[:, 1].mean()
    assert rare[:, 1].mean() > both + 0.1


def test_the_seed_decides() -> None:
    generator = np.random.default_rng(2)
    features, classes = generator.uniform(size=(300, 3)), generator.integers(0, 2, 300)
    asked = generator.uniform(size=(50, 3))
    first, again, other = (LookClassifier(features, classes, 20, seed).probabilities(asked, 2) for seed in (0, 0, 1))
    assert (first == again).all() and not (first == other).all()


def test_two_examples_are_enough() -> None:
    found = LookClassifier(np.array([[0.2], [0.8]]), np.array([0, 1]), 1).probabilities(np.array([[0.1], [0.9]]), 2)
    assert found.argmax(axis=1).tolist() == [0, 1]
