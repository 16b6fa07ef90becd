"""Whether the classes are as frequent in the data as the bundle takes them to be, and how to correct it if not.

What it says of the samples tells by itself (Saerens et al., see `decision.prior_shift`), provided that its
probabilities are honest at known frequencies: calibrated, and trained and decided at those of its training images or at
those of `decision.priors`. Where they are not, or nothing tells, as of ensembles, nothing is said. Samples have labels
here, so what it says is held against them too: a bundle that is only too sure of a class also seems to see more of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.bundle.ensemble import AnyBundle, Ensemble
from sfumato.decision.logit_adjustment import class_priors
from sfumato.decision.policies import AnyPolicy
from sfumato.decision.policy import Policy
from sfumato.decision.prior_shift import estimate_shift, evidence_of_shift
from sfumato.document import parse_document
from sfumato.errors import InputError
from sfumato.evaluation.measuring import trained_counts
from sfumato.json_file import to_json
from sfumato.multilabel_predictions import AnyPredictions
from sfumato.predictions import UNKNOWN, Predictions
from sfumato.preparation.plan import plan_of
from sfumato.recipe.load import load_recipe
from sfumato.report.wording import percent
from sfumato.training.priors import corrections

LEVEL = 0.05
"""Below this P value there is evidence."""
LISTED = 6
"""Of more classes those that differ most are named."""
_MOST_CELLS = 2_000_000
"""Of N x C; of more samples a part is drawn by chance: each round of the estimate passes over all of them."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Moved:
    """Evidence that the classes of a task are not as frequent as the bundle takes them to be; each (C,) sums to 1."""

    task: str
    names: tuple[str, ...]
    p: float
    """Chance of seeing as much, had no frequency moved."""
    taken: Floats
    """What its probabilities are for."""
    predicted: Floats
    """What it says of the samples, without their labels."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        rows = zip(self.names, self.taken.tolist(), self.predicted.tolist(), strict=True)
        return {"p": self.p, "classes": {name: {"made_for": old, "predicted": new} for name, old, new in rows}}


def moved_frequencies(
    said: Mapping[str, AnyPredictions], policies: Mapping[str, AnyPolicy], bundle: AnyBundle
) -> dict[str, Moved]:
    """Task -> evidence, of tasks with one class a sample where there is any."""
    counts = {task: trained_counts(bundle, task, table.labels) for task, table in said.items()}
    images = max((int(of.sum()) for of in counts.values() if of is not None), default=0)
    if any(_corrected(text, images) for text in _trained_by(bundle)):
        return {}
    found: dict[str, Moved] = {}
    for task, table in said.items():
        policy = policies[task]
        if isinstance(table, Predictions) and isinstance(policy, Policy):
            one = evidence(table, policy, counts[task], task)
            found |= {} if one is None else {task: one}
    return found


def evidence(said: Predictions, policy: Policy, trained: Integers | None, task: str = "") -> Moved | None:
    """That of one task; None where there is none, or nothing can tell.

    Args:
        said: Of all samples, labelled or not. Of a group the first one tells.
        policy: Decides on them.
        trained: (C,) training images of each class; None = not known.
        task: Its name, of several.
    """
    adjusted = policy.adjustment is not None and policy.adjustment.tau > 0
    if not policy.calibrator.fitted or adjusted or (trained is None and policy.shift is None):
        return None
    taken = np.array(policy.shift.new) if policy.shift else class_priors(np.asarray(trained))
    rows = _drawn(len(said), len(taken))
    alone = rows if said.groups is None else rows[np.unique(said.groups[rows], return_index=True)[1]]
    probabilities = policy.probabilities(said.logits[alone])
    shift = estimate_shift(probabilities, taken)
    p = evidence_of_shift(probabilities, shift)
    if p >= LEVEL or not _labels_agree(said.truth[alone], np.array(shift.old), np.array(shift.new)):
        return None
    whole = shift if len(alone) == len(rows) else estimate_shift(policy.probabilities(said.logits[rows]), taken)
    return Moved(task, said.labels.names, p, np.array(whole.old), np.array(whole.new))


def sentences(moved: Mapping[str, Moved]) -> list[str]:
    """What to know of the figures, and what to do, a task each."""
    return [f"{one.task + ': ' if one.task else ''}{_sentence(one)}; {_mend(one)}" for one in moved.values()]


def _drawn(samples: int, classes: int) -> Integers:
    most = max(1, _MOST_CELLS // classes)
    if samples <= most:
        return np.arange(samples)
    return np.sort(np.random.default_rng(0).permutation(samples)[:most])


def _labels_agree(truth: Integers, old: Floats, new: Floats) -> bool:
    """Whether the labels there are, if any, are likelier at the new frequencies than at the old ones."""
    counts = np.bincount(truth[truth != UNKNOWN], minlength=len(old))
    smoothed = (len(truth) * new + 0.5) / (len(truth) + 0.5 * len(new))  # a single label does not rule all of it out
    return not counts.any() or bool((counts * np.log(smoothed / old)).sum() > 0)


def _sentence(moved: Moved) -> str:
    order = np.argsort(-np.abs(moved.predicted - moved.taken), kind="stable").tolist()
    places = order[:LISTED] if len(order) > LISTED else range(len(order))
    each = [f"{moved.names[i]} {percent(moved.predicted[i])} (made for {percent(moved.taken[i])})" for i in places]
    more = ", and others" if len(order) > LISTED else ""
    return (
        "the classes are not as frequent here as the bundle takes them to be: by what it says of these images "
        f"{', '.join(each)}{more}; p = {moved.p:.2g}, so its probabilities are off"
    )


def _mend(moved: Moved) -> str:
    """How to correct it, where there is a way."""
    if moved.task:
        return "decision.priors corrects a bundle of one task"
    if len(moved.names) > LISTED:
        return "`sfumato decide RUN --set decision.priors={...}` corrects it, with `predicted` in metrics.json"
    priors = {name: float(f"{max(share, 1e-4):.3g}") for name, share in zip(moved.names, moved.predicted, strict=True)}
    return f"`sfumato decide RUN --set 'decision.priors={to_json(priors, None)}'` corrects it"


def _trained_by(bundle: AnyBundle) -> list[str]:
    """The recipes that a bundle was trained by."""
    if isinstance(bundle, Ensemble):
        return [text for one in bundle.members for text in _trained_by(one)]
    return [bundle.recipe]


def _corrected(text: str, images: int) -> bool:
    """Whether a training on so many images corrected the frequencies of their classes at any time, as far as is known.

    Where it can't be known, it counts as corrected.
    """
    try:
        recipe = load_recipe(parse_document(text, "recipe.yaml", Path()).settings).recipe
        plan, _ = plan_of(recipe, max(1, images))
    except InputError:
        return True
    steps = {plan.clock.first_step(epoch) for epoch in range(plan.clock.epochs)} | {plan.steps - 1}
    return any(corrections(plan.at(step)) for step in steps)
