"""Splits by time: what is measured is later than what was learnt, as it will be in use."""

import numpy as np
from numpy.typing import NDArray

from sfumato.data.splits.units import Integers

Times = NDArray[np.float64]


def ends_of_units(time: Times, units: Integers) -> Times:
    """(N,) the latest time of each sample's unit: a unit that ends in the test part's days belongs there."""
    latest = np.full(int(units.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(latest, units, time)
    return latest[units]


def latest(ends: Times, share: float) -> NDArray[np.bool_]:
    """(N,) True for the latest `share` of the samples, as nearly as can be without parting samples of one time."""
    moments, counts = np.unique(ends, return_counts=True)
    later = np.cumsum(counts[::-1])[::-1]  # samples at or after each moment
    off = np.abs(later - share * len(ends))
    first = int(np.argmin(np.where(later < len(ends), off, np.inf)))
    if share == 0 or len(moments) < 2:
        return np.zeros(len(ends), dtype=bool)
    return ends >= moments[first]


def blocks(ends: Times, count: int) -> Integers:
    """(N,) number of the stretch of time, 0 = earliest, of `count` stretches with about as many samples each."""
    moments, place, counts = np.unique(ends, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    block = np.minimum((middle / len(ends) * count).astype(np.int64), count - 1)
    return block[place] if len(moments) else place.astype(np.int64)
