import numpy as np
import pytest
from hypothesis import given
from scipy.optimize import brentq
from sklearn import metrics as sk
from tests.unit.metrics.scored import several, single

from sfumato.metrics.labelled import Labelled
from sfumato.metrics.ranking import by_class
from sfumato.metrics.roc import area, equal_error_rate


def one_hot(truth, classes):
    return np.eye(classes, dtype=int)[truth] if truth.ndim == 1 else truth


@pytest.mark.parametrize("made", [single(), several()])
def test_auc_equals_scikit_learn_class_by_class(made):
    @given(made)
    def check(data):
        truth, scores = data
        found, own = by_class(Labelled(truth, scores), area), one_hot(truth, scores.shape[1])
        for column in range(scores.shape[1]):
            if 0 < own[:, column].sum() < len(own):
                assert found[column] == pytest.approx(sk.roc_auc_score(own[:, column], scores[:, column]), abs=1e-12)
            else:
                assert np.isnan(found[column])

    check()


@given(several())
def test_the_equal_error_rate_is_where_both_rates_are_equal(data):
    truth, scores = data
    found = by_class(Labelled(truth, scores), equal_error_rate)
    for column in range(scores.shape[1]):
        own = truth[:, column]
        if not 0 < own.sum() < len(own):
            assert np.isnan(found[column])
            continue
        false_alarms, hits, _ = sk.roc_curve(own, scores[:, column], drop_intermediate=False)
        steps = np.arange(len(hits))
        ahead = 1 - hits - false_alarms
        walked = brentq(np.interp, 0, steps[-1], args=(steps, ahead))
        assert found[column] == pytest.approx(np.interp(walked, steps, false_alarms), abs=1e-9)


def test_hand_examples_of_the_equal_error_rate():
    truth = np.array([[1], [0], [1], [0]])
    rate = lambda *scores: by_class(Labelled(truth, np.array(scores)[:, np.newaxis]), equal_error_rate)[0]  # noqa: E731
    assert rate(4.0, 3.0, 2.0, 1.0) == 0.5  # after the second: half of both kinds are wrong
    assert rate(4.0, 1.0, 3.0, 2.0) == 0
    assert rate(1.0, 4.0, 2.0, 3.0) == 1
    assert rate(1.0, 1.0, 1.0, 1.0) == 0.5  # a coin


def test_swapping_two_classes_changes_neither():
    rng = np.random.default_rng(0)
    truth, p = rng.integers(0, 2, 50), np.round(rng.random(50), 1)
    data = Labelled(truth, np.stack([1 - p, p], axis=1))
    for statistic in (area, equal_error_rate):
        first, second = by_class(data, statistic)
        assert first == pytest.approx(second)
