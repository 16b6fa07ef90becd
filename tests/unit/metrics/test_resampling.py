import numpy as np
import pytest

from sfumato.metrics.intervals import percentiles, sample_interval
from sfumato.metrics.resampling import BLOCKS, MOST_UNITS, resample


@pytest.mark.parametrize("groups", [None, np.arange(40) // 3])
def test_they_are_the_resamples_that_a_statistic_of_rows_gets(groups):
    values = np.random.default_rng(0).random(40)
    drawn = resample(40, groups, 2, resamples=300, seed=5)
    by_rows = sample_interval(lambda rows: float(values[rows].mean()), 40, groups, resamples=300, seed=5)
    by_sums = percentiles(float(values.mean()), drawn.means(values))
    assert (by_sums.low, by_sums.high) == (pytest.approx(by_rows.low), pytest.approx(by_rows.high))


def test_every_resample_has_as_many_units_as_there_are():
    drawn = resample(50, np.arange(50) // 7, 3, resamples=20).drawn
    assert drawn.shape == (8, 20)
    assert (drawn.sum(axis=0) == 8).all()


def test_sums_of_several_columns():
    drawn = resample(10, None, 2, resamples=6)
    values = np.arange(30).reshape(10, 3)
    assert drawn.sums(values).tolist() == (drawn.drawn.T @ values).tolist()
    assert resample(0, None, 2, resamples=6).sums(np.zeros((0, 3))).shape == (6, 3)


@pytest.mark.parametrize("grouped", [False, True])
def test_of_very_many_units_blocks_are_resampled_to_the_same_width(grouped):
    rng = np.random.default_rng(1)
    units = 5 * MOST_UNITS
    groups = np.repeat(np.arange(units), 2) if grouped else None
    values = np.repeat(rng.random(units), 2) if grouped else rng.random(units)
    drawn = resample(len(values), groups, 2)
    assert len(drawn.drawn) == BLOCKS
    if grouped:
        assert (drawn.unit[::2] == drawn.unit[1::2]).all()
    interval = percentiles(float(values.mean()), drawn.means(values))
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * values.std() / units**0.5, rel=0.1)


def test_many_classes_are_resampled_in_blocks_sooner():
    assert len(resample(3000, None, 20).drawn) == 3000
    assert len(resample(3000, None, 200).drawn) == BLOCKS
    assert len(resample(900, None, 20_000).drawn) == 900
