"""How the form of a fusion is chosen: the simplest that chance can't tell from the best, on groups that stay whole."""

import numpy as np
import pytest
from tests.unit.decision.fusion.spoken import exclusive_or, independent

from sfumato.decision.fusion.fusion import Fusion
from sfumato.decision.fusion.hidden_fit import PENALTIES, fit_mlp
from sfumato.decision.fusion.inner_folds import best_form


def sharpened(_said, _truth, factor):
    """A fusion of one member that needs no fitting: its log-probabilities times a factor."""
    return Fusion("stacked", ((factor,),), (0.0,) * 3)


@pytest.mark.parametrize(
    ("forms", "taken"), [((1.0, 3.0), 1.0), ((3.0, 1.0), 1.0), ((1.001, 1.0), 1.001), ((3.0,), 3.0)]
)
def test_it_takes_the_best_and_of_as_good_ones_the_first(forms, taken):
    said, truth = independent([1.5], 2000)  # honest: the factor 1 is best
    assert best_form(forms, sharpened, said, truth) == taken


def test_too_few_samples_choose_nothing():
    said, truth = independent([1.5], 5)
    assert best_form((3.0, 1.0), sharpened, said, truth) == 3.0
    said, truth = independent([1.5], 50)
    assert best_form((3.0, 1.0), sharpened, said, truth, np.arange(50) // 10) == 3.0


def test_what_a_group_repeats_is_no_evidence():
    """40 samples of no rule, 8 times each: taken as 320 a layer learns them by heart, as 40 groups it is kept small."""
    said, truth = exclusive_or(40)
    truth = np.random.default_rng(1).permutation(truth)
    said, truth, groups = np.tile(said, (1, 8, 1)), np.tile(truth, 8), np.tile(np.arange(40), 8)
    alone, together = fit_mlp(said, truth), fit_mlp(said, truth, groups)
    assert together.hidden.penalty == PENALTIES[0] > alone.hidden.penalty
