import numpy as np
import pytest
from sklearn.metrics import f1_score

from sfumato.decision.calibration import fit_temperature
from sfumato.decision.calibrators.class_temperature import fit_class_temperature
from sfumato.decision.calibrators.one_vs_rest import sigmoid, softmax
from sfumato.metrics.average_precision import average_precision

FACTORS = np.array([0.5, 1.0, 2.0, 4.0])


def several(samples: int, seed: int = 0):
    """Logits whose sigmoid is the chance of each class, and a truth drawn so."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (samples, 4))
    return logits, rng.random(logits.shape) < sigmoid(logits)


def one(samples: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (samples, 4))
    return logits, (softmax(logits).cumsum(axis=1) > rng.random((samples, 1))).argmax(axis=1)


def test_recovers_a_known_temperature_a_class():
    logits, truth = several(20_000)
    assert fit_class_temperature(logits * FACTORS, truth).values == pytest.approx(FACTORS, rel=0.03)


def test_recovers_it_where_classes_exclude_each_other():
    logits, truth = one(20_000)
    found = fit_class_temperature(logits * 2, truth)
    assert found.values == pytest.approx([2] * 4, rel=0.05)


def test_average_precision_of_every_class_stays():
    logits, truth = several(500)
    p = fit_class_temperature(logits * FACTORS, truth).probabilities(logits * FACTORS)
    for index in range(4):
        columns = np.stack([logits[:, index], p[:, index]], axis=1)
        own = truth[:, index].astype(np.int64)
        before, after = (
            average_precision(1 - own, columns[:, [0, 0]])[0],
            average_precision(1 - own, columns[:, [1, 1]])[0],
        )
        assert before == after


def test_the_best_f1_of_every_class_and_what_it_names_stay():
    """At whatever threshold is best on either scale: brute force over all cut points."""
    logits, truth = several(120)
    p = fit_class_temperature(logits * FACTORS, truth).probabilities(logits * FACTORS)
    for own, scores, calibrated in zip(truth.T, logits.T, p.T, strict=True):
        best = [
            max((f1_score(own, of >= cut), tuple(of >= cut)) for cut in np.unique(of)) for of in (scores, calibrated)
        ]
        assert best[0] == best[1]


def test_a_rare_class_leans_on_the_shared_temperature():
    """Of n samples by n / (n + 10): 2 samples by a sixth, and without a sample all of it."""
    logits, truth = several(2000)
    truth[:, 0] = False
    truth[5:, 1] = False
    scores = logits * 3
    shrunk, free = fit_class_temperature(scores, truth), fit_class_temperature(scores, truth, shrinkage=0)
    n = truth[:, 1].sum()
    shared = shrunk.values[0]
    expected = np.log(free.values[1]) * n / (n + 10) + np.log(shared) * 10 / (n + 10)
    assert np.log(shrunk.values[1]) == pytest.approx(expected)
    assert free.values[0] == shared
    assert shrunk.counts == tuple(truth.sum(axis=0))


def test_equal_temperatures_are_the_one_temperature():
    logits, truth = one(5000)
    many, single = fit_class_temperature(logits * 3, truth, shrinkage=1e12), fit_temperature(logits * 3, truth)
    assert many.values == pytest.approx([single.value] * 4)
    assert many.probabilities(logits) == pytest.approx(single.probabilities(logits))
