import json

import numpy as np
import pytest

from sfumato.metrics.results import Results, measure


def test_a_hand_example():
    truth, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0])
    confidence, abstained = np.array([0.9, 0.8, 0.4, 0.7, 0.9, 0.3]), np.array([0, 0, 1, 0, 0, 1], dtype=bool)
    results = measure(truth, predicted, confidence, abstained, ("a", "b", "c", "d"))
    assert results.confusion == ((2, 1, 0, 0), (0, 2, 0, 0), (1, 0, 0, 0), (0, 0, 0, 0))
    assert [row.support for row in results.classes] == [3, 2, 1, 0]
    assert results.classes[0].recall == pytest.approx(2 / 3)
    assert results.scores["accuracy"].value == pytest.approx(4 / 6)
    assert results.scores["balanced_accuracy"].value == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert results.scores["coverage"].value == pytest.approx(4 / 6)
    assert results.scores["accuracy_answered"].value == 1
    assert Results.from_dict(json.loads(json.dumps(results.to_dict()))) == results


def test_no_coverage_where_everything_is_answered():
    ones = np.zeros(4, dtype=np.int64)
    results = measure(ones, ones, np.ones(4), np.zeros(4, dtype=bool), ("a", "b"))
    assert "coverage" not in results.scores
