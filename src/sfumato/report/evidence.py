"""Everything a report is made from, read from a run's folder; what is not there yet is None or empty."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from sfumato.decision.policy import Policy, Verdicts
from sfumato.metrics.results import Results
from sfumato.predictions import UNKNOWN, Predictions
from sfumato.preparation import Prepared, prepare_again
from sfumato.run_folder import RunFolder

HistoryRow = dict[str, float | None]
"""Column of history.csv -> number; None where the epoch has none. `best` is 1 for raw weights, 2 for the average."""


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
    bad: tuple[dict[str, str], ...]
    """Pictures that were left out: id, image, problem."""
    environment: dict[str, Any]


def read_evidence(folder: RunFolder) -> Evidence:
    """Read a run's folder; no picture is opened.

    Raises:
        InputError: It is no run's folder, or its recipe or splits are damaged.
    """
    return Evidence(
        folder.path,
        prepare_again(folder),
        _measured(folder),
        tuple(_history_row(row) for row in _rows(folder.history)),
        tuple(row for row in _rows(folder.data / "bad_images.csv") if row.get("image")),
        folder.read_environment() if folder.environment.is_file() else {},
    )


def _measured(folder: RunFolder) -> Measured | None:
    scores = _json(folder.metrics)
    for part in ("test", "val"):
        path = folder.predictions(part)
        if part in scores and path.is_file():
            predictions, policy = _known(Predictions.read(path)), _policy(folder)
            return Measured(
                part, predictions, policy, policy.apply(predictions.logits), Results.from_dict(scores[part])
            )
    return None


def _known(predictions: Predictions) -> Predictions:
    """The samples whose class is known."""
    rows = [row for row, truth in enumerate(predictions.truth.tolist()) if truth != UNKNOWN]
    ids = tuple(predictions.ids[row] for row in rows)
    return Predictions(ids, predictions.truth[rows], predictions.logits[rows], predictions.labels)


def _policy(folder: RunFolder) -> Policy:
    path = folder.bundle / "policy.json"
    return Policy.from_dict(_json(path), str(path)) if path.is_file() else Policy()


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _history_row(row: dict[str, str]) -> HistoryRow:
    words = {"": None, "raw": 1.0, "ema": 2.0}
    return {name: words[text] if text in words else float(text) for name, text in row.items()}


def _json(path: Path) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
