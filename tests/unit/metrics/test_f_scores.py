import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from tests.unit.metrics.scored import several

from sfumato.metrics.classification import Counts, answer_counts, f1, precision, recall
from sfumato.metrics.f_scores import (
    averaged,
    f_beta,
    label_confusions,
    label_counts,
    macro_precision,
    weighted_precision,
)
from sfumato.predictions import UNKNOWN

answers = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)
SCORES = {"precision": precision, "recall": recall, "f1": f1}
REFERENCES = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}


@settings(max_examples=30)
@given(answers)
def test_averages_over_classes_equal_scikit_learn(pairs):
    truth, predicted = (np.array(column) for column in zip(*pairs, strict=True))
    c = answer_counts(truth, predicted, 5)
    for name, score in SCORES.items():
        reference = REFERENCES[name]
        for how, given_as in (("micro", range(5)), ("weighted", range(5)), ("macro", np.unique(truth))):
            expected = reference(truth, predicted, labels=given_as, average=how, zero_division=0)
            assert averaged(score, c, how) == pytest.approx(expected), (name, how)
        expected = reference(truth, predicted, labels=range(5), average="macro", zero_division=0)
        assert averaged(score, c, "macro_all") == pytest.approx(expected)
    assert macro_precision(c) == averaged(precision, c, "macro")
    assert weighted_precision(c) == averaged(precision, c, "weighted")


@settings(max_examples=50)
@given(several(), st.sampled_from([0.5, 1, 2]))
def test_of_several_classes_a_sample_they_equal_scikit_learn(data, beta):
    truth, scores = data
    assume(truth.shape[1] > 1)  # one column scikit-learn takes for two classes
    named = scores > 0.4
    c = label_counts(truth, named)
    for how in ("micro", "weighted"):
        expected = sk.fbeta_score(truth, named, beta=beta, average=how, zero_division=0)
        assert averaged(lambda counts: f_beta(counts, beta), c, how) == pytest.approx(expected)
    assert f_beta(c, beta) == pytest.approx(sk.fbeta_score(truth, named, beta=beta, average=None, zero_division=0))
    expected = sk.multilabel_confusion_matrix(truth, named)
    assert (label_confusions(c, np.full(truth.shape[1], len(truth))) == expected).all()


@given(several(unknown=True))
def test_what_is_not_known_is_not_counted(data):
    truth, scores = data
    c = label_counts(truth, scores > 0.4)
    for column in range(truth.shape[1]):
        known = truth[:, column] != UNKNOWN
        alone = label_counts(truth[known, column, np.newaxis], scores[known, column, np.newaxis] > 0.4)
        assert (c.hits[column], c.support[column], c.named[column]) == (alone.hits[0], alone.support[0], alone.named[0])


def test_micro_of_one_class_a_sample_is_accuracy():
    truth, predicted = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 2, 0])
    c = answer_counts(truth, predicted, 4)
    assert {float(averaged(score, c, "micro")) for score in SCORES.values()} == {0.6}


@pytest.mark.parametrize("how", ["micro", "macro", "macro_all", "weighted"])
def test_without_a_sample_they_are_0(how):
    none = np.zeros(3, dtype=np.int64)
    assert [float(averaged(score, Counts(none, none, none), how)) for score in SCORES.values()] == [0, 0, 0]


def test_resamples_may_lead():
    rng = np.random.default_rng(0)
    parts = [answer_counts(rng.integers(0, 3, 20), rng.integers(0, 3, 20), 3) for _ in range(7)]
    stacked = Counts(*(np.stack([getattr(part, name) for part in parts]) for name in ("hits", "support", "named")))
    for how in ("micro", "macro", "macro_all", "weighted"):
        assert averaged(f1, stacked, how).tolist() == [float(averaged(f1, part, how)) for part in parts]
