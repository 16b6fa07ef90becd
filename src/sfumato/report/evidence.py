"""Everything a report is made from, read from a run's folder; what is not there yet is None or empty."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Any, Literal

from sfumato.decision.logit_adjustment import TauRow
from sfumato.decision.multilabel_policy import MultilabelPolicy, MultilabelVerdicts
from sfumato.decision.policies import AnyPolicy, policies_from_dict
from sfumato.decision.policy import Policy, Verdicts
from sfumato.decision.view_choice import ViewChoice
from sfumato.errors import InputError
from sfumato.json_file import read_json, read_text
from sfumato.metrics.multilabel_results import AnyResults, MultilabelResults, results_from_dict
from sfumato.metrics.results import Results
from sfumato.multilabel_predictions import AnyPredictions, MultilabelPredictions, read_predictions
from sfumato.predictions import Predictions
from sfumato.preparation.prepare import prepare_again
from sfumato.preparation.prepared import Prepared
from sfumato.run_folder import RunFolder
from sfumato.tasks import TaskLayout, of_task
from sfumato.training.listeners import AVERAGE_SCORES

HistoryRow = dict[str, float | None]
"""Column of history.csv -> number; None where the epoch has none. `best` is 1 for raw weights, 2 for EMA, 3 for SWA."""


@dataclass(frozen=True)
class ClassPoint:
    """What the page shows of a row of class_history.csv."""

    epoch: int
    """From 0."""
    weights: str
    name: str
    support: int
    trained: int
    recall: float


@dataclass(frozen=True)
class AverageRow:
    """A row of averages.csv: one set of weights there was to choose from at the end."""

    weights: str
    """raw, ema, swa, soup or interpolation."""
    epochs: tuple[int, ...]
    """From 0: whose weights went in."""
    alpha: float | None
    """Of an interpolation."""
    scores: dict[str, float]
    """On validation, by the names of `listeners.AVERAGE_SCORES`."""
    kept: bool


@dataclass(frozen=True)
class Measured:
    """What the run's weights say of N labelled samples, and how good that is."""

    part: Literal["test", "val", "data"]
    """`data`: labelled data from outside any run."""
    predictions: Predictions
    policy: Policy
    verdicts: Verdicts
    """Of the policy, calibrated and with abstentions."""
    results: Results


@dataclass(frozen=True)
class LabelsMeasured:
    """The same where an image may be of any number of classes."""

    part: Literal["test", "val", "data"]
    predictions: MultilabelPredictions
    policy: MultilabelPolicy
    verdicts: MultilabelVerdicts
    results: MultilabelResults


AnyMeasured = Measured | LabelsMeasured


@dataclass(frozen=True)
class Evidence:
    """One run, as its folder tells it."""

    folder: Path
    prepared: Prepared
    """Recipe, table, plan and a model with random weights."""
    measured: AnyMeasured | None
    """The test part; the validation part where there is no test; None where nothing was measured."""
    history: tuple[HistoryRow, ...]
    tau_curve: tuple[TauRow, ...]
    """Validation scores at each strength of logit adjustment; empty where there is none."""
    class_history: tuple[ClassPoint, ...]
    """Of every class in every epoch; empty where nothing was validated, or in runs from before it was written."""
    bad: tuple[dict[str, str], ...]
    """Pictures that were left out: id, image, problem."""
    environment: dict[str, Any]
    views: ViewChoice | None = None
    """Which views were tried; None where there was no choice."""
    averages: tuple[AverageRow, ...] = ()
    """What there was to choose from at the end; empty where no weights were averaged."""
    held_out: Mapping[str, AnyPredictions] = field(default_factory=dict[str, AnyPredictions])
    """Part -> what the network says of it: images that it did not learn from, labelled or not."""
    tasks: "dict[str, Evidence]" = field(default_factory=dict[str, "Evidence"])
    """Of several tasks the same of each, its table without the others; then nothing is measured of them together."""

    @property
    def by_task(self) -> "dict[str, Evidence]":
        """The tasks, an only one under the empty name."""
        return self.tasks or {"": self}


def read_evidence(folder: RunFolder) -> Evidence:
    """Read a run's folder; no picture is opened.

    Raises:
        InputError: It is no run's folder, or a file of it that the page shows is damaged.
    """
    prepared = prepare_again(folder)
    layout = prepared.table.layout
    whole = Evidence(
        folder.path,
        prepared,
        None if layout.several else _measured(folder, layout, ""),
        tuple(_history_row(row, folder.history) for row in _rows(folder.history)),
        () if layout.several else _tau_curve(folder, layout, ""),
        () if layout.several else _class_history(folder, ""),
        tuple(row for row in _rows(folder.data / "bad_images.csv") if row.get("image")),
        _environment(folder),
        ViewChoice.from_dict(read_json(folder.views), str(folder.views)) if folder.views.is_file() else None,
        tuple(_average_row(row, folder.averages) for row in _rows(folder.averages)),
        {} if layout.several else _held_out(folder, ""),
    )
    if not layout.several:
        return whole
    return replace(whole, tasks={task: _of_task(folder, whole, task) for task in layout.spaces})


def _of_task(folder: RunFolder, whole: Evidence, task: str) -> Evidence:
    layout = whole.prepared.table.layout
    prepared = replace(whole.prepared, table=whole.prepared.table.only(task))
    measured = _measured(folder, layout, task)
    curve, classes = _tau_curve(folder, layout, task), _class_history(folder, task)
    held_out = _held_out(folder, task)
    return replace(
        whole, prepared=prepared, measured=measured, tau_curve=curve, class_history=classes, held_out=held_out
    )


