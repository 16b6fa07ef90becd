"""Rankings against closed forms."""

import numpy as np
import pytest
from scipy import stats

from sfumato.metrics.paired_ranking import holm, rank


@pytest.mark.parametrize(
    ("p_values", "corrected"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # Holm's steps: 4 x .005, 3 x .01, 2 x .03, then kept
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.02], [0.02]),
        ([], []),
    ],
)
def test_holm_by_hand(p_values, corrected):
    assert holm(p_values) == pytest.approx(corrected)


def answers(right: int, of: int = 100) -> np.ndarray:
    """Answers of which the first so many are right, where the truth is 0."""
    return np.where(np.arange(of) < right, 0, 1)


def test_the_best_comes_first_and_every_pair_counts():
    truth = np.zeros(100, dtype=np.int64)
    first, second, third = rank(truth, {"poor": answers(40), "good": answers(90), "fair": answers(85)})
    assert [first.name, second.name, third.name] == ["good", "fair", "poor"]
    assert first.against is None
    assert second.against.difference.value == pytest.approx(-0.05)
    assert second.against.mcnemar.p == pytest.approx(stats.binomtest(0, 5).pvalue)
    assert second.against.corrected == pytest.approx(stats.binomtest(0, 5).pvalue)  # the largest of three: as it is
    assert third.against.corrected == pytest.approx(3 * stats.binomtest(0, 50).pvalue)  # the smallest of three
    assert (second.against.told_apart, third.against.told_apart) == (False, True)


def test_what_belongs_together_is_told_apart_by_its_groups():
    """Ten copies of five objects: McNemar takes them for fifty, the groups for five."""
    truth = np.zeros(50, dtype=np.int64)
    said = {"a": np.zeros(50, dtype=np.int64), "b": np.repeat([1, 1, 0, 0, 0], 10)}
    alone, grouped = (rank(truth, said, groups=groups)[1].against for groups in (None, np.repeat(np.arange(5), 10)))
    assert alone.told_apart
    assert alone.corrected < 1e-4
    assert not grouped.told_apart


def test_by_macro_f1_the_interval_tells():
    truth = np.array([0] * 90 + [1] * 10)
    blind, fair = np.zeros(100, dtype=np.int64), np.where(np.arange(100) < 20, 1, truth)
    first, second = rank(truth, {"blind": blind, "fair": fair}, "macro_f1")
    assert (first.name, second.name) == ("fair", "blind")
    assert rank(truth, {"blind": blind, "fair": fair})[0].name == "blind"
    assert second.against.told_apart == (not second.against.difference.low <= 0 <= second.against.difference.high)


def test_equal_ones_keep_their_order_and_are_not_told_apart():
    truth = np.zeros(30, dtype=np.int64)
    first, second = rank(truth, {"b": answers(20, 30), "a": answers(20, 30)})
    assert (first.name, second.name) == ("b", "a")
    assert second.against.corrected == 1
    assert not second.against.told_apart
