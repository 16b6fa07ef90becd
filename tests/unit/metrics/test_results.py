import json
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

from sfumato.errors import InputError
from sfumato.metrics.average_precision import average_precision
from sfumato.metrics.classification import answer_counts
from sfumato.metrics.longtail import long_tail_scores
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


TRAINED = np.array([400, 150, 60, 30, 12, 5, 3, 0])


def long_tail(samples: int = 300, groups: bool = False) -> tuple[Results, np.ndarray, np.ndarray, np.ndarray]:
    """8 classes of which the last has no sample; frequent ones are named too readily."""
    rng = np.random.default_rng(0)
    truth = rng.choice(7, samples, p=TRAINED[:7] / TRAINED.sum())
    truth[:7] = range(7)
    scores = rng.random((samples, 8)) + np.eye(8)[truth] * 0.4
    p = scores / scores.sum(axis=1, keepdims=True)
    said, none = p.argmax(axis=1), np.zeros(samples, dtype=bool)
    names = tuple("abcdefgh")
    found = measure(
        truth, said, p.max(axis=1), none, names, np.arange(samples) // 5 if groups else None,
        probabilities=p, trained=TRAINED,
    )  # fmt: skip
    return found, truth, said, p


@pytest.mark.parametrize("groups", [False, True])
def test_long_tail_scores_stand_beside_the_others_with_intervals(groups):
    found, truth, said, p = long_tail(groups=groups)
    values = long_tail_scores(answer_counts(truth, said, 8), TRAINED)
    assert len(values) == 7
    for name, value in values.items():
        interval = found.scores[name]
        assert interval.value == pytest.approx(value), name
        assert interval.low <= interval.value <= interval.high, name
        assert interval.high > interval.low, name
    assert found.scores["few"].high - found.scores["few"].low > found.scores["many"].high - found.scores["many"].low
    assert [row.trained for row in found.classes] == TRAINED.tolist()
    assert [row.average_precision for row in found.classes[:7]] == average_precision(truth, p)[:7].tolist()
    assert found.classes[7].average_precision is None
    assert found.long_tailed
    assert Results.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_groups_make_the_intervals_of_the_long_tail_wider():
    rng = np.random.default_rng(0)
    groups = np.arange(400) // 10
    truth, right = groups % 8, (rng.random(40) < 0.7)[groups]
    given = (truth, np.where(right, truth, (truth + 1) % 8), np.full(400, 0.7), ~right, tuple("abcdefgh"))
    apart, together = measure(*given, trained=TRAINED), measure(*given, groups, trained=TRAINED)
    wider = [
        name
        for name in ("macro_f1_all", "weighted_f1", "many", "medium", "few", "tail")
        if together.scores[name].high - together.scores[name].low
        > 1.5 * (apart.scores[name].high - apart.scores[name].low)
    ]
    assert len(wider) == 6


def test_an_interval_of_few_classes_holds_the_truth_as_often_as_it_says():
    """Recall 0.6 and 0.8 of two rare classes, 30 samples each, so a mean of 0.7."""
    held = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        truth = np.repeat([0, 1, 2], [60, 30, 30])
        said = np.where(rng.random(120) < np.array([0.9, 0.6, 0.8])[truth], truth, (truth + 1) % 3)
        none = np.zeros(120, dtype=bool)
        few = measure(truth, said, np.ones(120), none, ("a", "b", "c"), trained=np.array([500, 9, 4])).scores["few"]
        held += few.low <= 0.7 <= few.high
    assert held / 100 > 0.88


def test_without_training_counts_there_are_no_long_tail_scores():
    assert not {"many", "tail", "macro_f1_all"} & answers(20, 0).scores.keys()
    assert answers(20, 0).classes[0].trained is None
    assert not answers(20, 0).long_tailed


def test_results_of_a_bundle_of_format_1_are_read():
    path = Path(__file__).parents[2] / "golden" / "bundle-format-1" / "results.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    for part in ("val", "test"):
        assert Results.from_dict(document[part]).classes[0].average_precision is None


def test_figures_of_ranking_stand_beside_the_others():
    found, truth, _, p = long_tail()
    assert found.scores["map_step"].value == pytest.approx(average_precision(truth, p)[:7].mean())
    assert found.scores["top_3"].value == pytest.approx(sk.top_k_accuracy_score(truth, p, k=3, labels=range(8)))
    assert found.scores["coverage_error"].value == pytest.approx(sk.coverage_error(np.eye(8)[truth], p))
    assert found.scores["auc_micro"].value == pytest.approx(sk.roc_auc_score(np.eye(8)[truth], p, average="micro"))
    assert "eer" not in found.scores
    assert 1 < found.scores["coverage_error"].low < found.scores["coverage_error"].high < 8


def test_two_classes_have_an_equal_error_rate_and_no_top_3():
    truth, p = np.array([0, 0, 1, 1]), np.array([0.9, 0.4, 0.6, 0.1])
    scores = measure(
        truth, (p < 0.5).astype(int), np.maximum(p, 1 - p), p > 1, ("a", "b"), probabilities=np.stack([p, 1 - p], 1)
    ).scores
    assert scores["eer"].value == 0.5
    assert scores["auc"].value == 0.75
    assert not {"top_3", "top_5"} & scores.keys()


def test_without_a_sample_nothing_is_ranked():
    none = np.zeros(0, dtype=np.int64)
    found = measure(none, none, np.zeros(0), none > 0, ("a", "b"), probabilities=np.zeros((0, 2)))
    assert not {"auc", "map", "coverage_error"} & found.scores.keys()
