"""What several networks say of a picture, where one of them says numbers that are none."""

import numpy as np
import pytest

from sfumato.decision.averaging import averaged_tasks
from sfumato.decision.policy import Policy
from sfumato.predict.finite_rows import where_finite


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_only_its_own_row_is_lost(number):
    said = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    whole = averaged_tasks(said, {"": Policy()}, {"": slice(0, 3)})
    said[1, 2, 0] = number
    found = where_finite(said, lambda fine: averaged_tasks(fine, {"": Policy()}, {"": slice(0, 3)}))
    assert found.dtype == np.float32 and np.isnan(found[2]).all()
    assert np.array_equal(np.delete(found, 2, axis=0), np.delete(whole, 2, axis=0))


def test_nothing_but_such_rows():
    assert np.isnan(where_finite(np.full((2, 1, 3), np.nan, np.float32), lambda fine: fine[0])).all()
