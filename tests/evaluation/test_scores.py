"""Scores, held to scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from inceptgraph.evaluation import FEW, Details, Errors


def drawn(seed: int, images: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels, every class among them."""
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), random.integers(classes, size=images)])
    found = random.dirichlet(np.ones(classes), size=len(labels))
    found[: len(labels) // 2, 0] += 0.5  # a class that is said too often
    return found / found.sum(1, keepdims=True), random.permutation(labels)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(FEW + 1, 12))
def test_scores_are_those_of_scikit_learn(seed: int, images: int, classes: int) -> None:
    probabilities, labels = drawn(seed, images, classes)
    errors, details = Errors(), Details(np.zeros((classes, classes), np.int64))
    places = np.arange(len(labels))
    for part in np.array_split(places, 3):
        errors.add(probabilities[part], labels[part])
        details.add(part, probabilities[part], labels[part])
    total = len(labels)
    assert errors.samples == total
    for wrong, few in ((errors.first, 1), (errors.few, FEW)):
        right = metrics.top_k_accuracy_score(
            labels, probabilities, k=few, normalize=False, labels=range(classes)
        )
        assert wrong == total - right
    said = probabilities.argmax(1)
    wanted = metrics.confusion_matrix(labels, said, labels=range(classes))
    assert np.array_equal(details.confusion, wanted)
    loss = metrics.log_loss(labels, probabilities, labels=range(classes))
    assert details.nats / total == pytest.approx(loss, rel=1e-12)
    assert np.array_equal(np.concatenate(details.places), places)
    assert np.array_equal(np.concatenate(details.likeliest)[:, 0], said)


def test_of_equal_probabilities_the_first_class_leads() -> None:
    even, errors = np.full((6, 6), 1 / 6), Errors()
    errors.add(even, np.arange(6))
    assert (errors.first, errors.few) == (5, 1)


def test_what_gets_nothing_costs_much_and_not_everything() -> None:
    details = Details(np.zeros((2, 2), np.int64))
    details.add(np.array([0]), np.array([[1.0, 0.0]]), np.array([1]))
    assert 700 < details.nats < 710  # the logarithm of the least float64
