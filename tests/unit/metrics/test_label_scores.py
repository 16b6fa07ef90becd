import numpy as np
import pytest
from sklearn import metrics as sk

from sfumato.errors import InputError
from sfumato.metrics.classification import f1
from sfumato.metrics.f_scores import averaged, label_counts
from sfumato.metrics.intervals import percentiles
from sfumato.metrics.label_scores import label_scores
from sfumato.metrics.ranking import FIGURES
from sfumato.metrics.resampling import resample


def labels(samples=120, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.random((samples, 4)) < [0.5, 0.3, 0.2, 0.1]
    return truth, truth * 0.4 + rng.random((samples, 4))


def test_every_score_has_its_value_and_an_interval():
    truth, scores = labels()
    named = scores > 0.6
    found = label_scores(truth, scores, named)
    for name, reference in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        for how in ("micro", "macro", "weighted"):
            expected = reference(truth, named, average=how, zero_division=0)
            assert found[f"{how}_{name}"].value == pytest.approx(expected)
    assert found["coverage_error"].value == pytest.approx(sk.coverage_error(truth, scores))
    assert found["map_step"].value == pytest.approx(sk.average_precision_score(truth, scores))
    assert found.keys() >= FIGURES.keys()
    for name, interval in found.items():
        assert interval.low < interval.value < interval.high, name


def test_counts_of_a_resample_are_those_of_its_rows():
    truth, scores = labels(30)
    named, drawn = scores > 0.6, resample(30, None, 4)
    rows = [np.repeat(np.arange(30), times.astype(int)) for times in drawn.drawn.T]
    expected = [averaged(f1, label_counts(truth[of], named[of]), "micro") for of in rows]
    found, plain = label_scores(truth, scores, named)["micro_f1"], percentiles(0.5, np.array(expected))
    assert (found.low, found.high) == (pytest.approx(plain.low), pytest.approx(plain.high))


def test_groups_widen_the_intervals():
    truth, scores = (np.repeat(of, 5, axis=0) for of in labels(60))
    groups = np.arange(300) // 5
    apart, together = label_scores(truth, scores, scores > 0.6), label_scores(truth, scores, scores > 0.6, groups)
    for name in ("micro_f1", "macro_recall", "weighted_precision", "map", "auc", "coverage_error"):
        assert together[name].high - together[name].low > 1.5 * (apart[name].high - apart[name].low), name


def test_answers_of_another_shape_are_refused():
    truth, scores = labels(10)
    with pytest.raises(InputError, match=r"^answers of shape \(10,\) to truth of shape \(10, 4\)"):
        label_scores(truth, scores, truth[:, 0])
    with pytest.raises(InputError, match="answers of shape"):
        label_scores(np.zeros(10, dtype=int), scores, truth)


def test_without_a_sample_there_is_nothing():
    assert label_scores(np.zeros((0, 2), dtype=bool), np.zeros((0, 2)), np.zeros((0, 2), dtype=bool)) == {}
