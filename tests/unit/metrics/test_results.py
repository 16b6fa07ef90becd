import json

import numpy as np
import pytest

from sfumato.errors import InputError
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
    assert results.groups is None
    assert Results.from_dict(json.loads(json.dumps(results.to_dict()))) == results


def test_no_coverage_where_everything_is_answered():
    ones = np.zeros(4, dtype=np.int64)
    results = measure(ones, ones, np.ones(4), np.zeros(4, dtype=bool), ("a", "b"))
    assert "coverage" not in results.scores


def answers(samples: int, seed: int) -> Results:
    """Of a model as often right as it says."""
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.5, 1, samples)
    wrong = (rng.random(samples) >= confidence).astype(np.int64)
    return measure(np.zeros(samples, dtype=np.int64), wrong, confidence, confidence < 0.6, ("a", "b"))


def test_every_figure_lies_in_its_interval():
    for seed in range(30):
        scores = answers(200, seed).scores
        assert [name for name, score in scores.items() if not score.low <= score.value <= score.high] == []


def test_where_nothing_is_answered_nothing_is_said_of_the_answers():
    ones = np.zeros(4, dtype=np.int64)
    scores = measure(ones, ones, np.ones(4), np.ones(4, dtype=bool), ("a", "b")).scores
    assert scores["coverage"].value == 0
    assert scores["coverage"].high > 0.4
    assert "accuracy_answered" not in scores


def test_groups_are_counted_and_make_the_intervals_wider():
    rng = np.random.default_rng(0)
    groups = np.arange(300) // 10
    right = (rng.random(30) < 0.8)[groups]
    truth = groups % 2
    predicted = np.where(right, truth, 1 - truth)
    given = (truth, predicted, np.full(300, 0.8), ~right, ("a", "b"))
    apart, together = measure(*given), measure(*given, groups)
    assert together.groups == 30
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "ece", "coverage"):
        wide, narrow = together.scores[name], apart.scores[name]
        assert wide.value == narrow.value
        assert wide.high - wide.low > 1.8 * (narrow.high - narrow.low), name
    assert Results.from_dict(json.loads(json.dumps(together.to_dict()))) == together


def test_results_from_before_groups_are_read():
    document = answers(20, 0).to_dict()
    del document["groups"]
    assert Results.from_dict(json.loads(json.dumps(document))).groups is None


@pytest.mark.parametrize(
    "change",
    [
        {"scores": {}}, {"confusion": [[1]]}, {"samples": "x"}, {"classes": None}, {"more": 1},
        {"scores": {"accuracy": {"value": 1, "low": 0}}}, {"confusion": [[1, 2, 3], [1, 2, 3]]},
    ],
)  # fmt: skip
def test_results_that_are_none_name_their_file(change):
    document = json.loads(json.dumps(answers(20, 0).to_dict()))
    with pytest.raises(InputError, match=r"^x/metrics.json: not results: "):
        Results.from_dict({**document, **change}, "x/metrics.json")