def _held_out(folder: RunFolder, task: str) -> dict[str, AnyPredictions]:
    paths = {part: folder.predictions(part, task) for part in ("test", "val")}
    return {part: read_predictions(path) for part, path in paths.items() if path.is_file()}


def _measured(folder: RunFolder, layout: TaskLayout, task: str) -> AnyMeasured | None:
    scores = read_json(folder.metrics) if folder.metrics.is_file() else {}
    for part in ("test", "val"):
        path, name = folder.predictions(part, task), of_task(part, task)
        if name in scores and path.is_file():
            predictions, policy = read_predictions(path).known(), _policy(folder, layout, task)
            results = results_from_dict(scores[name], str(folder.metrics))
            if tuple(row.name for row in results.classes) != predictions.labels.names:
                raise InputError(f"damaged: other classes than in {path.name}", where=str(folder.metrics))
            return measured_by(part, predictions, policy or Policy(), results, str(folder.metrics))
    return None


def measured_by(
    part: Literal["test", "val", "data"], said: AnyPredictions, policy: AnyPolicy, results: AnyResults, where: str
) -> AnyMeasured:
    """What a policy makes of a table, with its results.

    Raises:
        InputError: Table, policy and results are not all of one class a sample, or all of several; `where` names them.
    """
    if isinstance(said, Predictions) and isinstance(policy, Policy) and isinstance(results, Results):
        return Measured(part, said, policy, policy.apply(said.logits, said.familiarity), results)
    if (
        isinstance(said, MultilabelPredictions)
        and isinstance(policy, MultilabelPolicy)
        and isinstance(results, MultilabelResults)
    ):
        return LabelsMeasured(part, said, policy, policy.apply(said.logits), results)
    raise InputError("damaged: predictions, policy and results do not fit together", where=where)


def _policy(folder: RunFolder, layout: TaskLayout, task: str) -> AnyPolicy | None:
    path = folder.bundle / "policy.json"
    return policies_from_dict(read_json(path), layout, str(path))[task] if path.is_file() else None


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path), newline=""), restkey="", strict=True))
    except csv.Error as error:
        raise _damaged(path, str(error)) from None
    for number, row in enumerate(rows, start=1):
        if "" in row or None in row.values():
            raise _damaged(path, f"row {number} has not as many cells as the header")
    return rows


def _history_row(row: dict[str, str], path: Path) -> HistoryRow:
    words = {"": None, "raw": 1.0, "ema": 2.0, "swa": 3.0}
    try:
        return {name: words[text] if text in words else float(text) for name, text in row.items()}
    except ValueError as error:
        raise _damaged(path, str(error)) from None


def _tau_curve(folder: RunFolder, layout: TaskLayout, task: str) -> tuple[TauRow, ...]:
    path = folder.tau_curve_of(task)
    rows = tuple(_tau_row(row, path) for row in _rows(path))
    policy = _policy(folder, layout, task)
    adjustment = policy.adjustment if isinstance(policy, Policy) else None
    used = adjustment.tau if adjustment else 0.0
    missing = {0.0, used} - {row.tau for row in rows}
    if rows and missing:
        raise _damaged(path, f"no row of τ = {max(missing):g}")
    return rows


def _tau_row(row: dict[str, str], path: Path) -> TauRow:
    try:
        found = TauRow(**{name: float(text) for name, text in row.items()})
    except (TypeError, ValueError) as error:
        raise _damaged(path, str(error)) from None
    scores = (found.accuracy, found.balanced_accuracy, found.macro_f1)
    if not 0 <= found.tau < inf or not all(0 <= score <= 1 for score in scores):
        raise _damaged(path, "a strength is not 0 or above, or a score not from 0 to 1")
    return found


def _class_history(folder: RunFolder, task: str) -> tuple[ClassPoint, ...]:
    path = folder.class_history
    return tuple(_class_point(row, path) for row in _rows(path) if row.get("task") == task)


def _class_point(row: dict[str, str], path: Path) -> ClassPoint:
    try:
        counts = (int(row["support"]), int(row["trained"]))
        found = ClassPoint(int(row["epoch"]), row["weights"], row["class"], *counts, float(row["recall"]))
    except (KeyError, ValueError) as error:
        raise _damaged(path, str(error)) from None
    if not 0 <= found.recall <= 1 or min(found.epoch, *counts) < 0:
        raise _damaged(path, "a count is below 0, or a recall not from 0 to 1")
    return found


def _average_row(row: dict[str, str], path: Path) -> AverageRow:
    try:
        alpha = float(row["alpha"]) if row["alpha"] else None
        scores = {name: float(row[name]) for name in AVERAGE_SCORES if row.get(name) and name != "loss"}
        return AverageRow(row["weights"], tuple(map(int, row["epochs"].split())), alpha, scores, row["kept"] == "1")
    except (KeyError, ValueError) as error:
        raise _damaged(path, str(error)) from None


def _damaged(path: Path, why: str) -> InputError:
    return InputError(f"damaged: {why}", where=str(path), mend="remove it, and the page goes without it")


def _environment(folder: RunFolder) -> dict[str, Any]:
    """What is known of it; the page needs none of it, and a run that trained for hours must not fail by it."""
    if not folder.environment.is_file():
        return {}
    try:
        found = folder.read_environment()
    except InputError as error:
        return {"notes": [f"left out: {error}"]}
    kinds: dict[str, type] = {"packages": dict, "notes": list}
    return {name: value for name, value in found.items() if isinstance(value, kinds.get(name, str))}
