import json

import numpy as np
import pytest

from sfumato.decision.prior_shift import PriorShift, estimate_shift, evidence_of_shift
from sfumato.errors import InputError


def two_normals(samples: int, share: float, trained: float, seed: int = 0):
    """Probabilities, honest where `trained` is the share of the second class, of samples where it is `share`."""
    rng = np.random.default_rng(seed)
    truth = rng.random(samples) < share
    logit = 2 * rng.normal(np.where(truth, 1, -1)) + np.log(trained / (1 - trained))
    p = 1 / (1 + np.exp(-logit))
    return np.stack([1 - p, p], axis=1), truth


def test_a_known_shift_adds_the_logarithm_of_the_odds_ratio():
    """METHODS 1.11: log[(pi / (1 - pi)) ((1 - s) / s)], here a gate trained at 1:1 and used at 1:20."""
    p = np.array([[0.3, 0.7]])
    found = PriorShift((1.0, 1.0), (20.0, 1.0)).corrected(p)[0, 1]
    assert np.log(found / (1 - found)) == pytest.approx(np.log(0.7 / 0.3) + np.log(1 / 20))


def test_corrected_probabilities_are_honest_at_the_new_frequencies():
    p, truth = two_normals(200_000, 1 / 21, 0.5)
    found = PriorShift((0.5, 0.5), (20 / 21, 1 / 21)).corrected(p)[:, 1]
    assert p[:, 1].mean() > 0.15  # three times too many
    for low, high in ((0, 0.05), (0.05, 0.2), (0.2, 0.5), (0.5, 0.9)):
        inside = (found >= low) & (found < high)
        assert truth[inside].mean() == pytest.approx(found[inside].mean(), abs=0.02)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_expectation_maximisation_finds_the_new_frequencies(share):
    p, truth = two_normals(50_000, share, 0.5)
    found = estimate_shift(p, np.array([0.5, 0.5]))
    assert found.new[1] == pytest.approx(truth.mean(), abs=0.01)
    assert found.estimated_from == 50_000
    assert found.corrected(p)[:, 1].mean() == pytest.approx(found.new[1], abs=1e-5)  # its fixed point


def test_evidence_is_rare_where_nothing_moved_and_sure_where_it_did():
    def value(share: float, seed: int) -> float:
        p, _ = two_normals(300, share, 0.3, seed)
        return evidence_of_shift(p, estimate_shift(p, np.array([0.7, 0.3])))

    still = np.array([value(0.3, seed) for seed in range(300)])
    assert 0.02 < (still < 0.05).mean() < 0.09
    assert value(0.6, 0) < 1e-6


def test_equal_frequencies_are_the_identity_and_certainty_stays():
    p, _ = two_normals(100, 0.5, 0.5)
    assert PriorShift((0.2, 0.8), (1.0, 4.0)).corrected(p) == pytest.approx(p)
    assert PriorShift((0.5, 0.5), (1e-9, 1.0)).corrected(np.array([[1.0, 0.0]])).tolist() == [[1, 0]]


def test_without_a_sample_nothing_moves():
    found = estimate_shift(np.zeros((0, 3)), np.array([1.0, 2.0, 1.0]))
    assert found.new == found.old == (0.25, 0.5, 0.25)
    assert found.corrected(np.zeros((0, 3))).shape == (0, 3)
    assert evidence_of_shift(np.zeros((0, 3)), found) == 1


def test_a_class_that_is_never_seen_stays_above_zero():
    p = np.tile([0.999, 0.001, 0.0], (500, 1))
    found = estimate_shift(p, np.array([0.4, 0.3, 0.3]))
    assert min(found.new) > 0
    assert np.isfinite(found.log_ratio).all()


def test_it_is_stored_whole_and_read_strictly():
    found = estimate_shift(two_normals(100, 0.5, 0.2)[0], np.array([0.8, 0.2]))
    assert PriorShift.from_dict(json.loads(json.dumps(found.to_dict())), "here") == found
    with pytest.raises(InputError, match=r"here: not a prior shift: .* 2 old, 1 new"):
        PriorShift.from_dict({"old": [1.0, 2.0], "new": [1.0], "estimated_from": 0}, "here")
