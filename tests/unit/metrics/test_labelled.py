import numpy as np
import pytest

from sfumato.errors import InputError
from sfumato.metrics.labelled import Labelled
from sfumato.predictions import UNKNOWN

SCORES = np.arange(6.0).reshape(3, 2)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_score_that_is_no_finite_number_is_named(value, kind):
    scores = SCORES.astype(kind)
    scores[2, 1] = value
    with pytest.raises(InputError, match=rf"^sample 2, class 1: a score is {value}$"):
        Labelled(np.array([0, 1, 0]), scores)


@pytest.mark.parametrize(
    ("truth", "said"),
    [
        (np.array([0, 1]), r"^truth of shape \(2,\) beside scores of shape \(3, 2\); expected scores \(N, C\)"),
        (np.zeros((3, 3), dtype=int), r"^truth of shape \(3, 3\) beside scores"),
        (np.array([0, 2, 0]), "^a truth is 2; expected 0 to 1$"),
        (np.array([0, UNKNOWN, 0]), "^a truth is -1; expected 0 to 1$"),
        (np.full((3, 2), 2), "^a truth is 2; expected -1 to 1$"),
        (np.full((3, 2), -2), "^a truth is -2; expected -1 to 1$"),
        (np.array([0.0, 1, 0]), "^truth of type float64; expected whole numbers or bool$"),
    ],
)
def test_truth_that_does_not_fit_is_refused(truth, said):
    with pytest.raises(InputError, match=said):
        Labelled(truth, SCORES)


def test_support_and_own_scores():
    assert Labelled(np.array([0, 1, 0]), SCORES).support.tolist() == [2, 1]
    assert Labelled(np.array([0, 1, 0]), SCORES).own_scores().tolist() == [0, 3, 4]
    truth = np.array([[1, 1], [0, UNKNOWN], [UNKNOWN, 1]], dtype=np.int8)
    assert Labelled(truth, SCORES).support.tolist() == [1, 2]
    first, second = Labelled(truth, SCORES).each_class()
    assert (first.rows.tolist(), first.own.tolist()) == ([0, 1], [True, False])
    assert (second.rows.tolist(), second.scores.tolist()) == ([0, 2], [1, 5])


def test_more_classes_than_are_copied_at_once_come_in_order():
    scores = np.arange(40.0).reshape(1, 40)
    assert [one.scores[0] for one in Labelled(np.array([3]), scores).each_class()] == list(range(40))
