"""Equal-mass and class-wise errors, the Brier score and its parts, before and after; and the sets of labels."""

import json

import numpy as np
import pytest
from sklearn import metrics as sk

from sfumato.decision.calibration import Temperature, fit_temperature
from sfumato.metrics.binned import BinnedSums
from sfumato.metrics.brier import brier_parts, brier_scores, murphy_parts
from sfumato.metrics.calibration import expected_calibration_error
from sfumato.metrics.classwise import classwise_error, classwise_errors
from sfumato.metrics.equal_mass import equal_mass_error
from sfumato.metrics.honesty import BeforeAfter, before_and_after, log_losses, measure_honesty
from sfumato.metrics.intervals import sample_interval
from sfumato.metrics.membership import members
from sfumato.metrics.trust import doubt_scores


def drawn(samples: int = 2000, classes: int = 4, seed: int = 0, scale: float = 1.0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (samples, classes))
    p = Temperature().probabilities(logits)
    truth = (p.cumsum(axis=1) > rng.random((samples, 1))).argmax(axis=1)
    return Temperature().probabilities(scale * logits), truth


def test_equal_mass_bins_hold_as_many_samples_each():
    """By hand: four samples in two bins, |1.5 - 1| / 4 and |0.3 - 1| / 4."""
    confidence, correct = np.array([0.9, 0.1, 0.6, 0.2]), np.array([True, True, False, False])
    assert equal_mass_error(confidence, correct, 2) == pytest.approx((0.5 + 0.7) / 4)
    assert equal_mass_error(confidence, correct, 1) == pytest.approx(abs(1.8 - 2) / 4)
    assert equal_mass_error(confidence, correct, 4) == equal_mass_error(confidence, correct, 40)


def test_equal_confidences_share_a_bin_whatever_their_order():
    rng = np.random.default_rng(0)
    confidence, correct = rng.random(300).round(1), rng.random(300) < 0.5
    order = rng.permutation(300)
    assert equal_mass_error(confidence, correct) == pytest.approx(equal_mass_error(confidence[order], correct[order]))
    assert equal_mass_error(np.zeros(0), np.zeros(0, dtype=bool)) == 0


def test_class_wise_error_is_that_of_each_class_alone():
    p, truth = drawn()
    there = members(truth, 4)
    alone = [expected_calibration_error(p[:, c], there[:, c]) for c in range(4)]
    assert classwise_errors(p, there) == pytest.approx(alone)
    assert classwise_error(p, there) == pytest.approx(np.mean(alone))


def test_errors_of_a_calibrated_sample_vanish_with_its_size():
    for error in (
        lambda p, t: classwise_error(p, members(t, 4)),
        lambda p, t: equal_mass_error(p.max(1), p.argmax(1) == t),
    ):
        small, great = error(*drawn(500)), error(*drawn(200_000))
        assert great < 0.004 < small


def test_brier_is_scikit_learns():
    p, truth = drawn()
    for c in range(4):
        expected = sk.brier_score_loss(truth == c, p[:, c])
        assert brier_scores(p[:, [c]], (truth == c)[:, None]).mean() == pytest.approx(expected)


@pytest.mark.parametrize("bins", [1, 5, 15])
def test_the_parts_add_up_to_the_score(bins):
    p, truth = drawn()
    there = members(truth, 4)
    assert brier_parts(p, there, bins).score == pytest.approx(brier_scores(p, there).mean())


def test_binned_forecasts_have_nothing_within():
    """Murphy's own case; his three parts alone add up."""
    p, truth = drawn()
    there = members(truth, 4)
    forecast = (np.ceil(p * 15) - 0.5) / 15
    parts = brier_parts(forecast, there)
    assert parts.within == pytest.approx(0, abs=1e-12)
    assert parts.reliability - parts.resolution + parts.uncertainty == pytest.approx(
        brier_scores(forecast, there).mean()
    )


