"""Pairs of duplicates, and the clusters they form."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components  # pyright: ignore[reportUnknownVariableType]

from sfumato.data.duplicates.candidates import find_candidates
from sfumato.data.duplicates.fingerprint import LEAST_SIDE, FingerprintSet
from sfumato.data.duplicates.in_order import coarse_in_order
from sfumato.data.duplicates.verify import LEAST_SIMILARITY, similarities
from sfumato.data.progress import Progress

SCHEMA = {"a": pl.String, "b": pl.String, "kind": pl.String, "similarity": pl.Float64}
Integers = NDArray[np.int64]
Names = NDArray[np.object_]


def find_duplicates(fingerprints: FingerprintSet, progress: Progress) -> pl.DataFrame:
    """Pairs (a, b, kind, similarity) with a < b, sorted; kind is `exact` or `near`.

    Of K equal pictures the one with the smallest id is paired with the K - 1 others, and stands for them in near pairs.
    The result depends on ids and pictures, never on the order of rows.
    """
    ids = np.array(fingerprints.ids, dtype=object)
    rows = np.flatnonzero(fingerprints.present)
    rows = rows[np.argsort(ids[rows], kind="stable")]
    _, first, group = np.unique(fingerprints.digests[rows], axis=0, return_index=True, return_inverse=True)
    stands_for = rows[first[group.ravel()]]
    equal = np.flatnonzero(stands_for != rows)
    exact = _frame(ids[stands_for[equal]], ids[rows[equal]], "exact", np.ones(len(equal)))
    lone = rows[first]  # in the order of digests, which is that of no source
    lone = lone[~fingerprints.flat[lone] & (fingerprints.sides[lone] >= LEAST_SIDE)]
    with coarse_in_order(fingerprints, lone) as coarse:
        found = find_candidates(coarse, lone, progress)
    similarity = similarities(fingerprints, found, progress)
    kept = np.flatnonzero(similarity >= LEAST_SIMILARITY)
    near = _frame(ids[found.whole[kept]], ids[found.part[kept]], "near", similarity[kept])
    return pl.concat([exact, near]).sort("a", "b")


def _frame(one: Names, other: Names, kind: str, similarity: NDArray[np.float64]) -> pl.DataFrame:
    a, b = np.minimum(one, other), np.maximum(one, other)
    columns = {"a": a.tolist(), "b": b.tolist(), "kind": [kind] * len(a), "similarity": similarity.tolist()}
    return pl.DataFrame(columns, schema=SCHEMA)


def clusters(pairs: pl.DataFrame, ids: Sequence[str]) -> list[str]:
    """The cluster of each id: the smallest id that a chain of pairs leads to, its own where no pair has it."""
    names = sorted(set(ids))
    place = {name: i for i, name in enumerate(names)}
    a, b = (np.array([place[name] for name in pairs[side].to_list()], dtype=np.int64) for side in ("a", "b"))
    links = coo_array((np.ones(len(a), dtype=bool), (a, b)), shape=(len(names), len(names)))
    component = cast(Integers, connected_components(links, directed=False)[1])
    smallest = np.unique(component, return_index=True)[1]
    return [names[smallest[component[place[name]]]] for name in ids]
