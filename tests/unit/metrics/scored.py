"""Scores and truths for the tests of ranking: ties, classes without a sample, several classes a sample, unknown ones."""

import numpy as np
from hypothesis import strategies as st

from sfumato.predictions import UNKNOWN


@st.composite
def single(draw, least=1):
    """(N,) class indices and (N, C) scores of which many are equal."""
    n, c = draw(st.integers(least, 30)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.sampled_from([1, 2, 4, 1000]))
    return rng.integers(0, draw(st.integers(1, c)), n), rng.integers(0, levels, (n, c)) / levels


@st.composite
def several(draw, unknown=False):
    """(N, C) truth and scores; some classes have no sample, some no other, some samples no class."""
    n, c = draw(st.integers(1, 30)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    share = rng.choice([0, 0.1, 0.5, 1], c)
    truth = (rng.random((n, c)) < share).astype(np.int8)
    if unknown:
        truth[rng.random((n, c)) < 0.3] = UNKNOWN
    levels = draw(st.sampled_from([1, 2, 4, 1000]))
    return truth, (rng.integers(0, levels, (n, c)) / levels).astype(np.float32)
