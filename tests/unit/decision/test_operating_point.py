import json

import numpy as np
import pytest
from scipy.stats import binom

from sfumato.decision.abstention import fit_abstention
from sfumato.decision.operating_point import OperatingPoint, by_coverage, by_error, error_bound


def drawn(samples: int, seed: int = 0):
    """Sureness that is the chance of being right, between 0.5 and 1."""
    rng = np.random.default_rng(seed)
    sureness = 0.5 + rng.random(samples) / 2
    return sureness, rng.random(samples) < sureness


@pytest.mark.parametrize(("wrong", "answered"), [(0, 10), (3, 50), (49, 50)])
def test_the_bound_inverts_the_binomial(wrong, answered):
    assert binom.cdf(wrong, answered, error_bound(wrong, answered)) == pytest.approx(0.05)


def test_no_error_in_n_answers_bounds_it_by_three_in_n():
    assert error_bound(0, 300) == pytest.approx(3 / 300, rel=0.02)
    assert error_bound(0, 0) == error_bound(5, 5) == 1


def test_the_error_on_other_samples_is_kept_with_the_certainty_given():
    """Answers from t on are wrong with (1 - t) / 2; the plain threshold breaks its word about every other time."""
    broken, plain = 0, 0
    for seed in range(300):
        sureness, correct = drawn(500, seed)
        broken += (1 - by_error(sureness, correct, 0.1).threshold) / 2 > 0.1
        plain += (1 - fit_abstention(sureness, correct, 0.1).threshold) / 2 > 0.1
    assert broken / 300 < 0.05
    assert plain / 300 > 0.3


def test_each_threshold_looked_at_has_its_share_of_the_doubt():
    """1000 samples: 10 of them."""
    found = by_error(*drawn(1000), 0.2)
    answered = round(found.coverage * 1000)
    assert found.bound == error_bound(round(found.error * answered), answered, 1 - 0.05 / 10)


def test_many_samples_answer_nearly_all_that_the_error_allows():
    found = by_error(*drawn(100_000), 0.1)
    assert found.reached
    assert found.threshold == pytest.approx(0.8, abs=0.01)
    assert found.error <= found.bound <= 0.1


def test_everything_is_answered_where_everything_is_good_enough():
    sureness, correct = drawn(2000)
    assert by_error(sureness, correct, 0.4).coverage == 1
    assert by_error(np.zeros(50), np.full(50, True), 0.2).coverage == 1


def test_what_cannot_be_kept_is_said():
    found = by_error(*drawn(100), 1e-4)
    assert not found.reached
    assert found.bound > 1e-4
    one = by_error(np.array([0.3]), np.array([True]), 0.1)
    assert not one.reached and one.coverage == 1


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 1.0])
def test_the_surest_are_answered(share):
    sureness, correct = drawn(10)
    found = by_coverage(sureness, correct, share)
    count = max(1, round(share * 10))
    assert found.coverage == count / 10
    assert np.array_equal(found.answers(sureness), sureness >= np.sort(sureness)[-count])
    assert found.error == pytest.approx(1 - correct[found.answers(sureness)].mean())
    assert found.bound == error_bound(round(found.error * count), count)


def test_equally_sure_samples_are_answered_together():
    assert by_coverage(np.array([0.5, 0.5, 0.5, 0.1]), np.full(4, True), 0.5).coverage == 0.75


def test_without_a_sample_nothing_is_known_and_it_is_stored_whole():
    for found in (
        by_error(np.zeros(0), np.zeros(0, dtype=bool), 0.1),
        by_error(*drawn(100), 0.2),
        by_coverage(*drawn(9), 0.5),
    ):
        assert OperatingPoint.from_dict(json.loads(json.dumps(found.to_dict())), "here") == found
    none = by_coverage(np.zeros(0), np.zeros(0, dtype=bool), 0.5)
    assert none.answers(np.array([0.1])).all() and not none.reached and none.bound == 1
