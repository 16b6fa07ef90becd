"""Decisions as rows of a CSV, JSONL or Parquet file, or of the terminal."""

import csv
import io
import secrets
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, cast

import polars as pl

from sfumato.data.images import READ
from sfumato.data.sources.files import READERS
from sfumato.data.sources.folder import images_below
from sfumato.data.sources.tabular import Row, read_inputs
from sfumato.errors import InputError, RunError
from sfumato.json_file import to_json
from sfumato.predict.cascade import CascadePredictor
from sfumato.predict.cascade_stages import Stages
from sfumato.predict.decisions import Decision
from sfumato.predict.inputs import Input, WithText
from sfumato.predict.loading import AnyPredictor
from sfumato.tasks import of_task

SAID: dict[str, type[pl.DataType]] = {
    "label": pl.String,
    "confidence": pl.Float64,
    "calibrated": pl.Boolean,
    "abstained": pl.Boolean,
}
"""What is said of a task."""
SAID_OF_LABELS: dict[str, type[pl.DataType]] = {"labels": pl.String, "calibrated": pl.Boolean}
"""The same where an image may be of several classes."""


@dataclass(frozen=True)
class RowForm:
    """What a row says beside the input and what is wrong with it."""

    classes: tuple[str, ...] | Mapping[str, tuple[str, ...]]
    """Names of the classes, each with a column for its probability; of several tasks, task -> those of each."""
    sets: bool = False
    """Whether there are sets of classes, in a column of their own, a JSON list of names."""
    familiarity: bool = False
    """Whether it is told how familiar a picture is, in a column of its own."""
    multilabel: bool = False
    """Whether an image may be of several classes: `labels`, a JSON list of names, then takes the place of `label`."""

    texts: bool = False
    """Whether texts are read: `without` then says what an answer had to do without."""
    path: "PathForm | None" = None
    """Of a cascade what is said of the way to its answer; None = it is none."""

    @property
    def said(self) -> dict[str, type[pl.DataType]]:
        """Columns of a task."""
        return SAID_OF_LABELS if self.multilabel else SAID

    @property
    def more(self) -> dict[str, type[pl.DataType]]:
        """Further columns of a task, which only some bundles have."""
        found: dict[str, type[pl.DataType]] = {"set": pl.String} if self.sets else {}
        return found | ({"familiarity": pl.Float64} if self.familiarity else {})


@dataclass(frozen=True)
class PathForm:
    """What a row says of the stages before the last: `stage` decided, and then columns of each."""

    sides: tuple[str, str] | None
    """Classes of the gate, of those that are stopped and of those that go on; `going` has the probability of the
    second. None = there is no gate."""
    elements: tuple[str, ...] | None
    """Names of the elements, each with a column `p.elements:NAME`; `elements` has those named, a JSON list. None = no
    stage names any."""

    def flat(self, decision: Decision) -> dict[str, object]:
        """The columns of one decision; None of stages that did not look at it."""
        steps = {step.stage: step for step in decision.path or ()}
        row: dict[str, object] = {"stage": decision.stage}
        if self.sides is not None:
            row["going"] = steps["gate"].probabilities[self.sides[1]] if "gate" in steps else None
        if self.elements is not None:
            seen = steps.get("elements")
            row["elements"] = _cell(seen.labels) if seen else None
            row |= {f"p.elements:{name}": seen.probabilities[name] if seen else None for name in self.elements}
        return row

    @property
    def schema(self) -> dict[str, type[pl.DataType]]:
        """The columns with their types."""
        found: dict[str, type[pl.DataType]] = {"stage": pl.String}
        found |= {} if self.sides is None else {"going": pl.Float64}
        chances = {f"p.elements:{name}": pl.Float64 for name in self.elements or ()}
        return found if self.elements is None else {**found, "elements": pl.String, **chances}


class Asked(NamedTuple):
    """One input of a verb that decides."""

    name: str
    """Its path; of a row of a table that has ids, its id."""
    what: Input


def expand(inputs: Iterable[str], *, texts: bool = False, needed: bool = True) -> list[Asked]:
    """Inputs in the order given. A folder stands for the images in it, at any depth, sorted; a table for its rows.

    Args:
        inputs: Paths.
        texts: Whether the texts of tables are wanted beside their images.
        needed: Whether a table without any is refused then.

    Raises:
        InputError: A folder without an image, a table without an image column. A path that does not exist stays: its
            row says so.
    """
    asked: list[Asked] = []
    for name in inputs:
        path = Path(name)
        if _kind(path) == "folder":
            found = [str(inner) for inner in images_below(path)]
            if not found:
                raise InputError("no image in it", where=name, expected=f"files ending in {', '.join(READ)}")
            asked += [Asked(image, image) for image in found]
        elif path.suffix.lower() in READERS and _kind(path) == "file":
            asked += [_of_row(row) for row in read_inputs(path, texts=texts, needed=needed)]
        else:
            asked.append(Asked(name, name))
    return asked


def _of_row(row: Row) -> Asked:
    return Asked(row.id, WithText(row.images, row.text, None if row.images else row.id or None))


def _kind(path: Path) -> Literal["folder", "file"] | None:
    """None also where the system can't even be asked, as for names that are too long: their row will say so."""
    try:
        return "folder" if path.is_dir() else "file" if path.is_file() else None
    except OSError:
        return None


