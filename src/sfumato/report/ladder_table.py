"""A ladder as plain text for the terminal, and as a CSV file."""

from pathlib import Path
from typing import Any

import polars as pl
from rich.cells import cell_len

from sfumato.metrics.intervals import Interval
from sfumato.metrics.ladder import Standing, Step
from sfumato.report.summary import LABEL_SCORE_NAMES, SCORE_NAMES
from sfumato.report.wording import many

HEAD = ("rung", "val, cross-fitted", "above the kept one", "", "test, 95 %", "fitted in", "settings")


def ladder_lines(found: Standing) -> list[str]:
    """Lines for the terminal: what each rung reaches, and which is chosen."""
    rows = [HEAD, *(_cells(step) for step in found.steps)]
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(HEAD))]
    table = [
        "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    shots = "" if found.shots is None else f", {found.shots} of each class"
    fitted = f"fitted on {many(found.fitted, 'picture')}{shots}, which were looked at once in {found.seconds:.1f} s"
    return ["", f"by {score_words(found)}; {fitted}", *table, "", *verdict(found), ""]


def score_words(found: Standing) -> str:
    """The score in words."""
    return LABEL_SCORE_NAMES["map"] if found.score == "map" else SCORE_NAMES[found.score]


def verdict(found: Standing) -> list[str]:
    """What may be read from it."""
    chosen = found.chosen
    left_out = [f"{step.words} was left out: {step.why_not}." for step in found.steps if step.why_not]
    kept = f"Chosen: {chosen.words}. A rung is kept if it is above the one kept before by more than its interval."
    chose = f"The {many(found.validated, 'validation picture')} chose it, so figures there are no results"
    test = f"those of the {many(found.tested, 'test picture')} are." if found.tested else "and no test picture is left."
    return [kept, *left_out, f"{chose}; {test}" if found.tested else f"{chose}, {test}"]


def write_ladder_table(path: Path, found: Standing) -> None:
    """Write ladder.csv: a row a rung, empty where something is not known."""
    pl.DataFrame([_record(step) for step in found.steps], infer_schema_length=None).write_csv(path)


def _cells(step: Step) -> tuple[str, ...]:
    settings = ", ".join(f"{name} {value:.3g}" for name, value in step.settings.items())
    gain = "" if step.gain is None else f"{step.gain.value:+.4f} ({step.gain.low:+.4f} to {step.gain.high:+.4f})"
    told = "left out" if step.why_not else "kept" if step.kept else "dropped"
    return (step.words, _text(step.val), gain, told, _text(step.test), f"{step.seconds:.2f} s", settings)


def _text(found: Interval | None) -> str:
    return "-" if found is None else f"{found.value:.4f} ({found.low:.4f} to {found.high:.4f})"


def _record(step: Step) -> dict[str, Any]:
    def ends(name: str, found: Interval | None) -> dict[str, float | None]:
        if found is None:
            return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
        return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}

    parts = {**ends("val", step.val), **ends("gain", step.gain), **ends("test", step.test)}
    return {"rung": step.name, **parts, "kept": step.kept, "seconds": step.seconds}
