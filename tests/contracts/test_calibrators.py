"""What every calibrator keeps to, found by reflection over the family."""

import json
from typing import get_args

import numpy as np
import pytest

from sfumato.decision.calibrators.calibrator import (
    AnyCalibrator,
    Kind,
    calibrator_from_dict,
    calibrator_to_dict,
    fit_calibrator,
)
from sfumato.errors import InputError

KINDS = get_args(Kind)
ONE_CLASS_A_SAMPLE = {"temperature", "vector_scaling"}
CASES = [(kind, several) for kind in KINDS for several in (False, True) if not (several and kind in ONE_CLASS_A_SAMPLE)]
ENOUGH = 600
each = pytest.mark.parametrize(("kind", "several"), CASES)


def drawn(samples: int, several: bool, classes: int = 5, seed: int = 0):
    """Logits too sure by a factor 2, of a long tail whose last class has no sample."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (samples, classes)) - 0.7 * np.arange(classes)
    if several:
        truth = rng.random(logits.shape) < 1 / (1 + np.exp(-logits))
        truth[:, -1] = False
        return 2 * logits, truth
    logits[:, -1] = -9
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return 2 * logits, np.minimum((p.cumsum(axis=1) > rng.random((samples, 1))).argmax(axis=1), classes - 2)


def fitted(kind: str, several: bool, samples: int = ENOUGH):
    return fit_calibrator(kind, *drawn(samples, several))


def test_the_family_is_whole():
    assert len(KINDS) == len(get_args(AnyCalibrator)) == 6
    assert len(CASES) == 10
    kinds = {type(fitted(kind, False)) for kind in KINDS}
    assert kinds == set(get_args(AnyCalibrator))


@each
def test_rows_are_probabilities(kind, several):
    logits, _ = drawn(300, several, seed=1)
    p = fitted(kind, several).probabilities(logits)
    assert p.shape == logits.shape
    assert p.min() >= 0 and p.max() <= 1
    assert several or p.sum(axis=1) == pytest.approx(np.ones(300))


@each
def test_it_is_fitted_and_makes_it_more_honest(kind, several):
    logits, truth = drawn(4000, several, seed=1)
    there = truth if several else truth[:, None] == np.arange(5)
    calibrator, plain = fitted(kind, several), fitted(kind, several, 10)
    assert calibrator.fitted and not plain.fitted
    brier, before = (((one.probabilities(logits) - there) ** 2).mean() for one in (calibrator, plain))
    assert brier < before


@each
def test_too_few_samples_leave_the_models_own_probabilities(kind, several):
    logits, _ = drawn(50, several, seed=1)
    own = 1 / (1 + np.exp(-logits)) if several else np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for samples in (0, 1, 19):
        assert fitted(kind, several, samples).probabilities(logits) == pytest.approx(own)


LEAST = {"temperature": 20, "class_temperature": 50, "vector_scaling": 100, "platt": 50, "isotonic": 500, "beta": 100}


@each
def test_it_asks_for_a_stated_number_of_samples(kind, several):
    assert not fitted(kind, several, LEAST[kind] - 1).fitted
    assert fitted(kind, several, LEAST[kind]).fitted


@each
def test_it_is_deterministic_and_stored_whole(kind, several):
    logits, _ = drawn(50, several, seed=1)
    for samples in (ENOUGH, 10):
        one = fitted(kind, several, samples)
        assert one == fitted(kind, several, samples)
        back = calibrator_from_dict(json.loads(json.dumps(calibrator_to_dict(one), allow_nan=False)), "here")
        assert back == one
        assert np.array_equal(back.probabilities(logits), one.probabilities(logits))


@each
@pytest.mark.parametrize("size", [1e2, 1e4, 3e38])
def test_it_is_finite_on_extreme_logits(kind, several, size):
    signs = np.array([[1, -1, 1, -1, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [-1, 0, 0, 0, 0], [0, 1, -1, 1, 0]])
    logits = (signs * size).astype(np.float32)
    for calibrator in (fitted(kind, several), fitted(kind, several, 0)):
        p = calibrator.probabilities(logits)
        assert np.isfinite(p).all()
        assert several or p.sum(axis=1) == pytest.approx(np.ones(5))


@each
def test_it_can_be_fitted_on_extreme_logits(kind, several):
    logits, truth = drawn(ENOUGH, several)
    p = fit_calibrator(kind, logits * 1e4, truth).probabilities(logits * 1e4)
    assert np.isfinite(p).all()


@each
def test_no_sample_gives_no_row(kind, several):
    assert fitted(kind, several).probabilities(np.zeros((0, 5))).shape == (0, 5)


@each
def test_a_class_without_a_sample_has_the_shared_curve(kind, several):
    """It stays finite, and where classes exclude each other, as rare as the logits say."""
    logits, truth = drawn(ENOUGH, several)
    p = fit_calibrator(kind, logits, truth).probabilities(logits)[:, -1]
    assert np.isfinite(p).all()
    assert several or p.max() < 0.05
    if several:
        assert np.all(np.diff(p[np.argsort(logits[:, -1])]) >= 0)


@each
def test_an_order_of_samples_means_nothing(kind, several):
    logits, truth = drawn(ENOUGH, several)
    turned = fit_calibrator(kind, logits[::-1], truth[::-1]).probabilities(logits)
    assert turned == pytest.approx(fitted(kind, several).probabilities(logits), abs=1e-5)


@pytest.mark.parametrize("kind", sorted(ONE_CLASS_A_SAMPLE))
def test_what_needs_one_class_a_sample_says_so(kind):
    with pytest.raises(InputError, match=f"{kind} needs one class a sample; expected class_temperature or platt"):
        fitted(kind, True)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"kind": "magic"}, "not a calibrator: it "),
        ({"kind": "platt", "slopes": [1.0]}, "not a calibrator: platt.intercepts is missing"),
        ({"kind": "platt", "slopes": [1.0], "intercepts": [0.0, 1.0], "counts": [3], "exclusive": True, "samples": 0},
         "not a calibrator: platt value error, should have as many of each: 1 slopes, 2 intercepts, 1 counts"),
        ({"kind": "platt", "slopes": [-1.0], "intercepts": [0.0], "counts": [3], "exclusive": True, "samples": 0},
         "not a calibrator: platt.slopes.0 should be greater than or equal to 0"),
    ],
)  # fmt: skip
def test_a_damaged_document_is_refused_in_one_line(document, said):
    with pytest.raises(InputError) as error:
        calibrator_from_dict(document, "policy.json")
    assert str(error.value).startswith(f"policy.json: {said}")
