"""Everything a report is made from, read from a run's folder; what is not there yet is None or empty."""

import csv
import io
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Literal

from sfumato.decision.logit_adjustment import TauRow
from sfumato.decision.policy import Policy, Verdicts
from sfumato.errors import InputError
from sfumato.json_file import read_json, read_text
from sfumato.metrics.results import Results
from sfumato.predictions import UNKNOWN, Predictions
from sfumato.preparation import Prepared, prepare_again
from sfumato.run_folder import RunFolder

HistoryRow = dict[str, float | None]
"""Column of history.csv -> number; None where the epoch has none. `best` is 1 for raw weights, 2 for EMA, 3 for SWA."""


@dataclass(frozen=True)
class Measured:
    """What the run's weights say of N labelled samples, and how good that is."""

    part: Literal["test", "val"]
    predictions: Predictions
    policy: Policy
    verdicts: Verdicts
    """Of the policy, calibrated and with abstentions."""
    results: Results


@dataclass(frozen=True)
class Evidence:
    """One run, as its folder tells it."""

    folder: Path
    prepared: Prepared
    """Recipe, table, plan and a model with random weights."""
    measured: Measured | None
    """The test part; the validation part where there is no test; None where nothing was measured."""
    history: tuple[HistoryRow, ...]
    tau_curve: tuple[TauRow, ...]
    """Validation scores at each strength of logit adjustment; empty where there is none."""
    bad: tuple[dict[str, str], ...]
    """Pictures that were left out: id, image, problem."""
    environment: dict[str, Any]


def read_evidence(folder: RunFolder) -> Evidence:
    """Read a run's folder; no picture is opened.

    Raises:
        InputError: It is no run's folder, or a file of it that the page shows is damaged.
    """
    return Evidence(
        folder.path,
        prepare_again(folder),
        _measured(folder),
        tuple(_history_row(row, folder.history) for row in _rows(folder.history)),
        _tau_curve(folder),
        tuple(row for row in _rows(folder.data / "bad_images.csv") if row.get("image")),
        _environment(folder),
    )


def _measured(folder: RunFolder) -> Measured | None:
    scores = read_json(folder.metrics) if folder.metrics.is_file() else {}
    for part in ("test", "val"):
        path = folder.predictions(part)
        if part in scores and path.is_file():
            predictions, policy = _known(Predictions.read(path)), _policy(folder)
            results = Results.from_dict(scores[part], str(folder.metrics))
            if tuple(row.name for row in results.classes) != predictions.labels.names:
                raise InputError(f"damaged: other classes than in {path.name}", where=str(folder.metrics))
            return Measured(part, predictions, policy, policy.apply(predictions.logits), results)
    return None


def _known(predictions: Predictions) -> Predictions:
    """The samples whose class is known."""
    rows = [row for row, truth in enumerate(predictions.truth.tolist()) if truth != UNKNOWN]
    ids = tuple(predictions.ids[row] for row in rows)
    groups = None if predictions.groups is None else predictions.groups[rows]
    return Predictions(ids, predictions.truth[rows], predictions.logits[rows], predictions.labels, groups)


def _policy(folder: RunFolder) -> Policy:
    path = folder.bundle / "policy.json"
    return Policy.from_dict(read_json(path), str(path)) if path.is_file() else Policy()


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


def _tau_curve(folder: RunFolder) -> tuple[TauRow, ...]:
    rows = tuple(_tau_row(row, folder.tau_curve) for row in _rows(folder.tau_curve))
    adjustment = _policy(folder).adjustment
    used = adjustment.tau if adjustment else 0.0
    missing = {0.0, used} - {row.tau for row in rows}
    if rows and missing:
        raise _damaged(folder.tau_curve, f"no row of τ = {max(missing):g}")
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
