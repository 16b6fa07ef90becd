import numpy as np
import pytest
from scipy import stats

from sfumato.metrics.classification import answer_counts, macro_f1
from sfumato.metrics.intervals import sample_interval, wilson
from sfumato.metrics.paired import McNemar, mcnemar, paired_difference


def answers(n: int = 400, classes: int = 3):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, classes, n)
    a = np.where(rng.random(n) < 0.8, truth, rng.integers(0, classes, n))
    b = np.where(rng.random(n) < 0.15, rng.integers(0, classes, n), a)
    return truth, a, b


def test_the_width_is_that_of_the_difference_of_paired_shares():
    truth, a, b = answers(2000)
    found = paired_difference(truth, a, b, resamples=8000)
    right = (a == truth).astype(float) - (b == truth)
    spread = right.std() / np.sqrt(len(truth))  # closed form of the mean of the pairs' differences
    assert found.value == pytest.approx(right.mean())
    assert found.low == pytest.approx(right.mean() - 1.96 * spread, abs=0.05 * spread + 1 / 2000)
    assert found.high == pytest.approx(right.mean() + 1.96 * spread, abs=0.05 * spread + 1 / 2000)


def test_drawing_cells_is_drawing_samples():
    truth, a, b = answers()

    def difference(rows):
        return float(
            macro_f1(answer_counts(truth[rows], a[rows], 3)) - macro_f1(answer_counts(truth[rows], b[rows], 3))
        )

    by_cells = paired_difference(truth, a, b, "macro_f1", resamples=8000)
    by_samples = sample_interval(difference, len(truth), resamples=4000)
    assert by_cells.value == pytest.approx(by_samples.value)
    assert by_cells.low == pytest.approx(by_samples.low, abs=0.003)
    assert by_cells.high == pytest.approx(by_samples.high, abs=0.003)


def test_the_other_way_round_is_the_negative():
    truth, a, b = answers()
    there, back = paired_difference(truth, a, b, resamples=8000), paired_difference(truth, b, a, resamples=8000)
    assert back.value == -there.value
    assert back.low == pytest.approx(-there.high, abs=0.005)


def test_samples_that_belong_together_tell_less():
    truth, a, b = (np.repeat(one, 10) for one in answers(100))
    groups = np.repeat(np.arange(100), 10)
    alone, together = paired_difference(truth, a, b), paired_difference(truth, a, b, groups=groups)
    assert together.value == alone.value
    assert together.high - together.low > 2 * (alone.high - alone.low)
    once = paired_difference(*answers(100))
    assert together.high - together.low == pytest.approx(once.high - once.low, rel=0.15)


def test_two_that_never_disagree_may_still_differ_elsewhere():
    truth, a, _ = answers(50)
    found = paired_difference(truth, a, a)
    assert (found.value, found.high) == (0, wilson(0.0, 50).high)
    of_one_group = paired_difference(*answers(50), groups=np.zeros(50, dtype=np.int64))
    assert of_one_group.high > 0.7


def test_no_sample_tells_nothing():
    none = np.zeros(0, dtype=np.int64)
    found = paired_difference(none, none, none)
    assert (found.value, found.low, found.high) == (0, -1, 1)
    assert mcnemar(none, none, none) == McNemar(0, 0, 1.0)


@pytest.mark.parametrize(("only_a", "only_b"), [(10, 2), (0, 5), (7, 7), (1, 0), (0, 0), (40, 61)])
def test_mcnemar_is_the_binomial_test(only_a, only_b):
    truth = np.zeros(only_a + only_b + 9, dtype=np.int64)
    a, b = truth.copy(), truth.copy()
    b[:only_a], a[only_a : only_a + only_b] = 1, 1
    a[-3:] = b[-3:] = 1  # wrong together: says nothing
    found = mcnemar(truth, a, b)
    assert (found.only_a, found.only_b) == (only_a, only_b)
    assert found.p == (stats.binomtest(only_b, only_a + only_b).pvalue if only_a + only_b else 1)
    assert found.p == mcnemar(truth, b, a).p


def test_mcnemar_of_five_to_none_is_two_times_a_half_to_the_fifth():
    truth = np.zeros(5, dtype=np.int64)
    assert mcnemar(truth, truth, truth + 1).p == pytest.approx(2 * 0.5**5)
