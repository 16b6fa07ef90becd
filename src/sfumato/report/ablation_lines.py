"""What pictures and texts add, as plain text."""

from rich.cells import cell_len

from sfumato.metrics.ablation import Ablation, Sight
from sfumato.metrics.intervals import Interval


def ablation_lines(found: Ablation) -> list[str]:
    """Lines for the terminal."""
    width = max(map(cell_len, ("all there is", *(row.name for row in found.parts))))
    head = f"{'gone by':<{width}}  {'accuracy':>25}  {'macro-F1':>25}  all there is adds, in accuracy"
    rows = [
        f"{_padded(row, width)}  {_range(row.accuracy)}  {_range(row.macro_f1)}  {_added(row)}" for row in found.parts
    ]
    whole = f"{'all there is':<{width}}  {_range(found.accuracy)}  {_range(found.macro_f1)}"
    return ["", head, *rows, whole, found.note]


def _padded(row: Sight, width: int) -> str:
    return row.name + " " * (width - cell_len(row.name))


def _range(found: Interval) -> str:
    return f"{found.value:.4f} ({found.low:.4f}-{found.high:.4f})".rjust(25)


def _added(row: Sight) -> str:
    return f"{row.lost.value:+.4f} [{row.lost.low:+.4f}, {row.lost.high:+.4f}], p = {row.p:.2g}"
