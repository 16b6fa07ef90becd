"""Which pairs are worth a close look: nearest neighbours of low-frequency descriptors, in near-linear time.

A picture is looked up in 49 windows of every other one, so that a crop meets the picture it was cut from. The search is
a forest of balanced trees: each level halves every node at its median along one random direction, so no leaf is ever
larger than LEAF, be it a million pictures that look the same. A row keeps its NEAREST best, whatever comes.

Shapes: N rows, D descriptor length, L leaves.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sfumato.data.duplicates.fingerprint import COARSE, chunks
from sfumato.data.progress import Progress

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Hits = tuple[Integers, Integers, Floats]
"""(K,) row of a point, (K,) row whose window it resembles, (K,) cosine."""
Coarse = Callable[[slice], NDArray[np.uint8]]
"""Gives (K, COARSE, COARSE) thumbnails of the K rows in those places."""
CUTS = ((0.0, 0.0), (0.04, 0.04), (0.08, 0.08), (0.035, 0.08), (0.08, 0.035), (0.0, 0.06), (0.06, 0.0))
"""Shares cut off the two ends of an axis; the windows are all pairs of them. Any crop of up to 10 % a side lies within
3 % a side of one."""
WINDOWS = tuple(product(CUTS, CUTS))
FREQUENCIES = 8
LEAST_COSINE = 0.93
"""Planted crops of solar cells met at 0.96 and more in 98 of 100 cases; no verification is spent on less."""
TREES = 4
LEAF = 64
NEAREST = 6
BLOCK = 32
PER_BLOCK = 3
"""Hits that a point keeps of BLOCK queries: a crowd of equals must not fill the memory."""
AT_ONCE = 250
"""Pictures that a thread describes at once, and blocks that it compares: what they need stays in the processor's cache,
which makes both several times as fast."""
ROUTED_AT_ONCE = 10_000


@dataclass(frozen=True)
class Candidates:
    """P pairs, each one way round: the picture `part` looks like a window of the picture `whole`."""

    whole: Integers
    part: Integers
    window: Integers
    """(P,) index into WINDOWS."""


def descriptors(coarse: Coarse, n: int, pool: ThreadPoolExecutor, window: int = 0) -> Floats:
    """(n, D) unit vectors of one window of n thumbnails: its low frequencies without the mean."""
    vertical, horizontal = (_basis(*cut) for cut in WINDOWS[window])
    result = np.empty((n, FREQUENCIES**2 - 1), dtype=np.float32)

    def describe(part: slice) -> None:
        thumbnails = coarse(part)
        for few in chunks(len(thumbnails), AT_ONCE):
            block = vertical @ thumbnails[few].astype(np.float32) @ horizontal.T
            flat = block.reshape(len(block), -1)[:, 1:]
            unit = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
            result[part.start + few.start : part.start + few.stop] = unit

    list(pool.map(describe, chunks(n, ROUTED_AT_ONCE)))
    return result


def _basis(before: float, after: float) -> Floats:
    """(FREQUENCIES, COARSE): cosine transform of the part of an axis that is left, sampled as finely as the whole."""
    share = 1 - before - after
    at = (before + share * (np.arange(COARSE) + 0.5) / COARSE) * COARSE - 0.5
    sample = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(COARSE)))
    sample /= sample.sum(axis=1, keepdims=True)
    cosines = np.cos(np.pi * np.arange(FREQUENCIES)[:, None] * (np.arange(COARSE) + 0.5) / COARSE)
    cosines[0] *= np.sqrt(0.5)
    return (cosines @ sample).astype(np.float32)


def find_candidates(coarse: Coarse, rows: Integers, progress: Progress) -> Candidates:
    """The pairs of the given rows that may show the same, at most NEAREST a row.

    Rows must come in an order that does not depend on how the data was read: it decides between equals.
    """
    table = _Nearest(len(rows))
    # the matrices are small: threads inside each product would only wait for each other
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        points = descriptors(coarse, len(rows), pool)
        trees = [_Tree(points, seed) for seed in range(TREES if len(rows) > 1 else 0)]
        for window in progress(range(len(WINDOWS)), len(WINDOWS)):
            queries = points if window == 0 else descriptors(coarse, len(rows), pool, window)
            for tree in trees:
                # equal pictures lie in several leaves, but would all be routed to one
                leaf = tree.leaf if window == 0 else tree.route(queries, pool)
                table.merge(tree.near(points, queries, leaf, table.least, pool), window)
            del queries  # or those of two windows would be in memory at once
    return table.candidates(rows)


class _Tree:
    """A balanced binary tree over N points, by random directions that all nodes of a level share."""

    def __init__(self, points: Floats, seed: int) -> None:
        n, d = points.shape
        rng = np.random.default_rng(seed)
        depth = max(0, int(np.ceil(np.log2(n / LEAF))))
        self.directions = rng.standard_normal((d, depth)).astype(np.float32)
        self.thresholds: list[Floats] = []
        edges: Integers = np.array([0, n])
        order = np.arange(n, dtype=np.int64)
        among_equals = rng.permutation(n)
        for level in range(depth):
            along = points @ self.directions[:, level]
            node = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
            order = order[np.lexsort((among_equals[order], along[order], node))]
            middle = (edges[:-1] + edges[1:]) // 2
            self.thresholds.append(((along[order[middle - 1]] + along[order[middle]]) / 2).astype(np.float32))
            edges = np.sort(np.concatenate([edges, middle]))
        self.leaf = np.empty(n, dtype=np.int64)
        """(N,) leaf of each point."""
        self.leaf[order] = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
        size = int(np.diff(edges).max())
        place = np.minimum(edges[:-1, None] + np.arange(size), edges[1:, None] - 1)
        self.leaves = order[place].astype(np.int32)
        """(L, size) rows of each leaf; a leaf that is one short has its last row twice."""

    def route(self, queries: Floats, pool: ThreadPoolExecutor) -> Integers:
        """(Q,) the leaf that each query would lie in."""
        parts = [queries[part] for part in chunks(len(queries), ROUTED_AT_ONCE)]
        return np.concatenate(list(pool.map(self._route, parts)))

    def _route(self, queries: Floats) -> Integers:
        node = np.zeros(len(queries), dtype=np.int64)
        along = queries @ self.directions
        for level, thresholds in enumerate(self.thresholds):
            node = 2 * node + (along[:, level] > thresholds[node])
        return node

    def near(self, points: Floats, queries: Floats, leaf: Integers, least: Floats, pool: ThreadPoolExecutor) -> Hits:
        """The queries, one a row in the leaves given, that a point meets with a cosine of at least its `least`."""
        # whole numbers of 16 bits are sorted many times faster
        order = np.argsort(leaf.astype(np.min_scalar_type(len(self.leaves))), kind="stable")
        blocks, leaf_of_block = _in_blocks(order, leaf[order])
        hits = partial(self._hits, points, queries, least)
        parts = list(chunks(len(blocks), AT_ONCE))
        found = pool.map(hits, (blocks[part] for part in parts), (leaf_of_block[part] for part in parts))
        row, query, cosine = (np.concatenate(one) for one in zip(*found, strict=True))
        return row, query, cosine

    def _hits(self, points: Floats, queries: Floats, least: Floats, block: Integers, leaf: Integers) -> Hits:
        members = self.leaves[leaf]
        cosines: Floats = points[members] @ queries[block].transpose(0, 2, 1)
        bar = least[members] - np.float32(1e-7)
        hit = np.flatnonzero(cosines > bar[:, :, None])  # few: what follows looks at them alone
        line, column = np.divmod(hit, BLOCK)
        row, query = members.ravel()[line].astype(np.int64), block[line // members.shape[1], column]
        cosines.ravel()[hit[row == query]] = -1
        other = row != query
        line, row, query, cosine = line[other], row[other], query[other], cosines.ravel()[hit[other]]
        kept = cosine > _bars(cosines.reshape(-1, BLOCK), line)[line] - np.float32(1e-7)
        return row[kept], query[kept], cosine[kept]


def _bars(lines: Floats, of_hits: Integers) -> Floats:
    """(len(lines),) the PER_BLOCK-th best of each line that has more hits than that; -1 for the others."""
    bars = np.full(len(lines), -1, dtype=np.float32)
    crowded = np.flatnonzero(np.bincount(of_hits, minlength=len(lines)) > PER_BLOCK)
    bars[crowded] = np.partition(lines[crowded], -PER_BLOCK, axis=1)[:, -PER_BLOCK]
    return bars


def _in_blocks(order: Integers, leaf: Integers) -> tuple[Integers, Integers]:
    """Rows sorted by leaf as (B, BLOCK), every block of one leaf, and (B,) that leaf; the last row fills a block up."""
    start = np.flatnonzero(np.r_[True, leaf[1:] != leaf[:-1]])
    stop = np.r_[start[1:], len(leaf)]
    number = -(-(stop - start) // BLOCK)
    within = np.arange(int(number.sum()), dtype=np.int64) - np.repeat(np.cumsum(number) - number, number)
    begin = np.repeat(start, number) + within * BLOCK
    place = np.minimum(begin[:, None] + np.arange(BLOCK), np.repeat(stop, number)[:, None] - 1)
    return order[place], leaf[begin]


class _Nearest:
    """The NEAREST best hits of every row so far."""

    def __init__(self, n: int) -> None:
        self.other = np.full((n, NEAREST), -1, dtype=np.int32)
        self.cosine = np.full((n, NEAREST), -1, dtype=np.float32)
        self.window = np.zeros((n, NEAREST), dtype=np.uint8)

    @property
    def least(self) -> Floats:
        """(N,) the cosine a hit must exceed to count."""
        return np.maximum(self.cosine[:, -1], np.float32(LEAST_COSINE))

    def merge(self, hits: Hits, window: int) -> None:
        """Take in the hits of one window."""
        rows, others, cosines = hits
        touched = np.unique(rows)
        row = np.concatenate([np.repeat(touched, NEAREST), rows])
        other = np.concatenate([self.other[touched].ravel().astype(np.int64), others])
        cosine = np.concatenate([self.cosine[touched].ravel(), cosines])
        kind = np.concatenate([self.window[touched].ravel(), np.full(len(rows), window, dtype=np.uint8)])
        order = np.lexsort((kind, -cosine, other, row))
        order = order[_first(row[order], other[order]) & (other[order] >= 0)]
        order = order[np.lexsort((other[order], -cosine[order], row[order]))]
        rank = _rank(row[order])
        order, rank = order[rank < NEAREST], rank[rank < NEAREST]
        self.other[touched], self.cosine[touched] = -1, -1
        place = row[order], rank
        self.other[place], self.cosine[place], self.window[place] = other[order], cosine[order], kind[order]

    def candidates(self, rows: Integers) -> Candidates:
        """Every pair once, in the way round and the window that fit best."""
        part, column = np.nonzero(self.other >= 0)
        whole, cosine = self.other[part, column].astype(np.int64), self.cosine[part, column]
        low, high = np.minimum(whole, part), np.maximum(whole, part)
        order = np.lexsort((whole, -cosine, high, low))
        order = order[_first(low[order], high[order])]
        return Candidates(rows[whole[order]], rows[part[order]], self.window[part, column][order].astype(np.int64))


def _first(a: Integers, b: Integers) -> NDArray[np.bool_]:
    """(P,) True where a sorted pair differs from the one before."""
    return np.r_[True, (a[1:] != a[:-1]) | (b[1:] != b[:-1])][: len(a)]


def _rank(row: Integers) -> Integers:
    """(P,) how many of the same row stand before, in a sorted column."""
    start = np.flatnonzero(np.r_[True, row[1:] != row[:-1]][: len(row)])
    return np.arange(len(row)) - np.repeat(start, np.diff(np.r_[start, len(row)]))
