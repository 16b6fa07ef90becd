"""What chance leaves to the coverage of sets: against draws of calibration and other samples."""

import numpy as np
import pytest

from sfumato.decision.conformal.band import coverage_band
from sfumato.decision.conformal.rank import conformal_quantile


@pytest.mark.parametrize(("calibrated", "measured", "alpha"), [(50, 200, 0.1), (400, 60, 0.05), (12, 1000, 0.1)])
def test_so_often_the_coverage_of_draws_lies_in_it(calibrated, measured, alpha):
    rng = np.random.default_rng(0)
    held = [(rng.random(measured) <= conformal_quantile(rng.random(calibrated), alpha)).mean() for _ in range(4000)]
    low, high = coverage_band(calibrated, measured, alpha, 0.9)
    inside = ((np.array(held) >= low) & (np.array(held) <= high)).mean()
    assert 0.89 <= inside <= 0.97  # counts are whole, so it may be somewhat above
    assert (np.array(held) < low).mean() <= 0.06


def test_more_samples_on_both_sides_make_it_narrow():
    low, high = coverage_band(100_000, 100_000, 0.1)
    assert low == pytest.approx(0.9, abs=0.004) and high == pytest.approx(0.9, abs=0.004)
    assert coverage_band(100, 100, 0.1, 0.99)[0] < coverage_band(100, 100, 0.1, 0.9)[0]


def test_where_every_set_is_whole_all_are_held():
    assert coverage_band(8, 30, 0.1) == (1.0, 1.0)
    assert coverage_band(0, 30, 0.1) == (1.0, 1.0)
    assert coverage_band(9, 30, 0.1)[0] < 1
