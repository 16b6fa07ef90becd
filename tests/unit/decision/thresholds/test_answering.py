"""Thresholds where a sample has one class: against every other threshold there could be, and at the edges."""

import json

import numpy as np
import pytest
from sklearn import metrics as sk

from sfumato.decision.calibrators.calibrator import fit_calibrator
from sfumato.decision.thresholds.answering import AnswerThresholds, fit_answer_thresholds
from sfumato.decision.thresholds.cuts import cuts_of, resampled
from sfumato.decision.thresholds.document import answers_document
from sfumato.decision.thresholds.positive import positive_class
from sfumato.decision.thresholds.rules import EqualError, FBeta, LeastCost, PrecisionFloor, RecallFloor, Youden
from sfumato.decision.thresholds.threshold_spec import ThresholdSpec
from sfumato.errors import InputError
from sfumato.stored import read_stored

TWO = {
    "f_beta": (FBeta(), lambda t, y: sk.f1_score(y, t)),
    "f_beta 2": (FBeta(beta=2.0), lambda t, y: sk.fbeta_score(y, t, beta=2)),
    "youden": (Youden(), lambda t, y: t[y].mean() - t[~y].mean()),
    "equal_error": (EqualError(), lambda t, y: -abs((1 - t[y].mean()) - t[~y].mean())),
    "precision_floor": (PrecisionFloor(floor=0.8), lambda t, y: t[y].mean() if y[t].mean() >= 0.8 else -1),
    "recall_floor": (RecallFloor(floor=0.9), lambda t, y: y[t].mean() if t[y].mean() >= 0.9 else -1),
}


def two_classes(samples: int = 300, seed: int = 0, share: float = 0.2):
    """Calibrated probabilities of two classes, and what they are."""
    rng = np.random.default_rng(seed)
    p = rng.beta(6 * share, 6 * (1 - share), samples)
    return np.stack([1 - p, p], axis=1), (rng.random(samples) < p).astype(np.int64)


