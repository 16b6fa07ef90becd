"""What a recipe says of the classes, mostly by their names, against those there are."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from sfumato.decision.conformal.scores import Raps
from sfumato.decision.costs import CostMatrix
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.logit_adjustment import class_priors
from sfumato.decision.prior_shift import PriorShift
from sfumato.decision.threshold_checks import check_thresholds
from sfumato.errors import InputError, nearest_name
from sfumato.tasks import TaskLayout


def check_against_classes(spec: DecisionSpec, layout: TaskLayout) -> None:
    """Refuse, before anything is trained, what the classes that there are give no sense.

    Raises:
        InputError: Costs or priors of other classes, or with several tasks, of which a name does not say whose class it
            is; a penalty on more labels than there are; thresholds that say nothing of so many.
    """
    if layout.multilabel:
        _refuse_one_class(spec)
    elif spec.misses is not None:
        what = "counts the classes of an image that are missed, and here it is of one"
        raise InputError(what, setting="decision.misses", mend="set decision.sets, which promises to hold it")
    for setting in ("priors", "costs"):
        if getattr(spec, setting) is not None and layout.several:
            what = f"names classes of one task, and there are {', '.join(layout.spaces)}"
            raise InputError(what, setting=f"decision.{setting}", mend="leave it out")
    if spec.sets is not None and isinstance(spec.sets.score, Raps):
        _refuse_idle_penalty(spec.sets.score, max(map(len, layout.spaces.values())))
    if spec.costs is not None:
        cost_matrix(spec.costs, layout.labels.names)
    if spec.priors is not None:
        names = layout.labels.names
        prior_shift(spec.priors, names, np.ones(len(names), dtype=np.int64))
    if spec.thresholds is not None:
        check_thresholds(spec.thresholds, spec, layout)


def _refuse_one_class(spec: DecisionSpec) -> None:
    """Refuse what decides among classes that exclude each other."""
    for name in ("abstain", "logit_adjustment", "priors", "costs", "sets"):
        if getattr(spec, name) is not None:
            mend = "set decision.misses" if name == "sets" else "leave it out"
            what = "decides among classes that exclude each other, and here an image may be of several"
            raise InputError(what, setting=f"decision.{name}", mend=mend)
    if spec.calibration == "vector_scaling":
        what = "calibrates classes that exclude each other, and here an image may be of several"
        raise InputError(what, setting="decision.calibration", expected="platt, beta, isotonic or class_temperature")
    if spec.familiar is not None:
        what = "withholds answers, and where an image may be of several classes none is ever withheld"
        raise InputError(what, setting="decision.familiar", mend="leave it out")


def refuse_single_samples(spec: DecisionSpec, counts: Mapping[str, NDArray[np.int64]]) -> None:
    """Refuse to measure how far classes spread where none has two training samples; `counts`: task -> (C,) of them."""
    alone = next((task for task, each in counts.items() if each.max() < 2), None)
    if spec.measure == "mahalanobis" and alone is not None:
        setting = "decision.familiar.by" if spec.familiar else "decision.abstain.by"
        what = "no class has two training images, so nothing shows how far they spread"
        raise InputError(what, setting=setting, expected="knn")


def _refuse_idle_penalty(score: Raps, classes: int) -> None:
    if score.penalty == 0 or score.free >= classes:
        why = "penalty is 0" if score.penalty == 0 else f"{score.free} labels are free, and there are {classes}"
        what = f"has no effect: {why}, which makes it aps"
        raise InputError(
            what, setting="decision.sets.score", mend="lower free, raise penalty, or write score: {kind: aps}"
        )


def corrected_later(spec: DecisionSpec) -> str | None:
    """The setting by which decisions correct the prior after training; None = they do not."""
    found = (f"decision.{name}" for name in ("logit_adjustment", "priors") if getattr(spec, name) is not None)
    return next(found, None)


def cost_matrix(costs: Mapping[str, Mapping[str, float]], names: tuple[str, ...]) -> CostMatrix:
    """What each answer costs, of C class names: 1 where nothing is said, 0 where it is right.

    Raises:
        InputError: A name of no class, or a cost of the right answer.
    """
    _check(costs, names, "decision.costs")
    for true, row in costs.items():
        _check(row, names, f"decision.costs.{true}")
        if true in row:
            raise InputError(
                "the right answer costs nothing", setting=f"decision.costs.{true}.{true}", mend="leave it out"
            )
    rows = ([0.0 if true == name else float(costs.get(true, {}).get(name, 1.0)) for name in names] for true in names)
    return CostMatrix(tuple(map(tuple, rows)))


def prior_shift(priors: Mapping[str, float], names: tuple[str, ...], train_counts: NDArray[np.int64]) -> PriorShift:
    """From the frequencies in training, (C,) images of each class, to those that a recipe gives.

    Raises:
        InputError: A name of no class, or a class that is not named.
    """
    _check(priors, names, "decision.priors")
    missing = [name for name in names if name not in priors]
    if missing:
        raise InputError(f"says nothing of {missing[0]!r}", setting="decision.priors", expected="every class")
    return PriorShift(tuple(class_priors(train_counts).tolist()), tuple(float(priors[name]) for name in names))


def _check(said: Iterable[str], names: tuple[str, ...], setting: str) -> None:
    for name in said:
        if name not in names:
            raise InputError(f"no class {name!r}", setting=setting, nearest=nearest_name(name, names))
