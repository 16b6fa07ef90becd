import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn import metrics as sk
from tests.unit.metrics.scored import several, single

from sfumato.metrics import ranking
from sfumato.metrics.intervals import sample_interval, wilson
from sfumato.metrics.labelled import Labelled
from sfumato.metrics.ranking import FIGURES, figure, figures
from sfumato.metrics.resampling import Resamples, resample
from sfumato.predictions import UNKNOWN


def long_tail(samples, classes, seed=0, gap=1.5):
    """Truth and scores of classes of which the last is ten times rarer than the first."""
    rng = np.random.default_rng(seed)
    shares = np.geomspace(1, 0.1, classes)
    truth = rng.choice(classes, samples, p=shares / shares.sum())
    scores = rng.normal(size=(samples, classes))
    scores[np.arange(samples), truth] += gap
    return Labelled(truth, np.round(scores, 1))


@given(several())
def test_averages_of_auc_and_average_precision_equal_scikit_learn(data):
    truth, scores = data
    there = [column for column in range(truth.shape[1]) if 0 < truth[:, column].sum() < len(truth)]
    if len(there) < 2:
        return
    truth, scores = truth[:, there], scores[:, there]
    found = {name: figure(Labelled(truth, scores), one) for name, one in FIGURES.items()}
    assert found["auc"] == pytest.approx(sk.roc_auc_score(truth, scores, average="macro"))
    assert found["auc_weighted"] == pytest.approx(sk.roc_auc_score(truth, scores, average="weighted"))
    assert found["auc_micro"] == pytest.approx(sk.roc_auc_score(truth, scores, average="micro"))
    assert found["map_step"] == pytest.approx(sk.average_precision_score(truth, scores, average="macro"))


def test_one_vs_rest_of_probabilities_equals_scikit_learn():
    data = long_tail(200, 5)
    p = np.exp(data.scores) / np.exp(data.scores).sum(axis=1, keepdims=True)
    of_p = Labelled(data.truth, p)
    for name, average in (("auc", "macro"), ("auc_weighted", "weighted"), ("auc_micro", "micro")):
        expected = sk.roc_auc_score(data.truth, p, multi_class="ovr", average=average)
        assert figure(of_p, FIGURES[name]) == pytest.approx(expected), name


@pytest.mark.parametrize("made", [single(least=0), several(), several(unknown=True)])
def test_one_class_no_sample_and_ties_give_a_figure_or_none_and_no_warning(made):
    @settings(max_examples=40, deadline=None)
    @given(made)
    def check(given_data):
        data = Labelled(*given_data)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = figures(data, resamples=resample(len(data), None, data.classes, resamples=50))
        for name, one in FIGURES.items():
            value = figure(data, one)
            assert (name in found) == (not np.isnan(value)), name
            if name in found:
                assert found[name].value == pytest.approx(value)
                assert 0 <= found[name].low <= found[name].high <= 1

    check()


@pytest.mark.parametrize("groups", [None, np.arange(60) // 4])
@pytest.mark.parametrize("of_several", [False, True])
@pytest.mark.parametrize("together", [False, True])
def test_weighing_what_was_sorted_once_is_resampling_it(groups, of_several, together, monkeypatch):
    """Every figure of every resample, with ties, groups, classes that a resample lacks, and what is not known."""
    data = long_tail(60, 6)
    if of_several:
        rng = np.random.default_rng(3)
        truth = np.where(rng.random((60, 6)) < 0.2, UNKNOWN, rng.random((60, 6)) < 0.1).astype(np.int8)
        data = Labelled(truth, data.scores)
    drawn = resample(60, groups, 6, resamples=25, seed=7)
    if together:  # samples of one unit are counted before, not one by one
        drawn = Resamples(np.zeros(60, dtype=np.int64), np.arange(1.0, 4)[np.newaxis])
    found = ranking._summed(data, drawn, FIGURES)
    for turn, times in enumerate(drawn.drawn.T):
        rows = np.repeat(np.arange(60), times.astype(int)[drawn.unit])
        again = Labelled(data.truth[rows], data.scores[rows])
        for name, one in FIGURES.items():
            assert found[name][1][turn] == pytest.approx(figure(again, one), abs=1e-12, nan_ok=True), (name, turn)


def test_intervals_are_those_of_resampling_rows():
    data = long_tail(50, 3)
    found = figures(data, resamples=resample(50, None, 3, resamples=100))
    for name, one in FIGURES.items():
        by_rows = sample_interval(
            lambda rows, one=one: figure(Labelled(data.truth[rows], data.scores[rows]), one),
            50, resamples=100, biased=one.leans,
        )  # fmt: skip
        assert (found[name].low, found[name].high) == (pytest.approx(by_rows.low), pytest.approx(by_rows.high)), name


def test_scores_put_together_move_no_interval(monkeypatch):
    data = long_tail(3000, 3)
    fine = Labelled(data.truth, data.scores + np.random.default_rng(0).random(data.scores.shape) / 10)
    drawn = resample(3000, None, 3, resamples=200)
    together = figures(fine, resamples=drawn)
    monkeypatch.setattr(ranking, "STEPS", 10**6)
    for name, apart in figures(fine, resamples=drawn).items():
        width = apart.high - apart.low
        assert together[name].value == apart.value
        assert abs(together[name].low - apart.low) + abs(together[name].high - apart.high) < 0.15 * width, name


def test_groups_widen_every_interval():
    rng = np.random.default_rng(0)
    groups = np.arange(600) // 10
    truth = groups % 3
    scores = np.repeat(rng.normal(size=(60, 3)), 10, axis=0)
    scores[np.arange(600), truth] += 1
    apart, together = figures(Labelled(truth, scores)), figures(Labelled(truth, scores), groups)
    for name in FIGURES:
        assert together[name].value == pytest.approx(apart[name].value)
        assert together[name].high - together[name].low > 1.7 * (apart[name].high - apart[name].low), name


def test_classes_parted_without_a_mistake_have_wilsons_width():
    truth = np.repeat([0, 1], 10)
    found = figures(Labelled(truth, np.eye(2)[truth]))
    assert {name: found[name] for name in ("auc", "map_step")} == {"auc": wilson(1.0, 20), "map_step": wilson(1.0, 20)}
    assert found["eer"] == wilson(0.0, 20)
    one_group = figures(long_tail(30, 2), np.zeros(30, dtype=np.int64))
    assert one_group["auc"].high - one_group["auc"].low > 0.5


def test_an_interval_holds_the_truth_about_as_often_as_it_says():
    truth = {name: figure(long_tail(100_000, 4, seed=99), FIGURES[name]) for name in ("auc", "map", "map_step")}
    held = dict.fromkeys(truth, 0)
    wanted = {name: FIGURES[name] for name in truth}
    for seed in range(100):
        data = long_tail(400, 4, seed)
        found = figures(data, wanted=wanted, resamples=resample(400, None, 4, resamples=200, seed=seed))
        for name, value in truth.items():
            held[name] += found[name].low <= value <= found[name].high
    assert min(held.values()) >= 88, held
