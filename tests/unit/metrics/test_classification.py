import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from sfumato.metrics.classification import SCORES, confusion_matrix, counts, f1, precision, recall


def tally(truth, predicted, classes):
    return counts(confusion_matrix(np.array(truth), np.array(predicted), classes))


answers = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)


@given(answers)
def test_equal_to_scikit_learn(pairs):
    truth, predicted = map(list, zip(*pairs, strict=True))
    c, everything = tally(truth, predicted, 5), list(range(5))
    measured = sorted(set(truth))
    assert SCORES["accuracy"](c) == pytest.approx(sk.accuracy_score(truth, predicted))
    assert SCORES["balanced_accuracy"](c) == pytest.approx(
        sk.recall_score(truth, predicted, labels=measured, average="macro", zero_division=0)
    )
    assert SCORES["macro_f1"](c) == pytest.approx(
        sk.f1_score(truth, predicted, labels=measured, average="macro", zero_division=0)
    )
    theirs = sk.precision_recall_fscore_support(truth, predicted, labels=everything, zero_division=0)
    for ours, reference in zip((precision(c), recall(c), f1(c), c.support), theirs, strict=True):
        assert ours == pytest.approx(reference)
    assert np.array_equal(
        confusion_matrix(np.array(truth), np.array(predicted), 5),
        sk.confusion_matrix(truth, predicted, labels=everything),
    )


def test_every_score_was_compared():
    assert set(SCORES) == {"accuracy", "balanced_accuracy", "macro_f1"}


def test_batches_of_confusion_matrices_score_like_single_ones():
    rng = np.random.default_rng(0)
    confusions = rng.integers(0, 9, (7, 4, 4))
    for score in SCORES.values():
        assert score(counts(confusions)) == pytest.approx([float(score(counts(one))) for one in confusions])


def test_nothing_measured_is_zero_not_nan():
    empty = counts(np.zeros((3, 3), dtype=np.int64))
    assert [float(score(empty)) for score in SCORES.values()] == [0, 0, 0]