def many_classes(samples: int = 600, seed: int = 0, classes: int = 4):
    """The same of more; the last class is rare, and rarely the likeliest."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.linspace(1.2, 0.15, classes), samples)
    return p, (rng.random((samples, 1)) > p.cumsum(axis=1)).sum(axis=1).clip(0, classes - 1)


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("positive", [0, 1])
def test_of_two_classes_no_other_threshold_is_better(name, positive):
    rule, score = TWO[name]
    p, truth = two_classes()
    found = fit_answer_thresholds(p, truth, ThresholdSpec(rule=rule), positive)
    there = truth == positive
    brute = max(score(p[:, positive] >= t, there) for t in np.unique(p[:, positive]))
    assert score(found.choose(p) == positive, there) == pytest.approx(brute)
    assert not found.withheld(p, found.choose(p)).any()


def test_the_answer_is_the_positive_class_from_its_threshold_on_and_else_the_other():
    found = fit_answer_thresholds(*two_classes(), ThresholdSpec(rule=LeastCost(miss=4.0)), 0)
    p = np.array([[0.2, 0.8], [0.19999, 0.80001], [1, 0], [0, 1]])
    assert found.choose(p).tolist() == [0, 1, 0, 1]  # 1 / (1 + 4), reached by the first
    assert found.places == (0,) and found.classes == 2


@pytest.mark.parametrize("floor", [0.7, 0.9])
def test_of_more_classes_as_many_answers_are_given_as_keep_the_floor(floor):
    """Of each class alone, against every number of answers that could be given."""
    p, truth = many_classes()
    found = fit_answer_thresholds(p, truth, ThresholdSpec(rule=PrecisionFloor(floor=floor), shrinkage=0.0), None)
    answers = found.choose(p)
    given = ~found.withheld(p, answers)
    assert np.array_equal(answers, p.argmax(axis=1)) and not given.all()
    checked = 0
    for place, row in enumerate(found.fitted.classes):
        mine = answers == place
        right = (truth == place)[mine][np.argsort(-p[mine, place], kind="stable")]
        precision = right.cumsum() / np.arange(1, len(right) + 1)
        most = right.cumsum()[precision >= floor].max(initial=0)
        if most and not row.note:
            assert row.precision == pytest.approx((truth == place)[mine & given].mean()) and row.precision >= floor
            assert (mine & given & (truth == place)).sum() == most
            assert row.recall == pytest.approx(most / (truth == place).sum())
            checked += 1
    assert checked > 1


def test_a_recall_floor_withholds_no_more_than_it_may():
    p, truth = many_classes()
    found = fit_answer_thresholds(p, truth, ThresholdSpec(rule=RecallFloor(floor=0.5), shrinkage=0.0), None)
    answers = found.choose(p)
    given = ~found.withheld(p, answers)
    for place, row in enumerate(found.fitted.classes):
        reach = (answers == place)[truth == place].mean()  # what all answers of the class find
        shown = (given & (answers == place))[truth == place].mean()
        assert row.note or shown >= 0.5 or shown == reach
        assert row.recall == pytest.approx(shown)


def test_a_class_that_is_always_right_is_never_withheld():
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], 300)
    truth = np.where(p.argmax(axis=1) == 0, 0, rng.integers(0, 3, 300))
    found = fit_answer_thresholds(p, truth, ThresholdSpec(rule=PrecisionFloor(floor=0.95), shrinkage=0.0), None)
    answers = found.choose(p)
    assert not found.withheld(p, answers)[answers == 0].any()
    assert found.withheld(p, answers)[answers != 0].any()


def test_a_class_that_is_never_the_likeliest_is_said_to_be():
    p, truth = many_classes()
    p[:, 3] = np.minimum(p[:, 3], 0.9 * p[:, :3].max(axis=1))
    found = fit_answer_thresholds(p, truth, ThresholdSpec(rule=PrecisionFloor(floor=0.9)), None)
    row = found.fitted.classes[3]
    assert (row.note, row.own, row.precision, row.recall) == ("never likeliest", None, 0.0, 0.0)
    assert row.threshold == found.fitted.shared and row.positives == (truth == 3).sum()


def test_what_can_not_be_told_holds_nothing_back():
    spec, coin = ThresholdSpec(), np.random.default_rng(0)
    few = fit_answer_thresholds(*two_classes(19), spec, 1)
    assert few.fitted.values.tolist() == [0.5] and few.fitted.classes[0].note == "too few samples"
    p, truth = two_classes(200)
    blind = fit_answer_thresholds(p, coin.permutation(truth), spec, 1)
    assert blind.fitted.values.tolist() == [0.5] and blind.fitted.classes[0].note == "scores say nothing"
    for same in (0, 1):
        assert fit_answer_thresholds(p, np.full(200, same), spec, 1).fitted.values.tolist() == [0.5]
    p, truth = many_classes(19)
    assert not fit_answer_thresholds(p, truth, spec, None).withheld(p, p.argmax(axis=1)).any()
    p, _ = many_classes(200)
    assert not fit_answer_thresholds(p, p.argmax(axis=1), spec, None).withheld(p, p.argmax(axis=1)).any()
    empty = fit_answer_thresholds(np.zeros((0, 2)), np.zeros(0, dtype=np.int64), spec, 0)
    assert empty.fitted.samples == 0 and empty.choose(np.zeros((0, 2))).shape == (0,)


def test_what_is_no_number_is_withheld():
    found = fit_answer_thresholds(*many_classes(), ThresholdSpec(), None)
    assert found.withheld(np.full((2, 4), np.nan), np.array([0, 3])).all()


@pytest.mark.parametrize("rule", [FBeta(), PrecisionFloor(floor=0.6), EqualError(), RecallFloor(floor=0.9)])
def test_other_frequencies_count_as_samples_drawn_so_often(rule):
    """Every sample of the other class five times is what five times its frequency means."""
    p, truth = two_classes(400)
    again = np.concatenate([np.arange(400), np.repeat(np.flatnonzero(truth == 0), 4)])
    positives = int(truth.sum())
    frequencies = (5 * (400 - positives), positives)
    asked = fit_answer_thresholds(p, truth, ThresholdSpec(rule=rule), 1, frequencies)
    drawn = fit_answer_thresholds(p[again], truth[again], ThresholdSpec(rule=rule), 1)
    one, other = asked.fitted.classes[0], drawn.fitted.classes[0]
    assert one.threshold == other.threshold
    assert (one.precision, one.recall, one.f1) == pytest.approx((other.precision, other.recall, other.f1))
    assert one.low <= one.threshold <= one.high


def test_cuts_among_some_samples_miss_the_others():
    rng = np.random.default_rng(0)
    scores, there, among = rng.random(80), rng.random(80) < 0.4, rng.random(80) < 0.5
    cuts = cuts_of(scores, there, among)
    for place, t in enumerate(cuts.thresholds):
        named = (scores >= t) & among
        assert cuts.hits[place] == (named & there).sum() and cuts.alarms[place] == (named & ~there).sum()
        assert cuts.recall[place] == pytest.approx(named[there].mean())
    draws = resampled(cuts, 4000)
    assert draws.positives.mean() == pytest.approx(there.sum(), rel=0.02)
    assert draws.recall[:, -1].mean() == pytest.approx(cuts.recall[-1], abs=0.02)
    assert draws.recall.max() <= 1


def test_an_unreachable_recall_gives_the_greatest():
    cuts = cuts_of(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), np.array([True, True, False]))
    assert cuts.hits[RecallFloor(floor=0.9).best(cuts)] == 1 and len(cuts.thresholds) == 2


@pytest.mark.parametrize("positive", [0, None])
def test_it_is_stored_whole_and_damage_is_refused(positive):
    p, truth = two_classes() if positive is not None else many_classes()
    found = fit_answer_thresholds(p, truth, ThresholdSpec(), positive)
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert read_stored(AnswerThresholds, document, "thresholds", "here") == found
    with pytest.raises(InputError, match="here: not thresholds: "):
        read_stored(AnswerThresholds, {**document, "positive": 2}, "thresholds", "here")
    if positive is None:
        with pytest.raises(InputError, match="should have one threshold"):
            read_stored(AnswerThresholds, {**document, "positive": 1}, "thresholds", "here")


def test_the_document_names_what_is_answered_below():
    p, truth = two_classes()
    found = fit_answer_thresholds(p, truth, ThresholdSpec(), 1)
    calibrator = fit_calibrator("class_temperature", np.log(p), truth)
    document = answers_document(found, ("other", "chart"), calibrator)
    assert document["below"] == "other" and list(document["classes"]) == ["chart"]
    row = document["classes"]["chart"]
    assert row["threshold"] == found.fitted.values[0] and row["temperature"] == calibrator.values[1]
    many = fit_answer_thresholds(*many_classes(), ThresholdSpec(), None)
    document = answers_document(many, tuple("abcd"))
    assert document["below"] is None and list(document["classes"]) == list("abcd")


def test_the_rarer_class_is_positive_unless_one_is_named():
    def place(names, counts, positive=None):
        found = positive_class(ThresholdSpec(positive=positive), names, np.array(counts))
        return found and (found.place, found.reason)

    assert place(("a", "b"), (30, 90)) == (0, "the rarer in training, 30 of 120 images")
    assert place(("a", "b"), (90, 30)) == (1, "the rarer in training, 30 of 120 images")
    assert place(("a", "b"), (30, 30)) == (1, "the second of two classes with 30 training images each")
    assert place(("a", "b"), (30, 90), "b") == (1, None)
    assert place(("a", "b", "c"), (1, 2, 3)) is None
    assert positive_class(None, ("a", "b"), np.array((1, 2))) is None
