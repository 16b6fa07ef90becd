"""Standings as plain text for the terminal, and as a CSV file."""

from pathlib import Path
from typing import Any

import polars as pl
from rich.cells import cell_len

from sfumato.metrics.intervals import Interval
from sfumato.report.cost import duration
from sfumato.report.standings import Standing, Standings, Took, sentences
from sfumato.report.wording import many
from sfumato.short import short


def standings_lines(found: Standings) -> list[str]:
    """Lines for the terminal: who is better, what it took, and what may be read from that."""
    part = "test part" if found.part == "test" else "val part, which chose the weights"
    whole = f" in {many(found.groups, 'group')}" if found.groups is not None else ""
    head = (
        f"{found.task + ': ' if found.task else ''}by {found.names[found.by]}, {part}, {found.samples} samples{whole}"
    )
    ranking = [_ranking_cells(found, row) for row in found.ranked]
    took = [_took_cells(found, row) for row in found.rows if row.scores or row.rank is not None]
    return [
        "",
        head,
        *_aligned([_ranking_head(found), *ranking]),
        "",
        *_aligned([_took_head(found), *took]),
        "",
        *(f"not ranked: {row.name}: {row.problem}" for row in found.rows if row.rank is None),
        *sentences(found),
    ]


def write_table(path: Path, tables: tuple[Standings, ...]) -> None:
    """Write compare.csv: a row a contestant and task, empty where something is not known."""
    rows = [_record(table, row) for table in tables for row in table.rows]
    pl.DataFrame(rows, infer_schema_length=None).write_csv(path)


def time_text(took: Took) -> str:
    """As a person says it; with a sign where a killed process took part."""
    return "-" if took.seconds is None else f"{'> ' if took.at_least else ''}{duration(took.seconds)}"


def memory_text(took: Took) -> str:
    """Gigabytes, or megabytes below half of one."""
    if took.memory_bytes is None:
        return "-"
    return f"{took.memory_bytes / 1e9:.1f} GB" if took.memory_bytes >= 5e8 else f"{took.memory_bytes / 1e6:.0f} MB"


def parameters_text(took: Took) -> str:
    """Of one network; of several, how many there are beside it."""
    if took.parameters is None:
        return "-"
    return f"{took.networks} x {short(took.parameters)}" if took.networks > 1 else short(took.parameters)


def speed_text(took: Took) -> str:
    """Images a second."""
    return "-" if took.images_per_second is None else f"{took.images_per_second:.0f}"


def interval_text(found: Interval | None, *, signed: bool = False) -> str:
    """The figure and its 95 % interval."""
    if found is None:
        return "-"
    sign = "+" if signed else ""
    return f"{found.value:{sign}.3f} ({found.low:{sign}.3f} to {found.high:{sign}.3f})"


def chance_text(p: float) -> str:
    """A p value."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _ranking_head(found: Standings) -> list[str]:
    shown = [f"{found.names[name]}, 95 %" for name in found.main]
    return ["", "", *shown, "against the first, paired", "McNemar p, Holm"]


def _ranking_cells(found: Standings, row: Standing) -> list[str]:
    against = row.against
    pair = (
        ["", ""]
        if against is None
        else [interval_text(against.difference, signed=True), chance_text(against.corrected)]
    )
    return [str(row.rank), row.name, *(interval_text(row.scores.get(name)) for name in found.main), *pair]


def _took_head(found: Standings) -> list[str]:
    memory = {row.took.device for row in found.rows} - {None}
    where = "GPU memory" if memory == {"cuda"} else "peak memory"
    return ["", "", f"val {found.names[found.main[0]]}", "training time", where, "parameters", "images/s", "epochs"]


def _took_cells(found: Standings, row: Standing) -> list[str]:
    took, chosen = row.took, row.selection.get(found.main[0])
    figures = [time_text(took), memory_text(took), parameters_text(took), speed_text(took), str(took.epochs or "-")]
    return [str(row.rank or ""), row.name, "-" if chosen is None else f"{chosen:.3f}", *figures]


def _aligned(rows: list[list[str]]) -> list[str]:
    """Columns below each other: names at the left, figures at the right; Chinese letters take two places."""
    wide = [max(cell_len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines: list[str] = []
    for row in rows:
        spaces = [" " * (width - cell_len(cell)) for cell, width in zip(row, wide, strict=True)]
        cells = [
            cell + gap if place == 1 else gap + cell for place, (cell, gap) in enumerate(zip(row, spaces, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _record(table: Standings, row: Standing) -> dict[str, Any]:
    """A row of the CSV; the same columns for every row."""
    against, took = row.against, row.took
    record: dict[str, Any] = {"task": table.task, "rank": row.rank, "name": row.name, "part": table.part}
    for name in table.names:
        record |= _cells(name, row.scores.get(name))
    record |= {f"val_{name}": row.selection.get(name) for name in table.main}
    record |= _cells(f"{table.by}_difference", against.difference if against else None)
    record |= {
        "mcnemar_p": against.mcnemar.p if against else None,
        "mcnemar_p_holm": against.corrected if against else None,
        "told_apart": against.told_apart if against else None,
        "seconds": took.seconds,
        "seconds_at_least": took.at_least,
        "memory_bytes": took.memory_bytes,
        "memory_of": None if took.device is None else "GPU" if took.device == "cuda" else "process",
        "parameters": took.parameters,
        "networks": took.networks,
        "epochs": took.epochs,
        "images_per_second": took.images_per_second,
        "problem": row.problem,
    }
    return record


def _cells(name: str, found: Interval | None) -> dict[str, float | None]:
    values = (found.value, found.low, found.high) if found else (None, None, None)
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))
