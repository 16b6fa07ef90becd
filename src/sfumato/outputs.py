"""Decisions as rows of a CSV, JSONL or Parquet file, or of the terminal."""

import csv
import io
import secrets
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import polars as pl

from sfumato.data.images import READ
from sfumato.data.sources.files import READERS
from sfumato.data.sources.folder import images_below
from sfumato.data.sources.tabular import read_image_paths
from sfumato.errors import InputError, RunError
from sfumato.json_file import to_json
from sfumato.predict.decisions import Answer, Decision
from sfumato.predict.predictor import Predictor
from sfumato.tasks import of_task

COLUMNS = ("input", "label", "confidence", "calibrated", "abstained", "error")
SAID: dict[str, type[pl.DataType]] = {
    "label": pl.String,
    "confidence": pl.Float64,
    "calibrated": pl.Boolean,
    "abstained": pl.Boolean,
}
"""What is said of a task."""
MORE: dict[str, type[pl.DataType]] = {"set": pl.String, "familiarity": pl.Float64}
"""What some bundles say beside it; `Predictor.more` tells which."""
More = tuple[str, ...]
Classes = tuple[str, ...] | Mapping[str, tuple[str, ...]]
"""Names of the classes; where there are several tasks, task -> those of each."""


def expand(inputs: Iterable[str]) -> list[str]:
    """Image paths in the order given. A folder stands for the images in it, at any depth, sorted; a table for its rows.

    Raises:
        InputError: A folder without an image, a table without an image column. A path that does not exist stays: its
            row says so.
    """
    paths: list[str] = []
    for name in inputs:
        path = Path(name)
        if _kind(path) == "folder":
            found = [str(inner) for inner in images_below(path)]
            if not found:
                raise InputError("no image in it", where=name, expected=f"files ending in {', '.join(READ)}")
            paths += found
        elif path.suffix.lower() in READERS and _kind(path) == "file":
            paths += read_image_paths(path)
        else:
            paths.append(name)
    return paths


def _kind(path: Path) -> Literal["folder", "file"] | None:
    """None also where the system can't even be asked, as for names that are too long: their row will say so."""
    try:
        return "folder" if path.is_dir() else "file" if path.is_file() else None
    except OSError:
        return None


def check_target(out: Path | None) -> None:
    """Refuse, before anything is computed, a file that exists, can't be written, or whose form is not known."""
    if out is None:
        return
    if out.suffix not in WRITERS:
        raise InputError(f"a file ending in {out.suffix!r}", where=str(out), expected=", ".join(WRITERS))
    try:
        if out.is_symlink() or out.exists():
            raise InputError("there already", where=str(out), expected="a new file for --out")
        if not out.parent.is_dir():
            raise InputError("no such folder", where=str(out.parent))
        _aside(out).unlink()
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", where=str(out)) from None


def classes_of(predictor: Predictor) -> Classes:
    """What a bundle can say."""
    names = {task: space.names for task, space in predictor.tasks.spaces.items()}
    return names if predictor.tasks.several else names[""]


def write_decisions(decisions: Iterable[Decision], out: Path, classes: Classes, more: More = ()) -> None:
    """Write one row a decision to a new .csv, .jsonl or .parquet file, with a probability column a class.

    `more`: what this bundle says beyond what all do, in a column each; a set of classes is a JSON list of names.

    It is written aside and renamed, so that a file of that name is whole.

    Raises:
        RunError: The disk is full or can't be written.
    """
    with written_aside(out) as work:
        WRITERS[out.suffix](decisions, work, classes, more)


@contextmanager
def written_aside(out: Path) -> Generator[Path]:
    """Yield an empty file to fill, which becomes `out` if the context ends well, and else is removed.

    Raises:
        RunError: The disk is full or can't be written.
    """
    work: Path | None = None
    try:
        work = _aside(out)
        yield work
        work.rename(out)
    except OSError as error:
        raise RunError(f"{out}: could not be written: {error.strerror or error}") from error
    finally:
        if work is not None:
            work.unlink(missing_ok=True)


def _aside(out: Path) -> Path:
    """A new empty file in the same folder."""
    path = out.parent / f".sfumato-{secrets.token_hex(8)}.partial"
    path.touch(exist_ok=False)
    return path


def csv_lines(decisions: Iterable[Decision], classes: Classes, more: More = ()) -> Iterator[str]:
    """The rows of a CSV, the header first, one at a time."""
    yield _csv_line(_schema(classes, more))
    for decision in decisions:
        row = flat(decision, classes, more)
        yield _csv_line("" if value is None else value for value in row.values())


def flat(decision: Decision, classes: Classes, more: More = ()) -> dict[str, object]:
    """A decision as one row: COLUMNS, `more`, then `p:CLASS` for each class, None where the image is bad.

    Of several tasks `label.TASK`, `confidence.TASK` ... and `p.TASK:CLASS`.
    """
    if isinstance(classes, tuple):
        row = {name: getattr(decision, name) for name in COLUMNS}
        return {**row, **_more(decision, more), **{f"p:{name}": decision.probabilities.get(name) for name in classes}}
    answers = decision.answers or {}
    said = {of_task(name, task): getattr(answers.get(task), name, None) for task in classes for name in SAID}
    extra = {of_task(name, task): value for task in classes for name, value in _more(answers.get(task), more).items()}
    chances = {
        f"p.{task}:{name}": answers[task].probabilities[name] if task in answers else None
        for task, names in classes.items()
        for name in names
    }
    return {"input": decision.input, **said, "error": decision.error, **extra, **chances}


def _more(said: Decision | Answer | None, more: More) -> Mapping[str, object]:
    """What is said beyond COLUMNS; classes as a JSON list of names."""
    if said is None:
        return dict.fromkeys(more)
    inside = None if said.set is None else to_json(said.set, indent=None)
    told: dict[str, object] = {"set": inside, "familiarity": said.familiarity}
    return {name: told[name] for name in more}


def _schema(classes: Classes, more: More) -> dict[str, type[pl.DataType]]:
    """Every column of a row with its type."""
    tasks = {"": classes} if isinstance(classes, tuple) else classes
    several = not isinstance(classes, tuple)
    said = {of_task(name, task): kind for task in tasks for name, kind in SAID.items()}
    extra = {of_task(name, task): MORE[name] for task in tasks for name in more}
    chances = {f"p{'.' if several else ''}{task}:{name}": pl.Float64 for task, names in tasks.items() for name in names}
    return {"input": pl.String, **said, "error": pl.String, **extra, **chances}


def _csv_line(values: Iterable[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(values)
    return buffer.getvalue()


def _write_csv(decisions: Iterable[Decision], out: Path, classes: Classes, more: More) -> None:
    with out.open("w", encoding="utf-8", newline="") as file:
        file.writelines(csv_lines(decisions, classes, more))


def _write_jsonl(decisions: Iterable[Decision], out: Path, _: Classes, __: More) -> None:
    with out.open("w", encoding="utf-8", newline="") as file:
        file.writelines(to_json(decision.to_dict(), indent=None) + "\n" for decision in decisions)


def _write_parquet(decisions: Iterable[Decision], out: Path, classes: Classes, more: More) -> None:
    rows = [flat(decision, classes, more) for decision in decisions]
    pl.DataFrame(rows, schema=_schema(classes, more)).write_parquet(out)


Writer = Callable[[Iterable[Decision], Path, Classes, More], None]
WRITERS: dict[str, Writer] = {".csv": _write_csv, ".jsonl": _write_jsonl, ".parquet": _write_parquet}
