import numpy as np
import pytest
from scipy import stats

from sfumato.metrics.classification import accuracy, balanced_accuracy, confusion_matrix, counts, macro_f1
from sfumato.metrics.intervals import confusion_interval, sample_interval, score_interval, share_interval, wilson


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


@pytest.mark.parametrize(("hits", "samples"), [(0, 2), (20, 20), (0, 20), (1, 1), (37, 41), (500, 1000)])
def test_shares_have_the_interval_scipy_calls_wilson(hits, samples):
    reference = stats.binomtest(hits, samples).proportion_ci(method="wilson")
    found = share_interval(np.arange(samples) < hits)
    assert (found.low, found.high) == (pytest.approx(reference.low, abs=1e-9), pytest.approx(reference.high))
    assert found.low <= found.value <= found.high


def test_without_a_sample_a_share_may_be_anything():
    assert (wilson(0.0, 0).low, wilson(0.0, 0).high) == (0, 1)


def test_without_a_mistake_the_interval_still_has_a_width():
    truth = np.repeat(np.arange(2), 10)
    assert score_interval(truth, truth, 2, macro_f1) == wilson(1.0, 20)  # equal classes: the mean is the share
    assert score_interval(truth, 1 - truth, 2, macro_f1).high == wilson(0.0, 20).high


def test_a_rare_class_makes_the_mean_over_classes_less_certain():
    truth = np.array([0] * 98 + [1] * 2)
    found = score_interval(truth, truth, 3, balanced_accuracy)
    assert found == wilson(1.0, 4 / (1 / 98 + 1 / 2))
    spread = np.random.default_rng(0).binomial([98, 2], 0.9, (20_000, 2)) / [98, 2]
    shares = np.random.default_rng(0).binomial(8, 0.9, 20_000) / 8  # about that many samples vary as much
    assert spread.mean(axis=1).std() == pytest.approx(shares.std(), rel=0.05)


def grouped(groups: int, each: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Groups whose samples are all right or all wrong."""
    right = np.random.default_rng(seed).random(groups) < 0.7
    return np.repeat(right, each), np.repeat(np.arange(groups), each)


def test_samples_that_belong_together_count_once():
    right, groups = grouped(60, 10, seed=0)
    together, apart = share_interval(right, groups), share_interval(right)
    single = share_interval(right[::10])
    assert together.high - together.low == pytest.approx(single.high - single.low, rel=0.1)
    assert apart.high - apart.low < (together.high - together.low) / 2.5


def test_intervals_of_groups_hold_the_truth_as_often_as_they_say():
    held = {True: 0, False: 0}
    for seed in range(200):
        right, groups = grouped(50, 8, seed)
        for known in held:
            found = share_interval(right, groups if known else None)
            held[known] += found.low <= 0.7 <= found.high
    assert held[True] / 200 > 0.9
    assert held[False] / 200 < 0.7


def test_groups_of_one_are_samples():
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 2, 300), rng.integers(0, 2, 300)
    apart = score_interval(truth, predicted, 2, macro_f1)
    ones = score_interval(truth, predicted, 2, macro_f1, np.arange(300))
    assert (ones.low, ones.high) == (pytest.approx(apart.low, abs=0.01), pytest.approx(apart.high, abs=0.01))


def test_a_perfect_score_of_groups_is_worth_the_groups():
    right, groups = np.ones(200, dtype=bool), np.arange(200) // 20
    assert share_interval(right, groups) == wilson(1.0, 10)
    truth = np.repeat([0, 1], 100)
    assert score_interval(truth, truth, 2, macro_f1, groups) == wilson(1.0, 10)


def test_one_group_says_next_to_nothing_of_others():
    right, group = np.arange(100) < 80, np.zeros(100, dtype=np.int64)
    assert share_interval(right, group) == wilson(0.8, 1)
    found = score_interval(np.arange(100) % 2, right.astype(np.int64), 2, macro_f1, group)
    assert found.high - found.low > 0.6
