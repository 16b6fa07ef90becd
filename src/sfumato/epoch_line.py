"""One line an epoch, for the terminal, and the head above it."""

from sfumato.progress_lines import phase_of
from sfumato.short import short
from sfumato.training.records import EpochDone

WIDE = 101
"""Columns from which on everything is shown; on a narrower terminal a line would break."""
_HEADS = ("phase", "lr", "px", "learns", "images/s", "loss", "val loss", "", "tail", "macro-F1", "memory")
_WIDTHS = (6, 8, 5, 8, 9, 8, 9, 9, 8, 9, 8)
_WIDE_ONLY = ("px", "learns", "memory")
SCORE_NAMES = {"accuracy": "accuracy", "map": "mAP"}
"""What the first score may be."""


def head(first: str, *, wide: bool) -> str:
    """The head; `first` is a key of SCORE_NAMES."""
    return f"{'epoch':>6}   " + _joined([name or SCORE_NAMES[first] for name in _HEADS], wide=wide)


def epoch_line(
    row: EpochDone, epochs: int, keyframes: tuple[float, ...], first: str, memory: int | None, *, wide: bool
) -> str:
    """The line of an epoch.

    Args:
        row: The epoch.
        epochs: Of the training.
        keyframes: Epochs of the recipe's keyframes, between which its phases lie.
        first: Name of the score that comes first.
        memory: Bytes in use; None = not known.
        wide: Whether there is room for everything.
    """
    found = row.validation.get(row.shown, {})
    scores = [found.get(name) for name in ("loss", first, "tail", "macro_f1")]
    cells = [
        str(phase_of(row.epoch, keyframes)),
        f"{row.lr:.1e}",
        str(row.image_size),
        short(row.learning),
        f"{row.images_per_second:.0f}",
        *("-" if value is None else f"{value:.4f}" for value in (row.train_loss, *scores)),
        "-" if memory is None else f"{memory / 1e9:.1f} GB",
    ]
    return f"{row.epoch + 1:>4}/{epochs:<4}" + _joined(cells, wide=wide)


def _joined(cells: list[str], *, wide: bool) -> str:
    """Cells side by side, to the right of their columns."""
    shown = zip(_HEADS, _WIDTHS, cells, strict=True)
    return "".join(f"{cell:>{width}}" for name, width, cell in shown if wide or name not in _WIDE_ONLY)
