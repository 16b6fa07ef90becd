"""Of many classes those that are most often taken for each other, in an order that puts the like side by side."""

from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

Integers = NDArray[np.int64]


def most_confused(matrix: Integers, most: int) -> Integers:
    """At most so many of the C classes: those of the most confused pairs, one pair after the other.

    They are ordered by average linkage of how large a share of one is taken for the other, either way, the leaves of
    the tree turned so that neighbours are most alike. Classes of no such pair are left out; there may be none.

    Args:
        matrix: (C, C) samples; row = true class, column = predicted class.
        most: At least 2.
    """
    wrong = matrix - np.diag(np.diag(matrix))
    taken: dict[int, None] = {}
    cells = np.flatnonzero(wrong)  # few of the millions that ten thousand classes have
    for cell in cells[np.argsort(-wrong.ravel()[cells], kind="stable")]:
        pair = divmod(int(cell), len(matrix))
        if len(taken.keys() | set(pair)) > most:
            break
        taken |= dict.fromkeys(pair)
    chosen = np.array(list(taken), dtype=np.int64)
    return chosen if len(chosen) < 3 else chosen[_order(wrong, matrix.sum(axis=1), chosen)]


def _order(wrong: Integers, samples: Integers, chosen: Integers) -> Integers:
    shares = wrong / np.maximum(1, samples)[:, None]
    alike = (shares + shares.T)[np.ix_(chosen, chosen)] / 2
    apart = squareform(alike.max() - alike, checks=False)
    tree = optimal_leaf_ordering(linkage(apart, "average"), apart)
    return cast(Integers, leaves_list(tree).astype(np.int64))
