"""Fitting and fusing over joined tables, a member at a time, so that of N x C arrays two are held at a time.

Shapes: M members, N samples, C classes, K folds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.data.progress import Progress, unseen
from sfumato.decision.dealing import deal
from sfumato.decision.fusion.fitting import LEAST_SAMPLES, fit_fusion, refuse_too_few
from sfumato.decision.fusion.fusion import Floats, Fusion, Kind, Sharing
from sfumato.decision.fusion.hidden_fit import MOST_SAMPLES as MOST_FOR_MLP
from sfumato.ensembles.joined import ROWS_AT_ONCE, Integers, Joined
from sfumato.ensembles.layer_gain import Beside, Told
from sfumato.metrics.classification import accuracy, answer_counts
from sfumato.predictions import UNKNOWN

FOLDS = 5
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
    beside: Beside | None = None
    """Where the fusion has a hidden layer, what it says with it and without."""


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


def fit_tables(
    kind: Kind, joined: Joined, progress: Progress = unseen, sharing: Sharing = "auto", seed: int = 0
) -> Fitted:
    """Fit a fusion on tables, cross-fitted over FOLDS folds which keep groups whole.

    Args:
        kind: Which.
        joined: The tables.
        progress: Shows members and folds as they pass.
        sharing: Whether classes share weights, as `fit_fusion`.
        seed: Of the samples that are drawn and the folds.

    Raises:
        InputError: Too few samples of known class to fit it, or too many classes.
    """
    samples, known = joined.samples, joined.samples.known()
    members, classes = len(joined.said), len(samples.labels)
    if kind == "average":
        fusion = fit_fusion(kind, [np.zeros((0, 1), np.float32)] * members, known[:0])
        return Fitted(fusion, fuse_tables(joined, [fusion], np.zeros(len(samples.ids), np.int64), progress))
    refuse_too_few(kind, len(known), members, classes, str(joined.said[0].path))
    rows = _drawn(known, members * classes, MOST_FOR_MLP if kind == "mlp" else len(known), seed)
    fold = deal(samples.truth, samples.groups, FOLDS, seed)
    *fusions, whole = _fit_each(kind, joined, rows, fold[rows], sharing, progress)
    return Fitted(whole, fuse_tables(joined, fusions, fold, progress))


def _fit_each(
    kind: Kind, joined: Joined, rows: Integers, fold: Integers, sharing: Sharing, progress: Progress
) -> list[Fusion]:
    """A fusion of these rows without each fold, and last one of them all."""
    samples, classes = joined.samples, len(joined.samples.labels)
    log_p = [_gathered(one.log_p(rows), rows, classes) for one in progress(joined.said, len(joined.said))]
    truth, groups = samples.truth[rows], None if samples.groups is None else samples.groups[rows]
    parts = [*(np.flatnonzero(fold != held) for held in range(FOLDS)), np.arange(len(rows))]
    return [
        fit_fusion(kind, [one[part] for one in log_p], truth[part], sharing, None if groups is None else groups[part])
        for part in progress(parts, len(parts))
    ]


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
    hidden = np.zeros((len(total), fusions[0].units), dtype=np.float32)
    predicted = np.zeros((len(joined.said), len(total)), dtype=np.int64)
    loss = np.zeros(len(joined.said))
    for member, said in enumerate(progress(joined.said, len(joined.said))):
        for chunk, log_p in said.log_p(np.arange(len(total))):
            predicted[member, chunk] = said.answers(log_p)
            known = np.flatnonzero(samples.truth[chunk] != UNKNOWN)
            loss[member] -= log_p[known, samples.truth[chunk[known]]].sum(dtype=np.float64)
            for place, rows in _by_fusion(which[chunk]):
                total[chunk[rows]] += fusions[place].share(member, log_p[rows])
                hidden[chunk[rows]] += fusions[place].hidden_share(member, log_p[rows])
    beside = _finish(total, hidden, fusions, which, samples.truth)
    return Fused(total, predicted, loss / max(1, len(samples.known())), beside)


def _finish(
    total: Floats, hidden: Floats, fusions: Sequence[Fusion], which: Integers, truth: Integers
) -> Beside | None:
    """Make fused logits of (N, C) sums, in place; returned is what a hidden layer adds, if there is one."""
    layered: list[Told] = []
    stacked: list[Told] = []
    for start in range(0, len(total), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        part, plain = total[rows], total[rows].copy() if hidden.shape[1] else None
        for place, inside in _by_fusion(which[rows]):
            part[inside] = fusions[place].finish(part[inside], hidden[rows][inside])
            if plain is not None:
                plain[inside] = fusions[place].finish(plain[inside])
        if plain is not None:
            layered.append(Told.of(part, truth[rows]))
            stacked.append(Told.of(plain, truth[rows]))
    return Beside(Told.joined(layered), Told.joined(stacked)) if layered else None


def _by_fusion(which: Integers) -> Iterator[tuple[int, Integers]]:
    """Each fusion that is asked for with the rows it is given."""
    for place in np.unique(which).tolist():
        yield place, np.flatnonzero(which == place)


def _drawn(known: Integers, cells: int, most: int, seed: int) -> Integers:
    """Of the samples of known class at most so many, and so that _MOST_CELLS suffice, by chance, in their order."""
    most = min(most, max(LEAST_SAMPLES, _MOST_CELLS // cells))
    if len(known) <= most:
        return known
    return np.sort(np.random.default_rng(seed).permutation(known)[:most])


def _gathered(chunks: Iterator[tuple[Integers, Floats]], samples: Integers, classes: int) -> Floats:
    """All chunks as one, in the order of the samples, which are sorted."""
    found = np.zeros((len(samples), classes), dtype=np.float32)
    for chunk, log_p in chunks:
        found[np.searchsorted(samples, chunk)] = log_p
    return found
