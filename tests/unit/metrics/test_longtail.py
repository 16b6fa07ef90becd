import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from sfumato.metrics.average_precision import average_precision
from sfumato.metrics.classification import confusion_matrix, counts
from sfumato.metrics.longtail import (
    SHOTS,
    long_tail_scores,
    shot_groups,
    tail_classes,
    worst_class,
)

TRAINED = np.array([500, 100, 20, 19, 0])


def tally(truth, predicted, classes=5):
    return counts(confusion_matrix(np.array(truth), np.array(predicted), classes))


answers = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)


@given(answers)
def test_equal_to_scikit_learn(pairs):
    truth, predicted = (np.array(column) for column in zip(*pairs, strict=True))
    found = long_tail_scores(tally(truth, predicted), TRAINED)
    recall = sk.recall_score(truth, predicted, labels=range(5), average=None, zero_division=0)
    measured = np.isin(np.arange(5), truth)
    expected = {
        "macro_f1_all": sk.f1_score(truth, predicted, labels=range(5), average="macro", zero_division=0),
        "weighted_f1": sk.f1_score(truth, predicted, labels=range(5), average="weighted", zero_division=0),
        "many": _mean(recall[[0]], measured[[0]]),
        "medium": _mean(recall[[1, 2]], measured[[1, 2]]),
        "few": _mean(recall[[3, 4]], measured[[3, 4]]),
        "tail": sk.accuracy_score(truth[truth == 4], predicted[truth == 4]) if (truth == 4).any() else None,
        "worst_class": recall[measured].min(),
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == (None if value is None else pytest.approx(value)), name
    assert recall[worst_class(tally(truth, predicted))] == pytest.approx(expected["worst_class"])


def _mean(values, measured):
    return values[measured].mean() if measured.any() else None


def test_every_class_is_many_medium_or_few():
    groups = shot_groups(np.arange(200))
    assert tuple(groups) == SHOTS
    assert (sum(inside.astype(int) for inside in groups.values()) == 1).all()
    places = [np.flatnonzero(inside) for inside in groups.values()]
    assert [(found.min(), found.max()) for found in places] == [(101, 199), (20, 100), (0, 19)]


@pytest.mark.parametrize(
    ("classes", "fraction", "size"), [(61, 0.25, 15), (10, 0.3, 3), (100, 0.29, 29), (3, 0.25, 1), (1, 0.25, 1)]
)
def test_the_tail_has_so_many_classes(classes, fraction, size):
    assert len(tail_classes(np.arange(classes)[::-1], fraction)) == size


def test_ties_of_the_tail_are_broken_by_index():
    assert tail_classes(np.array([9, 2, 5, 2, 2, 7, 1, 8]), 0.5).tolist() == [1, 3, 4, 6]
    assert tail_classes(np.array([3, 3, 3, 3])).tolist() == [0]


def test_recall_of_a_group_is_the_mean_over_its_classes_not_over_its_samples():
    truth = np.array([3] * 99 + [4])
    found = long_tail_scores(tally(truth, np.full(100, 3)), TRAINED)
    assert found["few"] == 0.5
    assert found["tail"] == 0
    assert found["many"] is found["medium"] is None


def test_nothing_measured_is_none_or_zero_not_nan():
    found = long_tail_scores(counts(np.zeros((5, 5), dtype=np.int64)), TRAINED)
    assert found == {"macro_f1_all": 0, "weighted_f1": 0, **dict.fromkeys((*SHOTS, "tail", "worst_class"))}


def test_of_equally_bad_classes_the_worst_is_the_surest():
    assert worst_class(tally([0, 1, 1, 2, 2, 2, 3], [1, 0, 0, 2, 2, 2, 3])) == 1


def test_they_are_cheap_enough_for_each_epoch():
    rng = np.random.default_rng(0)
    truth, scores = rng.integers(0, 100, 10_000), rng.random((10_000, 100))
    c = counts(confusion_matrix(truth, scores.argmax(axis=1), 100))
    start = time.perf_counter()
    long_tail_scores(c, rng.integers(0, 300, 100))
    average_precision(truth, scores)
    assert time.perf_counter() - start < 1  # 0.02 s where nothing else runs
