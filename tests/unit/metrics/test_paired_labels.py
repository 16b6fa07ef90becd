"""Two sets of answers of several classes a sample: the difference of their F1, on resamples of both together."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from sfumato.metrics.paired_labels import paired_macro_f1


def drawn(samples: int = 200, seed: int = 0):
    rng = np.random.default_rng(seed)
    there = rng.random((samples, 4)) < 0.4
    return there, *(there ^ (rng.random(there.shape) < wrong) for wrong in (0.1, 0.2))


def test_the_value_is_scikit_learns_and_the_interval_that_of_resampled_rows():
    there, one, other = drawn()
    found = paired_macro_f1(there, one, other)

    def difference(rows):
        return np.subtract(*(f1_score(there[rows], said[rows], average="macro") for said in (one, other)))

    assert found.value == pytest.approx(difference(np.arange(200)))
    rng = np.random.default_rng(1)
    plain = np.quantile([difference(rng.integers(0, 200, 200)) for _ in range(400)], [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx(plain, abs=0.02)
    assert found.low > 0
    turned = paired_macro_f1(there, other, one)
    assert (turned.value, turned.low, turned.high) == pytest.approx((-found.value, -found.high, -found.low))


def test_groups_count_once():
    there, one, other = drawn(50)
    tiled = [np.repeat(of, 6, axis=0) for of in (there, one, other)]
    alone, whole = paired_macro_f1(*tiled), paired_macro_f1(*tiled, np.repeat(np.arange(50), 6))
    assert whole.high - whole.low > 1.8 * (alone.high - alone.low)


def test_where_no_resample_differs_there_is_still_a_width():
    there, one, _ = drawn(30)
    same = paired_macro_f1(there, one, one)
    assert same.value == 0 and same.low < 0 < same.high
    assert paired_macro_f1(there[:0], one[:0], one[:0]).value == 0
    assert paired_macro_f1(there, one, there, np.zeros(30, np.int64)).high <= 1
