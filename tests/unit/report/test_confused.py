"""Which of many classes have a place in the matrix, and beside which others."""

import numpy as np

from sfumato.report.confused import most_confused


def test_pairs_that_are_confused_stand_side_by_side():
    matrix = np.diag(np.full(60, 50))
    groups = [(3, 41, 17), (8, 55), (20, 30, 2, 59)]
    for turn, group in enumerate(groups):
        for one in group:
            for other in group:
                matrix[one, other] += (10 + turn) * (one != other)
    matrix[3, 8] = 1
    found = most_confused(matrix, 30).tolist()
    assert sorted(found) == sorted(one for group in groups for one in group)
    for group in groups:
        places = sorted(found.index(one) for one in group)
        assert places == list(range(places[0], places[0] + len(group)))


def test_the_most_confused_come_first_where_not_all_fit():
    matrix = np.diag(np.full(50, 10))
    for one in range(0, 50, 2):
        matrix[one, one + 1] = 100 - one
    assert sorted(most_confused(matrix, 6).tolist()) == [0, 1, 2, 3, 4, 5]
    assert sorted(most_confused(matrix, 7).tolist()) == [0, 1, 2, 3, 4, 5]


def test_none_is_confused():
    assert most_confused(np.diag(np.full(50, 10)), 30).tolist() == []
