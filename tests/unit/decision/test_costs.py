import json

import numpy as np
import pytest

from sfumato.decision.costs import CostMatrix, cost_threshold
from sfumato.errors import InputError

P = np.random.default_rng(0).dirichlet(np.ones(3), 500)


def test_the_answer_costs_least_of_all():
    costs = np.array([[0.0, 1.0, 5.0], [2.0, 0.0, 1.0], [9.0, 3.0, 0.0]])
    said = CostMatrix(tuple(map(tuple, costs.tolist()))).decide(P)
    for p, answer in zip(P, said, strict=True):
        assert answer == np.argmin([sum(p[true] * costs[true, a] for true in range(3)) for a in range(3)])


def test_equal_costs_name_the_likeliest():
    assert np.array_equal(CostMatrix(((0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0))).decide(P), P.argmax(axis=1))


@pytest.mark.parametrize(("alarm", "miss", "hit", "rejection"), [(1, 1, 0, 0), (1, 9, 0, 0), (5, 2, 1, 0.5)])
def test_the_closed_form_is_where_the_cheapest_answer_changes(alarm, miss, hit, rejection):
    matrix = CostMatrix(((float(rejection), float(alarm)), (float(miss), float(hit))))
    at = cost_threshold(alarm, miss, hit, rejection)
    for p, said in ((at - 1e-6, 0), (at + 1e-6, 1)):
        assert matrix.decide(np.array([[1 - p, p]])) == said


def test_equal_expected_costs_go_to_the_likelier_class():
    assert CostMatrix(((0.0, 1.0), (4.0, 0.0))).decide(np.array([[0.8, 0.2]])) == 0


def test_it_is_stored_whole_and_nonsense_is_refused():
    matrix = CostMatrix(((0.0, 1.0), (4.0, 0.0)))
    assert CostMatrix.from_dict(json.loads(json.dumps(matrix.to_dict())), "here") == matrix
    for costs, said in (([[0, 1]], "as many columns as rows"), ([[1, 1], [1, 0]], "cost least in row 0")):
        with pytest.raises(InputError, match=said):
            CostMatrix.from_dict({"costs": costs}, "here")
