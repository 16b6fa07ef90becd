"""The thresholds of a cascade against every pair there is, tried one by one."""

from itertools import pairwise

import numpy as np
import pytest

from sfumato.decision.end_costs import EndCosts, ends_of, read_costs
from sfumato.decision.prior_shift import PriorShift
from sfumato.decision.route_fit import fit_routes, gate_curve, middle
from sfumato.decision.routes import Routes
from sfumato.errors import InputError

COSTS = (
    EndCosts(),
    EndCosts(missed=5, withheld=0.3),
    EndCosts(false_alarm=3, wrong=2, withheld=0.5, elements=0.05, products=0.2),
)


def samples(seed: int, count: int, costs: EndCosts, *, coarse: bool, share: float | None = None):
    """Made-up answers of three stages; coarse ones have many equal probabilities."""
    rng = np.random.default_rng(seed)
    wanted = rng.random(count) < 0.6
    going = np.clip(0.5 + 0.25 * (wanted * 2 - 1) + rng.normal(0, 0.25, count), 0, 1)
    confidence = rng.random(count)
    right = (rng.random(count) < confidence) & wanted
    if coarse:
        going, confidence = going.round(1), confidence.round(1)
    withheld = rng.random(count) < 0.1
    return ends_of(costs, going, confidence, wanted=wanted, right=right, withheld=withheld, elements=True, share=share)


def every_pair(ends):
    """All thresholds that part the samples: gates from the fewest that go on, answers from the fewest withheld."""
    going, sure = np.unique(ends.going)[::-1], np.unique(ends.confidence)
    gates = [middle(low, high) for high, low in zip(going, [*going[1:], 0.0], strict=True)]
    answers = [0.0, *(middle(low, high) for low, high in pairwise(sure))]
    return [(ends.mean_cost(gate, answer), gate, answer) for gate in gates for answer in answers]


@pytest.mark.parametrize("share", [None, 0.1])
@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize("costs", COSTS)
@pytest.mark.parametrize("count", [1, 2, 17, 60])
def test_no_pair_of_thresholds_costs_less(count, costs, coarse, share):
    ends = samples(count, count, costs, coarse=coarse, share=share)
    found, pairs = fit_routes(ends), every_pair(ends)
    least = min(cost for cost, _, _ in pairs)
    assert found.cost == pytest.approx(least, abs=1e-12)
    assert ends.mean_cost(found.gate, found.answer) == pytest.approx(least, abs=1e-12)
    _, gate, answer = next(one for one in pairs if one[0] <= least + 1e-9)
    assert (found.gate, found.answer) == pytest.approx((gate, answer))


def test_without_costs_of_its_own_withholding_never_pays():
    assert fit_routes(samples(3, 200, EndCosts(), coarse=False)).answer == 0.0


def test_the_mean_cost_as_it_stands_is_the_share_that_does_not_end_right():
    going, confidence = np.array([0.9, 0.8, 0.2, 0.1]), np.array([0.9, 0.4, 0.5, 0.6])
    wanted, right = np.array([True, True, True, False]), np.array([True, False, True, False])
    ends = ends_of(
        EndCosts(), going, confidence, wanted=wanted, right=right, withheld=np.zeros(4, bool), elements=False
    )
    found = fit_routes(ends)
    assert found.gate == pytest.approx(0.15) and found.cost == 0.25
    assert ends.mean_cost(0.5, 0) == 0.5  # the third is missed then


def test_where_charts_are_rare_the_gate_closes():
    """Weights move the threshold as the same samples in other numbers would."""
    rng = np.random.default_rng(1)
    wanted = rng.random(4000) < 0.5
    going = 1 / (1 + np.exp(-(rng.normal(0, 1, 4000) + 2.0 * (wanted * 2 - 1))))
    about = {"wanted": wanted, "right": wanted, "withheld": np.zeros(4000, bool), "elements": False}
    gates = [fit_routes(ends_of(EndCosts(), going, going, **about, share=share)).gate for share in (0.5, 0.05)]
    assert gates[1] > gates[0] + 0.1


def test_no_gate_lets_all_go_on():
    ends = samples(5, 40, COSTS[1], coarse=False)
    found = fit_routes(ends, gated=False)
    tried = [ends.mean_cost(0, answer) for _, _, answer in every_pair(ends)]
    assert found.gate == 0 and found.cost == pytest.approx(min(tried))


def test_the_curve_has_the_cost_at_each_cut():
    ends = samples(9, 50, COSTS[2], coarse=False)
    curve = gate_curve(ends, 0.3)
    assert len(curve) == len(np.unique(ends.going))
    assert all(cost == pytest.approx(ends.mean_cost(gate, 0.3)) for gate, cost in curve)


def test_ten_thousand_samples_are_quick():
    """All pairs by force would be 10^8 costs; it is a second of Python at most, so this would time out."""
    found = fit_routes(samples(0, 10_000, COSTS[1], coarse=False))
    assert 0 < found.gate < 1


def test_routes_correct_the_share_as_log_odds_do():
    """A gate made at 1:1 that meets one chart in twenty: log odds move by log(1/19)."""
    routes = Routes("chart", 0.5, 0.0, None, PriorShift((0.5, 0.5), (0.95, 0.05)))
    given = np.array([0.01, 0.5, 0.99])
    moved = np.log(given / (1 - given)) + np.log(0.05 / 0.95)
    assert routes.going(given) == pytest.approx(1 / (1 + np.exp(-moved)))
    assert Routes.from_dict(routes.to_dict(), "x") == routes


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["mised=2"], "--cost: no cost 'mised'; expected NAME=COST of missed, false_alarm"),
        (["missed=x"], "--cost: missed=x; expected a number, 0 or above"),
        (["missed=-1"], "--cost: missed=-1; expected a number, 0 or above"),
        (["missed=1", "missed=2"], "--cost: missed is given twice"),
    ],
)
def test_costs_that_are_none_are_one_line(given, message):
    with pytest.raises(InputError) as failure:
        read_costs(given)
    assert str(failure.value).startswith(message)