def test_who_knows_only_the_shares_has_neither_error_nor_resolution():
    truth = np.repeat([0, 1, 2], [50, 30, 20])
    share = np.tile([0.5, 0.3, 0.2], (100, 1))
    parts = brier_parts(share, members(truth, 3))
    assert (parts.reliability, parts.resolution) == pytest.approx((0, 0))
    assert parts.score == pytest.approx(parts.uncertainty) == pytest.approx(0.62)


def test_log_losses_are_scikit_learns_and_finite():
    p, truth = drawn()
    assert log_losses(p, truth).mean() == pytest.approx(sk.log_loss(truth, p))
    there = members(truth, 4)
    expected = sum(sk.log_loss(there[:, c], p[:, c]) for c in range(4))
    assert log_losses(p, there).mean() == pytest.approx(expected)
    assert log_losses(np.array([[0.0, 1.0]]), np.array([0])) == pytest.approx([34.54], abs=0.01)


def test_before_and_after_show_what_calibration_mends():
    p, truth = drawn(scale=3)
    logits = np.log(p)
    after = fit_temperature(logits, truth).probabilities(logits)
    found = before_and_after(p, after, truth)
    for name in ("nll", "brier", "brier_reliability", "classwise_ece", "ece", "ece_equal_mass"):
        assert found.after.scores[name].value < found.before.scores[name].value
        one = found.before.scores[name]
        assert one.low <= one.value + 1e-12 and one.low < one.high
    assert found.change["nll"].high < 0 and found.change["brier"].high < 0
    assert found.before.scores["brier_uncertainty"].value == found.after.scores["brier_uncertainty"].value
    assert BeforeAfter.from_dict(json.loads(json.dumps(found.to_dict())), "here") == found


def test_the_figures_are_those_of_the_plain_functions():
    p, truth = drawn(700)
    there, found = members(truth, 4), measure_honesty(p, truth).scores
    parts = brier_parts(p, there)
    assert found["classwise_ece"].value == pytest.approx(classwise_error(p, there))
    for name in ("reliability", "resolution", "uncertainty"):
        assert found[f"brier_{name}"].value == pytest.approx(getattr(parts, name))


def test_blocks_vary_as_samples_do():
    """2000 samples in 500 blocks, against resamples of the samples themselves."""
    p, truth = drawn(2000)
    there = members(truth, 4)
    blocks = BinnedSums(p, there).interval(lambda *of: murphy_parts(*of)[1])
    plain = sample_interval(lambda rows: brier_parts(p[rows], there[rows]).resolution, 2000, resamples=300)
    assert blocks.high - blocks.low == pytest.approx(plain.high - plain.low, rel=0.25)
    assert blocks.value == pytest.approx(plain.value)


def test_several_labels_and_groups_and_nothing_at_all():
    p, truth = drawn(200)
    there = members(truth, 4)
    found = measure_honesty(p, there, np.arange(200) // 10)
    assert set(found.scores) == {
        "nll",
        "brier",
        "brier_reliability",
        "brier_resolution",
        "brier_uncertainty",
        "classwise_ece",
    }
    none = measure_honesty(p[:0], truth[:0])
    assert none.samples == 0 and all(one.value == 0 for one in none.scores.values())


def test_sets_are_measured_by_how_often_they_hold_the_truth_and_their_size():
    sets = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 0, 1]], dtype=bool)
    found = doubt_scores(np.ones(4), np.ones(4, dtype=bool), sets, np.array([0, 0, 1, 0]))
    assert (found["set_coverage"].value, found["set_size"].value, found["aurc"].value) == (0.5, 1.25, 0)
    assert found.keys() - doubt_scores(np.ones(4), np.ones(4, dtype=bool), None, np.array([0, 0, 1, 0])).keys() == {
        "set_coverage",
        "set_size",
    }
    assert doubt_scores(np.ones(0), np.ones(0, dtype=bool), sets[:0], np.zeros(0, dtype=np.int64)) == {}
