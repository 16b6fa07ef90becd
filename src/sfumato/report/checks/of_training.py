"""Checks of how training went, read off its history."""

from collections.abc import Iterator, Sequence

from sfumato.report.checks.check import Check, fine, judged, skipped
from sfumato.report.evidence import Evidence, HistoryRow

RISE = 1.1
"""So many times its least value the validation loss must have reached again ..."""
LEAST_RISE = 0.02
"""... and so many nats above it: less is noise."""
LEAST_EPOCHS = 3


def training_checks(evidence: Evidence) -> Iterator[Check]:
    """Overfitting, and an end that came too early."""
    rows = [row for row in evidence.history if row.get("val_loss") is not None]
    if len(rows) < LEAST_EPOCHS:
        why = f"fewer than {LEAST_EPOCHS} epochs were validated"
        yield skipped("overfit", why)
        yield skipped("still-improving", why)
        return
    yield _overfit(rows)
    yield _still_improving(evidence.history)


def _overfit(rows: Sequence[HistoryRow]) -> Check:
    """After the epoch of the least validation loss that rose again while the training loss went on falling."""
    losses, trained = [row["val_loss"] or 0.0 for row in rows], [row["train_loss"] or 0.0 for row in rows]
    best = min(range(len(rows)), key=lambda at: losses[at])
    rose = losses[-1] >= RISE * losses[best] and losses[-1] - losses[best] >= LEAST_RISE
    text = (
        f"the validation loss is {losses[-1]:.3f} at the end and was least after epoch {_number(rows[best])}, at "
        f"{losses[best]:.3f}; the training loss was {trained[best]:.3f} then and is {trained[-1]:.3f} now"
    )
    return judged("overfit", text, wrong=rose and trained[-1] < trained[best])


def _still_improving(history: Sequence[HistoryRow]) -> Check:
    best = [row for row in history if row.get("best")]
    if not best:
        return skipped("still-improving", "nothing was chosen among the epochs")
    last, number = history[-1] is best[-1], _number(best[-1])
    if last:
        return judged("still-improving", f"of {len(history)} epochs the last was the best", wrong=True)
    return fine("still-improving", f"of {len(history)} epochs the best was epoch {number}")


def _number(row: HistoryRow) -> int:
    """Of an epoch, from 1."""
    return round(row["epoch"] or 0) + 1
