"""What answers cost, and what sets do for each class, by hand."""

import numpy as np
import pytest

from sfumato.metrics.results import class_rows, with_sets
from sfumato.metrics.trust import cost_scores

COSTS = np.array([[0.0, 1.0], [5.0, 0.0]])


def test_the_cost_of_an_answer_by_hand():
    truth, likeliest, answers = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1])
    found = cost_scores(COSTS, likeliest, answers, truth)
    assert {name: score.value for name, score in found.items()} == {
        "cost": 0.25,
        "cost_before": 1.25,
        "cost_change": -1,
    }
    assert found["cost_change"].low <= -1 <= found["cost_change"].high
    assert cost_scores(COSTS, likeliest[:0], answers[:0], truth[:0]) == {}


def test_costs_of_samples_that_belong_together_are_resampled_together():
    rng = np.random.default_rng(0)
    truth = np.repeat(rng.integers(0, 2, 40), 10)
    named = np.repeat(rng.integers(0, 2, 40), 10)
    alone, together = (cost_scores(COSTS, named, named, truth, g)["cost"] for g in (None, np.arange(400) // 10))
    assert together.value == alone.value
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_sets_of_each_class_by_hand():
    truth = np.array([0, 0, 1])
    sets = np.array([[1, 1, 0], [0, 1, 1], [0, 1, 0]], dtype=bool)
    rows = class_rows(np.diag([2, 1, 0]), ("a", "b", "c"), None, None)
    first, second, none = with_sets(rows, sets, truth)
    assert (first.set_coverage.value, first.set_size.value) == (0.5, 2)
    assert (second.set_coverage.value, second.set_size.value) == (1, 1)
    assert second.set_coverage.low < 0.3  # of a single sample
    assert none.set_coverage is None and none.set_size is None
    assert first.set_coverage.low < 0.5 < first.set_coverage.high
    assert with_sets(rows, sets, truth, np.array([0, 0, 1]))[0].set_coverage.value == pytest.approx(0.5)
