"""Classes that are unknown of some samples: each is measured by the samples that have its answer, and by no other."""

import numpy as np
import pytest
import sklearn.metrics as sk

from sfumato.decided import measure_any
from sfumato.decision.calibrators.one_vs_rest import sigmoid
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.multilabel_fit import fit_multilabel
from sfumato.ensembles.against import compare
from sfumato.labels import LabelSpace
from sfumato.metrics.label_scores import exact_matches, selection_scores
from sfumato.metrics.labelled import Labelled
from sfumato.metrics.multilabel_results import MultilabelResults
from sfumato.metrics.paired_labels import LabelAnswers, label_difference
from sfumato.metrics.ranks import coverage
from sfumato.multilabel_predictions import MultilabelPredictions

CLASSES = 5
SPACE = LabelSpace(tuple("abcde"))


def drawn(samples=400, hidden=0.3, seed=0):
    """Logits that are honest, with a share of the answers hidden."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (samples, CLASSES)) - 0.5 * np.arange(CLASSES)
    truth = (rng.random(logits.shape) < sigmoid(logits)).astype(np.int8)
    truth[rng.random(logits.shape) < hidden] = -1
    return MultilabelPredictions(tuple(map(str, range(samples))), truth, logits.astype(np.float32), SPACE)


def measured(table, **asked):
    policy = fit_multilabel((table,), DecisionSpec(**asked), CLASSES)
    return policy, measure_any(table, policy)


@pytest.fixture(scope="module")
def found():
    table = drawn()
    return table, *measured(table, misses=0.2)


def test_every_class_scores_what_its_known_answers_do(found):
    table, policy, results = found
    p, named = policy.calibrated(table.logits), policy.apply(table.logits).named
    for c, row in enumerate(results.classes):
        known = table.truth[:, c] != -1
        there = table.truth[known, c]
        assert row.average_precision == pytest.approx(sk.average_precision_score(there, p[known, c]))
        assert (row.known, row.support) == (known.sum(), there.sum())
        assert row.f1 == pytest.approx(sk.f1_score(there, named[known, c]))
    pairs = table.truth != -1
    assert results.scores["micro_f1"].value == pytest.approx(sk.f1_score(table.truth[pairs], named[pairs]))
    precisions = [row.average_precision for row in results.classes]
    assert results.scores["map_step"].value == pytest.approx(np.mean(precisions))


def test_honesty_is_summed_over_the_classes_means(found):
    table, policy, results = found
    p, losses, squares = policy.calibrated(table.logits), [], []
    for c in range(CLASSES):
        known = table.truth[:, c] != -1
        losses.append(sk.log_loss(table.truth[known, c], p[known, c]))
        squares.append(sk.brier_score_loss(table.truth[known, c], p[known, c]))
    for name, expected in (("nll", sum(losses)), ("brier", sum(squares))):
        score = results.scores[name]
        assert score.value == pytest.approx(expected)
        assert score.low < score.value < score.high


def test_scores_of_a_sample_as_a_whole_go_by_those_of_which_all_is_known(found):
    table, policy, results = found
    whole = (table.truth != -1).all(axis=1)
    assert results.complete == whole.sum() < results.samples == len(table)
    named, there = policy.apply(table.logits).named, table.truth == 1
    assert results.scores["accuracy"].value == (named == there)[whole].all(axis=1).mean()
    assert len(exact_matches(table.truth, named)) == whole.sum()
    down = coverage(Labelled(table.truth[whole], policy.calibrated(table.logits)[whole]))
    assert results.scores["coverage_error"].value == pytest.approx(down.mean())
    assert policy.misses is not None and policy.misses.samples == whole.sum()
    assert results.scores["set_miss"].value <= 0.3


def test_what_is_said_of_unknown_answers_changes_nothing():
    """But of whole samples, which have none: neither a score nor a difference."""
    table, rng = drawn(), np.random.default_rng(1)
    policy, results = measured(table)
    other = np.where(table.truth == -1, rng.normal(0, 9, table.logits.shape), table.logits).astype(np.float32)
    assert policy == fit_multilabel(
        (MultilabelPredictions(table.ids, table.truth, other, SPACE),), DecisionSpec(), CLASSES
    )
    again = measure_any(MultilabelPredictions(table.ids, table.truth, other, SPACE), policy)
    assert again.to_dict() == results.to_dict()
    worse = LabelAnswers(-table.logits, table.logits < 0)
    for score in ("map", "macro_f1", "micro_f1", "accuracy"):
        first, second = (
            label_difference(table.truth, LabelAnswers(z, z > 0), worse, score) for z in (table.logits, other)
        )
        assert first == second and first.low > 0
    assert compare(table.truth, table.logits > 0, worse.named, None) == compare(
        table.truth, other > 0, worse.named, None
    )


@pytest.mark.parametrize("calibration", ["platt", "temperature", "class_temperature", "beta", "isotonic", "none"])
def test_a_class_of_which_nothing_is_known_is_unmeasured(calibration):
    table = drawn(600)
    table.truth[:, 2] = -1
    policy, results = measured(table, calibration=calibration, misses=0.1)
    row = results.classes[2]
    assert (row.support, row.known, row.average_precision) == (0, 0, None)
    assert policy.thresholds.classes[2].note == "too few samples"
    assert np.isfinite(policy.calibrated(table.logits)).all()
    assert results.complete == 0 and not {"accuracy", "coverage_error", "set_miss"} & results.scores.keys()
    assert all(np.isfinite([one.value, one.low, one.high]).all() for one in results.scores.values())
    assert MultilabelResults.from_dict(results.to_dict()) == results
    assert policy.misses is not None and policy.misses.threshold == 0  # nothing can be promised, so all are named
    assert selection_scores(table.truth, table.logits, table.logits > 0)["accuracy"] == 0


def test_groups_are_resampled_whole_where_answers_are_unknown():
    table = drawn(300)
    doubled = MultilabelPredictions(
        tuple(f"{name}{copy}" for name in table.ids for copy in "xy"),
        np.repeat(table.truth, 2, axis=0),
        np.repeat(table.logits, 2, axis=0),
        SPACE,
        np.repeat(np.arange(300), 2),
    )
    policy, alone = measured(table)
    twice = measure_any(doubled, policy)
    for name in ("nll", "brier", "macro_f1", "map", "accuracy", "coverage_error"):
        one, two = alone.scores[name], twice.scores[name]
        assert two.value == pytest.approx(one.value)
        assert two.high - two.low == pytest.approx(one.high - one.low, rel=0.15)
