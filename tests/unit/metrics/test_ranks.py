import numpy as np
import pytest
from hypothesis import assume, given
from sklearn import metrics as sk
from tests.unit.metrics.scored import several, single

from sfumato.errors import InputError
from sfumato.metrics import labelled
from sfumato.metrics.labelled import Labelled
from sfumato.metrics.ranks import coverage, coverage_error, top_k
from sfumato.predictions import UNKNOWN


@given(single())
def test_top_k_equals_scikit_learn_ties_too(data):
    truth, scores = data
    classes = scores.shape[1]
    for k in range(1, classes):
        if classes > 2:
            expected = sk.top_k_accuracy_score(truth, scores, k=k, labels=range(classes))
            assert top_k(truth, scores, k) == pytest.approx(expected)
    assert top_k(truth, scores, classes) == 1


@given(several())
def test_coverage_error_equals_scikit_learn(data):
    truth, scores = data
    assume(truth.shape[1] > 1)
    assert coverage_error(truth, scores) == pytest.approx(sk.coverage_error(truth, scores))


@given(single())
def test_coverage_error_of_one_class_a_sample_is_that_of_its_indicator(data):
    truth, scores = data
    assert coverage_error(truth, scores) == coverage_error(np.eye(scores.shape[1], dtype=bool)[truth], scores)


def test_hand_examples():
    scores = np.array([[0.5, 0.3, 0.2], [0.2, 0.4, 0.4], [0.1, 0.2, 0.7]])
    truth = np.array([0, 1, 0])
    assert top_k(truth, scores, 1) == pytest.approx(1 / 3)  # of the second's equal two the higher index comes first
    assert top_k(truth, scores, 2) == pytest.approx(2 / 3)
    assert coverage_error(truth, scores) == pytest.approx((1 + 2 + 3) / 3)
    several_classes = np.array([[1, 0, 1], [0, UNKNOWN, 1], [0, 0, 0]])
    assert coverage(Labelled(several_classes, scores)).tolist() == [3, 1, 0]


def test_many_rows_are_looked_at_in_pieces(monkeypatch):
    rng = np.random.default_rng(0)
    truth, scores = rng.integers(0, 4, 103), rng.random((103, 4))
    whole = top_k(truth, scores, 2), coverage_error(truth, scores), coverage_error(np.eye(4)[truth].astype(int), scores)
    monkeypatch.setattr(labelled, "_CELLS_AT_ONCE", 40)
    pieces = (
        top_k(truth, scores, 2),
        coverage_error(truth, scores),
        coverage_error(np.eye(4)[truth].astype(int), scores),
    )
    assert pieces == whole


@pytest.mark.parametrize("k", [0, 4])
def test_k_of_another_number_than_there_are_classes_is_refused(k):
    with pytest.raises(InputError, match=f"^top-{k} of 3 classes; expected k of 1 to 3$"):
        top_k(np.array([0]), np.array([[1.0, 2, 3]]), k)


def test_top_k_of_several_classes_a_sample_is_refused():
    with pytest.raises(InputError, match="several classes"):
        top_k(np.array([[1, 0]]), np.array([[1.0, 2]]), 1)


def test_without_a_sample_they_are_0():
    assert top_k(np.zeros(0, dtype=int), np.zeros((0, 3)), 1) == 0
    assert coverage_error(np.zeros((0, 3), dtype=bool), np.zeros((0, 3))) == 0
