"""Two sets of answers over labels: against resamples drawn and measured one by one, and against chance."""

import numpy as np
import pytest

from sfumato.metrics.average_precision import average_precision
from sfumato.metrics.intervals import sample_interval
from sfumato.metrics.label_scores import LABEL_SCORES, selection_scores
from sfumato.metrics.paired import mcnemar, mcnemar_of
from sfumato.metrics.paired_labels import LabelAnswers, label_difference
from sfumato.metrics.paired_ranking import rank_labels

SHARES = np.array([0.4, 0.25, 0.1, 0.04])


def made(samples: int, seed: int, *strengths: float, unknown: float = 0.0) -> tuple[np.ndarray, list[LabelAnswers]]:
    """Truth, and an answer a strength; some of the truth is not known."""
    rng = np.random.default_rng(seed)
    there = rng.random((samples, 4)) < SHARES
    common = rng.normal(size=there.shape)
    said = [s * there + 0.7 * common + 0.7 * rng.normal(size=there.shape) for s in strengths]
    truth = np.where(rng.random(there.shape) < unknown, -1, there).astype(np.int8)
    return truth, [LabelAnswers(one, one > 0.9) for one in said]


@pytest.mark.parametrize("score", LABEL_SCORES)
@pytest.mark.parametrize("grouped", [False, True])
def test_the_interval_is_that_of_resamples_measured_one_by_one(score, grouped):
    truth, (a, b) = made(120, 3, 2.0, 1.0, unknown=0.1)
    groups = np.arange(120) // 4 if grouped else None

    def further(rows):
        found = [selection_scores(truth[rows], one.scores[rows], one.named[rows])[score] for one in (a, b)]
        return found[0] - found[1]

    found, wanted = label_difference(truth, a, b, score, groups), sample_interval(further, 120, groups)
    assert (found.value, found.low, found.high) == pytest.approx((wanted.value, wanted.low, wanted.high), abs=1e-9)


def test_resamples_without_a_class_leave_it_out():
    truth, (a, b) = made(30, 5, 2.0, 1.0)
    truth[:, 3] = 0
    truth[0, 3] = 1
    found = label_difference(truth, a, b, "map")
    whole = [np.nanmean(average_precision(truth, one.scores, "all_point")) for one in (a, b)]
    assert found.value == pytest.approx(whole[0] - whole[1])
    assert np.isfinite([found.low, found.high]).all()


def test_answers_that_never_differ_are_as_unsure_as_a_share_of_nothing():
    truth, (a, _) = made(80, 1, 2.0, 1.0)
    for score in LABEL_SCORES:
        found = label_difference(truth, a, a, score)
        assert found.value == 0 and found.low == -found.high and 0 < found.high < 0.06


@pytest.mark.parametrize("score", LABEL_SCORES)
def test_chance_alone_is_rarely_taken_for_a_difference(score):
    """Of equal ones at most a tenth of the intervals may leave 0 out; a great difference is always seen."""
    apart = 0
    for seed in range(60):
        truth, (a, b) = made(250, seed, 1.5, 1.5)
        found = label_difference(truth, a, b, score)
        apart += not found.low <= 0 <= found.high
    assert apart <= 8  # 1 of 1,000 times more, where 5 % are
    truth, (a, b) = made(250, 0, 3.0, 1.0)
    assert label_difference(truth, a, b, score).low > 0


def test_they_are_ranked_and_right_means_all_classes_and_no_other():
    truth, said = made(300, 2, 1.0, 3.0, 1.0)
    answers = dict(zip(("weak", "strong", "other"), said, strict=True))
    found = rank_labels(truth, answers)
    assert found[0].name == "strong" and found[0].against is None
    assert found[1].against.told_apart and found[1].against.difference.high < 0
    right = {name: (one.named == truth).all(axis=1) for name, one in answers.items()}
    assert found[1].against.mcnemar == mcnemar_of(right[found[1].name], right["strong"])
    exact = rank_labels(truth, answers, "accuracy")
    assert exact[0].score == max(of.mean() for of in right.values())
    assert exact[1].against.told_apart == (exact[1].against.corrected < 0.05)
    ones = np.ones(300, dtype=np.int64)
    named = [right[name].astype(np.int64) for name in ("weak", "strong")]
    assert mcnemar(ones, *named) == mcnemar_of(right["weak"], right["strong"])
