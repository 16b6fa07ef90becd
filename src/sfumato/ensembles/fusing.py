"""Fitting and fusing over joined tables, a member at a time, so that of N x C arrays two are held at a time.

Shapes: M members, N samples, C classes, K folds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sfumato.data.progress import Progress, unseen
from sfumato.decision.dealing import deal
from sfumato.decision.fusion.fitting import LEAST_SAMPLES, equal_weights, fit_fusion, refuse_too_few
from sfumato.decision.fusion.fusion import Floats, Fusion, Kind, Sharing
from sfumato.decision.fusion.hidden_fit import MOST_SAMPLES as MOST_FOR_MLP
from sfumato.ensembles.joined import ROWS_AT_ONCE, Joined, Said
from sfumato.ensembles.layer_gain import Beside
from sfumato.ensembles.samples import Integers, Samples
from sfumato.ensembles.told import Answers, Told

FOLDS = 5
_MOST_CELLS = 10_000_000
"""Samples x members x classes that weights are fitted on; of more samples a part is drawn. There are few weights."""


@dataclass(frozen=True)
class Fused:
    """What the fusion makes of N samples, and what its members make of them."""

    logits: Floats
    """(N, C)."""
    answers: tuple[Answers, ...]
    """Of each member."""
    right: tuple[float, ...]
    """Share of the samples of known class that each member has right; of several classes all and no other, of those of
    which all is known."""
    loss: tuple[float, ...]
    """Mean negative log-likelihood of each member in nats, over the same."""
    beside: Beside | None = None
    """Where the fusion has a hidden layer, what it says with it and without."""


@dataclass(frozen=True)
class Fitted:
    """A fusion with what it would have said of the samples it was fitted on, had it not been."""

    fusion: Fusion
    """Fitted on all of them."""
    fused: Fused
    """Cross-fitted: each sample by a fusion that was fitted on other folds."""

    @property
    def best_member(self) -> int:
        """The member of the highest accuracy on samples of known class; of equals the one of least loss."""
        right, loss = self.fused.right, self.fused.loss
        return max(range(len(right)), key=lambda member: (right[member], -loss[member]))


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
        fusion = equal_weights(members, exclusive=not samples.several)
        return Fitted(fusion, fuse_tables(joined, [fusion], np.zeros(len(samples.ids), np.int64), progress))
    refuse_too_few(kind, len(known), members, classes, str(joined.said[0].path))
    rows = _drawn(known, members * classes, MOST_FOR_MLP if kind == "mlp" else len(known), seed)
    fold = deal(samples.so(slice(None)), samples.groups, FOLDS, seed)
    *fusions, whole = _fit_each(kind, joined, rows, fold[rows], sharing, progress)
    return Fitted(whole, fuse_tables(joined, fusions, fold, progress))


def _fit_each(
    kind: Kind, joined: Joined, rows: Integers, fold: Integers, sharing: Sharing, progress: Progress
) -> list[Fusion]:
    """A fusion of these rows without each fold, and last one of them all."""
    samples, classes = joined.samples, len(joined.samples.labels)
    said = [_gathered(one.of(rows), rows, classes) for one in progress(joined.said, len(joined.said))]
    truth, groups = samples.so(rows), None if samples.groups is None else samples.groups[rows]
    parts = [*(np.flatnonzero(fold != held) for held in range(FOLDS)), np.arange(len(rows))]
    return [
        fit_fusion(kind, [one[part] for one in said], truth[part], sharing, None if groups is None else groups[part])
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
    sums = _Sums(joined.samples, fusions, which)
    told = [sums.add(place, one) for place, one in enumerate(progress(joined.said, len(joined.said)))]
    beside = sums.finish()
    answers, right, loss = zip(*told, strict=True)
    return Fused(sums.total, answers, right, loss, beside)


class _Sums:
    """What the members add up to, one after the other."""

    def __init__(self, samples: Samples, fusions: Sequence[Fusion], which: Integers) -> None:
        self.samples, self.fusions, self.which = samples, fusions, which
        self.total = np.zeros((len(samples.ids), len(samples.labels)), dtype=np.float32)
        self.hidden = np.zeros((len(samples.ids), fusions[0].units), dtype=np.float32)
        self.known = np.isin(np.arange(len(samples.ids)), samples.known())

    def add(self, member: int, said: Said) -> tuple[Answers, float, float]:
        """A member; returned are its answers, the share it has right, and its mean loss."""
        answers = np.zeros(self.samples.truth.shape, dtype=bool if self.samples.several else np.int64)
        right, loss, whole = 0.0, 0.0, 0
        for chunk, one in said.of(np.arange(len(self.total))):
            answers[chunk] = said.answers(one)
            inside = self.known[chunk]
            told = Told.of(one[inside], self.samples.so(chunk[inside]), answers[chunk[inside]])
            right, loss = right + float(told.right.sum()), loss + float(told.loss.sum())
            whole += len(told.right)
            for place, rows in _by_fusion(self.which[chunk]):
                self.total[chunk[rows]] += self.fusions[place].share(member, one[rows])
                self.hidden[chunk[rows]] += self.fusions[place].hidden_share(member, one[rows])
        return answers, right / max(1, whole), loss / max(1, int(self.known.sum()))

    def finish(self) -> Beside | None:
        """Make fused logits of the sums, in place; returned is what a hidden layer adds, if there is one."""
        layered: list[Told] = []
        stacked: list[Told] = []
        for start in range(0, len(self.total), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            part, inside = self.total[rows], np.flatnonzero(self.known[rows])
            plain = part.copy() if self.hidden.shape[1] else None
            for place, mine in _by_fusion(self.which[rows]):
                part[mine] = self.fusions[place].finish(part[mine], self.hidden[rows][mine])
                if plain is not None:
                    plain[mine] = self.fusions[place].finish(plain[mine])
            if plain is not None:
                so = self.samples.so(inside + start)
                layered.append(Told.of(part[inside], so))
                stacked.append(Told.of(plain[inside], so))
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