def check_target(out: Path | None) -> None:
    """Refuse, before anything is computed, a file that exists, can't be written, or whose form is not known."""
    check_new(out, tuple(WRITERS))


def check_new(out: Path | None, endings: tuple[str, ...]) -> None:
    """The same for files with any of these endings; None = no file is to be written."""
    if out is None:
        return
    if out.suffix not in endings:
        raise InputError(f"a file ending in {out.suffix!r}", where=str(out), expected=", ".join(endings))
    try:
        if out.is_symlink() or out.exists():
            raise InputError("there already", where=str(out), expected="a new file for --out")
        if not out.parent.is_dir():
            raise InputError("no such folder", where=str(out.parent))
        _aside(out).unlink()
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", where=str(out)) from None


def form_of(predictor: AnyPredictor) -> RowForm:
    """What a bundle can say."""
    names = {task: space.names for task, space in predictor.tasks.spaces.items()}
    classes = names if predictor.tasks.several else names[""]
    sets, familiarity = predictor.names_sets, predictor.tells_familiarity
    path = _path_of(predictor.stages) if isinstance(predictor, CascadePredictor) else None
    return RowForm(classes, sets, familiarity, predictor.tasks.multilabel, predictor.reads_texts, path)


def _path_of(stages: Stages) -> PathForm:
    elements = stages.of.get("elements")
    return PathForm(stages.sides, elements.labels.names if elements else None)


def write_decisions(decisions: Iterable[Decision], out: Path, form: RowForm) -> None:
    """Write one row a decision to a new .csv, .jsonl or .parquet file, with a probability column a class.

    It is written aside and renamed, so that a file of that name is whole.

    Raises:
        RunError: The disk is full or can't be written.
    """
    with written_aside(out) as work:
        WRITERS[out.suffix](decisions, work, form)


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


def csv_lines(decisions: Iterable[Decision], form: RowForm) -> Iterator[str]:
    """The rows of a CSV, the header first, one at a time."""
    yield _csv_line(_schema(form))
    for decision in decisions:
        yield _csv_line("" if value is None else value for value in flat(decision, form).values())


def flat(decision: Decision, form: RowForm) -> dict[str, object]:
    """A decision as one row: `input`, what is said, `error`, what is more, `p:CLASS`; None where the image is bad.

    Of several tasks `label.TASK`, `confidence.TASK` ... and `p.TASK:CLASS`.
    """
    if isinstance(form.classes, tuple):
        said, more = ({name: _cell(getattr(decision, name)) for name in names} for names in (form.said, form.more))
        path = form.path.flat(decision) if form.path else {}
        row = {"input": decision.input, **said, "error": decision.error, **_without(decision, form), **path, **more}
        return {**row, **{f"p:{name}": decision.probabilities.get(name) for name in form.classes}}
    answers = decision.answers or {}
    said, more = (
        {of_task(name, task): _cell(getattr(answers.get(task), name, None)) for task in form.classes for name in names}
        for names in (SAID, form.more)
    )
    chances = {
        f"p.{task}:{name}": answers[task].probabilities[name] if task in answers else None
        for task, names in form.classes.items()
        for name in names
    }
    row = {"input": decision.input, **said, "error": decision.error, **_without(decision, form)}
    return {**row, **more, **chances}


def _without(decision: Decision, form: RowForm) -> dict[str, object]:
    return {"without": decision.without} if form.texts else {}


def _cell(value: object) -> object:
    """A list of classes as JSON; all else as it is."""
    return to_json(cast(tuple[str, ...], value), indent=None) if isinstance(value, tuple) else value


def _schema(form: RowForm) -> dict[str, type[pl.DataType]]:
    """Every column of a row with its type."""
    several = not isinstance(form.classes, tuple)
    tasks = {"": form.classes} if isinstance(form.classes, tuple) else form.classes
    said = {of_task(name, task): kind for task in tasks for name, kind in form.said.items()}
    more = {of_task(name, task): kind for task in tasks for name, kind in form.more.items()}
    lacking = {"without": pl.String} if form.texts else {}
    chances = {f"p{'.' if several else ''}{task}:{name}": pl.Float64 for task, names in tasks.items() for name in names}
    path = form.path.schema if form.path else {}
    return {"input": pl.String, **said, "error": pl.String, **lacking, **path, **more, **chances}


def _csv_line(values: Iterable[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(values)
    return buffer.getvalue()


def _write_csv(decisions: Iterable[Decision], out: Path, form: RowForm) -> None:
    with out.open("w", encoding="utf-8", newline="") as file:
        file.writelines(csv_lines(decisions, form))


def _write_jsonl(decisions: Iterable[Decision], out: Path, _: RowForm) -> None:
    with out.open("w", encoding="utf-8", newline="") as file:
        file.writelines(to_json(decision.to_dict(), indent=None) + "\n" for decision in decisions)


def _write_parquet(decisions: Iterable[Decision], out: Path, form: RowForm) -> None:
    rows = [flat(decision, form) for decision in decisions]
    pl.DataFrame(rows, schema=_schema(form)).write_parquet(out)


Writer = Callable[[Iterable[Decision], Path, RowForm], None]
WRITERS: dict[str, Writer] = {".csv": _write_csv, ".jsonl": _write_jsonl, ".parquet": _write_parquet}
