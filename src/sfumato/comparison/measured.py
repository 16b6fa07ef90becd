"""What finished runs and cross-validations say and took, read from their folders; no network is built."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError

from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.policies import AnyPolicy, read_policies
from sfumato.errors import InputError
from sfumato.folds.folder import CrossvalFolder
from sfumato.json_file import read_json
from sfumato.metrics.classification import SCORES
from sfumato.metrics.intervals import Interval
from sfumato.metrics.label_scores import LABEL_SCORES
from sfumato.metrics.membership import Truth
from sfumato.metrics.multilabel_results import MultilabelResults, results_from_dict
from sfumato.metrics.paired_labels import LabelAnswers
from sfumato.multilabel_predictions import AnyPredictions, read_predictions
from sfumato.report.standings import Part, Took
from sfumato.run_folder import RunFolder
from sfumato.tasks import TaskLayout, of_task
from sfumato.training.cost import read_cost

Policies = Mapping[str, Mapping[str, AnyPolicy]]
"""Fold, or ALL -> task -> what decides on the logits."""
ALL = ""


@dataclass(frozen=True)
class Answers:
    """What one says of N labelled samples, and how good that is."""

    ids: tuple[str, ...]
    truth: Truth
    """(N,) class indices, or (N, C) of samples of any number of classes."""
    said: NDArray[np.int64] | LabelAnswers
    """(N,) class indices, or which classes are named, after the policy."""
    classes: tuple[str, ...]
    groups: NDArray[np.int64] | None
    scores: dict[str, Interval]
    """accuracy, balanced_accuracy and macro_f1; of any number of classes those of LABEL_SCORES that have a value."""

    @property
    def multilabel(self) -> bool:
        """Whether a sample may be of several classes."""
        return self.truth.ndim == 2


@dataclass(frozen=True)
class Outcome:
    """What a finished run or cross-validation leaves to compare."""

    answers: dict[tuple[str, Part], Answers]
    """(task, part) -> answers; out of fold counts as val."""
    took: Took

    @property
    def tasks(self) -> tuple[str, ...]:
        """Those it was measured in."""
        return tuple(dict.fromkeys(task for task, _ in self.answers))


def read_outcome(folder: Path) -> Outcome:
    """Read the folder of a finished run or cross-validation.

    Raises:
        InputError: A file of it is missing or damaged.
    """
    if CrossvalFolder(folder).plan.is_file():
        return _of_folds(CrossvalFolder(folder))
    run = RunFolder(folder)
    scores: dict[str, Any] = read_json(run.metrics)
    paths = {part: {task: run.predictions(part, task) for task in _tasks(run)} for part in ("val", "test")}
    policies = {ALL: _policies(run.bundle, run.read_table().layout)}
    return Outcome(_answers(policies, scores, {"test": paths["test"], "val": paths["val"]}), _took([run]))


def _of_folds(folder: CrossvalFolder) -> Outcome:
    """The averaged bundle, and all samples out of fold: where folds were nested these chose nothing, as a test part."""
    plan = folder.read_plan()
    runs = [folder.run(index) for index in range(len(plan.folds))]
    scores = {
        name.replace("out_of_fold", plan.held_out, 1): found for name, found in folder.read_summary().results.items()
    }
    tables: dict[Part, str] = {"test": "oof"} if plan.nested else {"test": "test", "val": "oof"}
    tasks = _tasks(runs[0])
    paths: dict[Part, dict[str, Path]] = {
        part: {task: folder.predictions(name, task) for task in tasks} for part, name in tables.items()
    }
    layout = runs[0].read_table().layout
    bundles = dict(zip(plan.names, (run.bundle for run in runs), strict=True)) if plan.nested else {ALL: folder.bundle}
    policies = {fold: _policies(bundle, layout) for fold, bundle in bundles.items()}
    return Outcome(_answers(policies, scores, paths), _took(runs))


def _policies(bundle: Path, layout: TaskLayout) -> dict[str, AnyPolicy]:
    return read_policies(bundle / "policy.json", layout)


def _tasks(run: RunFolder) -> tuple[str, ...]:
    return tuple(run.read_table().layout.spaces)


def _answers(
    policies: Policies, scores: dict[str, Any], paths: dict[Part, dict[str, Path]]
) -> dict[tuple[str, Part], Answers]:
    """Those of each task and part that was measured."""
    found: dict[tuple[str, Part], Answers] = {}
    for part, by_task in paths.items():
        for task, table in by_task.items():
            name = of_task(part, task)
            if name in scores and table.is_file():
                said = read_predictions(table).known()
                answers = _answered(said, {fold: own[task] for fold, own in policies.items()})
                kept = _kept(scores[name], name)
                found[task, part] = Answers(said.ids, said.truth, answers, said.labels.names, said.groups, kept)
    return found


def _kept(scores: dict[str, Any], name: str) -> dict[str, Interval]:
    results = results_from_dict(scores, name)
    wanted = LABEL_SCORES if isinstance(results, MultilabelResults) else tuple(SCORES)
    return {score: results.scores[score] for score in wanted if score in results.scores}


def _answered(said: AnyPredictions, policies: Mapping[str, AnyPolicy]) -> NDArray[np.int64] | LabelAnswers:
    """What is said of each sample by the policy of its fold: that of all nested folds was fitted on them."""
    folds = np.array(said.folds)
    rows = {fold: np.arange(len(said)) if fold == ALL else np.flatnonzero(folds == fold) for fold in policies}
    found = [_named(policy, said.logits[rows[fold]]) for fold, policy in policies.items()]
    back = np.argsort(np.concatenate(list(rows.values())))
    labels = [one for one in found if isinstance(one, LabelAnswers)]
    if labels:
        scores, named = [one.scores for one in labels], [one.named for one in labels]
        return LabelAnswers(np.concatenate(scores)[back], np.concatenate(named)[back])
    return np.concatenate([one for one in found if not isinstance(one, LabelAnswers)])[back]


def _named(policy: AnyPolicy, logits: NDArray[np.float32]) -> NDArray[np.int64] | LabelAnswers:
    """The answers alone: what is withheld for being strange is compared all the same."""
    if isinstance(policy, MultilabelPolicy):
        verdicts = policy.apply(logits)
        return LabelAnswers(verdicts.probabilities, verdicts.named)
    return policy.choose(policy.probabilities(logits)).astype(np.int64)


def _took(runs: list[RunFolder]) -> Took:
    """Time of all runs, the greatest memory of any."""
    costs, histories = [read_cost(run.cost) for run in runs], [_speeds(run.history) for run in runs]
    speeds = [speed for one in histories for speed in one]
    known = [cost for cost in costs if cost is not None]
    whole = len(known) == len(runs)
    peaks = [cost.memory_bytes for cost in known if cost.memory_bytes is not None]
    return Took(
        seconds=sum(cost.seconds for cost in known) if whole else None,
        at_least=any(cost.killed for cost in known),
        memory_bytes=max(peaks, default=None) if whole else None,
        device=known[0].device if known else None,
        parameters=known[0].parameters if known else None,
        networks=len(runs),
        epochs=sum(len(one) for one in histories) or None,
        images_per_second=len(speeds) / sum(1 / speed for speed in speeds) if speeds and min(speeds) > 0 else None,
    )


def _speeds(history: Path) -> list[float]:
    """Images a second of each epoch: all epochs have as many images, so their harmonic mean is that of them all."""
    try:
        return pl.read_csv(history, columns=["images_per_second"])["images_per_second"].cast(pl.Float64).to_list()
    except (PolarsError, OSError) as error:
        raise InputError(f"damaged: {' '.join(str(error).split())[:120]}", where=str(history)) from None
