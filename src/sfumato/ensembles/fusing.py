"""Fitting and fusing over joined tables, a member at a time, so that of N x C arrays two are held at a time.

Shapes: M members, N samples, C classes, K folds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.data.progress import Progress, unseen
from sfumato.decision.fusion import Floats, Fusion, Kind
from sfumato.decision.fusion_fit import deal, fit_fusion
from sfumato.ensembles.joined import ROWS_AT_ONCE, Integers, Joined
from sfumato.errors import InputError
from sfumato.metrics.classification import accuracy, answer_counts
from sfumato.predictions import UNKNOWN

FOLDS = 5
LEAST_SAMPLES = 20
"""Below, nothing is fitted: as for a temperature, its own error would exceed what it mends."""
_MOST_CELLS = 10_000_000
"""Samples x members x classes that weights are fitted on; of more samples a part is drawn. There are few weights."""


@dataclass(frozen=True)
class Fused:
    """What the fusion makes of N samples, and what its members make of them."""

    logits: Floats
    """(N, C)."""
    predicted: Integers
    """(M, N) class index that each member names."""
    loss: NDArray[np.float64]
    """(M,) mean negative log-likelihood of each member in nats, over the samples of known class."""


@dataclass(frozen=True)
class Fitted:
    """A fusion with what it would have said of the samples it was fitted on, had it not been."""

    fusion: Fusion
    """Fitted on all of them."""
    fused: Fused
    """Cross-fitted: each sample by a fusion that was fitted on other folds."""

    def best_member(self, truth: Integers) -> int:
        """The member of the highest accuracy on samples of known class; of equals the one of least loss."""
        known = truth != UNKNOWN
        classes = self.fused.logits.shape[1]
        shares = [float(accuracy(answer_counts(truth[known], one[known], classes))) for one in self.fused.predicted]
        return max(range(len(shares)), key=lambda member: (shares[member], -self.fused.loss[member]))


def fit_tables(kind: Kind, joined: Joined, progress: Progress = unseen, seed: int = 0) -> Fitted:
    """Fit a fusion on tables, cross-fitted over FOLDS folds which keep groups whole.

    Raises:
        InputError: Too few samples of known class to fit anything.
    """
    samples, known = joined.samples, joined.samples.known()
    if kind == "average":
        fusion = fit_fusion(kind, [np.zeros((0, 1), np.float32)] * len(joined.said), known[:0])
        return Fitted(fusion, fuse_tables(joined, [fusion], np.zeros(len(samples.ids), np.int64), progress))
    if len(known) < LEAST_SAMPLES:
        what = f"{len(known)} samples of known class"
        raise InputError(what, where=str(joined.said[0].path), expected=f"{LEAST_SAMPLES} to fit on, or --kind average")
    rows = _drawn(known, len(joined.said) * len(samples.labels), seed)
    log_p = [_gathered(one.log_p(rows), rows, len(samples.labels)) for one in progress(joined.said, len(joined.said))]
    fold = deal(samples.truth, samples.groups, FOLDS, seed)
    truth, inside = samples.truth[rows], fold[rows]
    parts = [inside != held for held in range(FOLDS)]
    fusions = [fit_fusion(kind, [one[part] for one in log_p], truth[part]) for part in progress(parts, FOLDS)]
    whole = fit_fusion(kind, log_p, truth)
    del log_p
    return Fitted(whole, fuse_tables(joined, fusions, fold, progress))


def fuse_tables(joined: Joined, fusions: Sequence[Fusion], which: Integers, progress: Progress = unseen) -> Fused:
    """What fusions make of the tables.

    Args:
        joined: The tables.
        fusions: K of one kind.
        which: (N,) which of them each sample is given to.
        progress: Shows the members as they pass.
    """
    samples = joined.samples
    total = np.zeros((len(samples.ids), len(samples.labels)), dtype=np.float32)
    predicted = np.zeros((len(joined.said), len(total)), dtype=np.int64)
    loss = np.zeros(len(joined.said))
    for member, said in enumerate(progress(joined.said, len(joined.said))):
        for chunk, log_p in said.log_p(np.arange(len(total))):
            predicted[member, chunk] = log_p.argmax(axis=1)
            known = np.flatnonzero(samples.truth[chunk] != UNKNOWN)
            loss[member] -= log_p[known, samples.truth[chunk[known]]].sum(dtype=np.float64)
            for place, rows in _by_fusion(which[chunk]):
                total[chunk[rows]] += fusions[place].share(member, log_p[rows])
    for start in range(0, len(total), ROWS_AT_ONCE):
        part = total[start : start + ROWS_AT_ONCE]
        for place, rows in _by_fusion(which[start : start + ROWS_AT_ONCE]):
            part[rows] = fusions[place].finish(part[rows])
    return Fused(total, predicted, loss / max(1, len(samples.known())))


def _by_fusion(which: Integers) -> Iterator[tuple[int, Integers]]:
    """Each fusion that is asked for with the rows it is given."""
    for place in np.unique(which).tolist():
        yield place, np.flatnonzero(which == place)


def _drawn(known: Integers, cells: int, seed: int) -> Integers:
    """Of the samples of known class at most so many that _MOST_CELLS suffice, by chance, in their order."""
    most = max(LEAST_SAMPLES, _MOST_CELLS // cells)
    if len(known) <= most:
        return known
    return np.sort(np.random.default_rng(seed).permutation(known)[:most])


def _gathered(chunks: Iterator[tuple[Integers, Floats]], samples: Integers, classes: int) -> Floats:
    """All chunks as one, in the order of the samples, which are sorted."""
    found = np.zeros((len(samples), classes), dtype=np.float32)
    for chunk, log_p in chunks:
        found[np.searchsorted(samples, chunk)] = log_p
    return found
