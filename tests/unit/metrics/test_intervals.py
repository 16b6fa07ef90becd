import numpy as np
import pytest
from scipy import stats

from sfumato.metrics.classification import accuracy, confusion_matrix, counts, macro_f1
from sfumato.metrics.intervals import confusion_interval, sample_interval


def test_accuracy_interval_is_the_binomial_one():
    confusion = np.array([[420, 80], [60, 440]])
    interval = confusion_interval(confusion, accuracy, resamples=20_000)
    low, high = stats.binom.ppf([0.025, 0.975], 1000, 0.86) / 1000
    assert (interval.low, interval.high) == (pytest.approx(low, abs=0.002), pytest.approx(high, abs=0.002))
    assert interval.value == 0.86


def test_drawing_cells_is_drawing_samples():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    predicted = np.where(rng.random(300) < 0.7, truth, rng.integers(0, 3, 300))
    by_cells = confusion_interval(confusion_matrix(truth, predicted, 3), macro_f1, resamples=8000)
    by_samples = sample_interval(
        lambda rows: float(macro_f1(counts(confusion_matrix(truth[rows], predicted[rows], 3)))), 300, resamples=4000
    )
    assert by_cells.low == pytest.approx(by_samples.low, abs=0.005)
    assert by_cells.high == pytest.approx(by_samples.high, abs=0.005)
    assert by_cells.value == by_samples.value


def test_many_classes_are_drawn_in_chunks():
    confusion = np.eye(500, dtype=np.int64) * 3
    assert confusion_interval(confusion, macro_f1) == confusion_interval(confusion, macro_f1)
    assert confusion_interval(confusion, macro_f1).low == 1.0


def test_no_sample_has_no_width():
    assert confusion_interval(np.zeros((2, 2), dtype=np.int64), accuracy).high == 0
    assert sample_interval(lambda rows: float(len(rows)), 0).low == 0
