"""What looks back: a rate that falls on a plateau, and early stopping. Their state is all that no plan can foretell."""

import math
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from sfumato.metrics.label_scores import AnyScoreName
from sfumato.spec import Spec
from sfumato.training.duration import ZERO, DurationField
from sfumato.training.plan import Plan
from sfumato.training.schedules import PlateauSpec, Schedules

Monitor = AnyScoreName | Literal["loss"]


class StopSpec(Spec):
    """Ends training when validation has stopped getting better; the best weights are kept in any case."""

    patience: Annotated[int, Field(ge=1)] = 5
    """Epochs without a better score that are waited for."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    """Least change that counts as better, in the unit of what is monitored: 0.01 = one percent point of a score."""
    monitor: Monitor | None = None
    """What must get better on validation: a score, or the loss; none = what `train.select` chooses by."""
    after: DurationField = ZERO
    """Nothing is counted before this moment, so that a keyframe that is to come is not stopped short."""


def counts_epoch(stop: StopSpec, plan: Plan, epoch: int) -> bool:
    """Whether early stopping looks at the end of an epoch, counted from 0."""
    return epoch + 1 > plan.clock.moment(stop.after, 0.0)


def stopped_short(stop: StopSpec, plan: Plan) -> str | None:
    """A sentence where training could end before its last keyframe; None where every keyframe is sure to come."""
    last, epochs = max(plan.keyframes, default=0.0), plan.clock.epochs
    counted = next((epoch for epoch in range(epochs) if counts_epoch(stop, plan, epoch)), epochs)
    ends = counted + 1 + stop.patience  # the first that counts is the best so far
    if ends > last:
        return None
    return (
        f"train.stop: training may end after epoch {ends}, before the last keyframe, at {last:.6g}ep; "
        f"train.stop.after: {last:.6g}ep waits for it"
    )


@dataclass
class Waiting:
    """How long something has not got better."""

    best: float | None = None
    """The best value so far, negated where less is better."""
    epochs: Annotated[int, Field(ge=0)] = 0
    """Epochs since."""

    def better(self, value: float, min_delta: float) -> bool:
        """Note an epoch's value, of which more is better; whether it beats the best by more than `min_delta`."""
        if self.best is None or value > self.best + min_delta:
            self.best, self.epochs = value, 0
            return True
        self.epochs += 1
        return False


@dataclass
class Feedback:
    """State of both, kept in the checkpoint."""

    lr_factor: float = 1.0
    """What the schedule's rate is multiplied by."""
    plateau: Waiting = field(default_factory=Waiting)
    stop: Waiting = field(default_factory=Waiting)
    stopped: bool = False
    """Whether training has ended early."""


def take_note(
    state: Feedback, scores: dict[str, float], schedule: Schedules, stop: StopSpec | None, select: str, counts: bool
) -> str | None:
    """Let an epoch's validation of the raw weights move the state; a sentence where something changes.

    As torch's ReduceLROnPlateau with an absolute threshold: after `patience` epochs that were no better, the next one
    that is not lowers the rate, and the count begins anew.

    Args:
        state: Changed in place.
        scores: Of the validation part, with `loss`.
        schedule: Of the recipe.
        stop: Of the recipe.
        select: Score the best weights are chosen by.
        counts: Whether early stopping counts this epoch.
    """
    said = None
    if isinstance(schedule, PlateauSpec):
        waiting = state.plateau
        waiting.better(_more_is_better(scores, schedule.monitor), schedule.min_delta)
        if waiting.epochs > schedule.patience:
            waiting.epochs = 0
            state.lr_factor *= schedule.factor
            said = (
                f"{schedule.monitor} no better for {schedule.patience + 1} epochs: learning rate x {schedule.factor:g}"
            )
    if stop is not None and counts:
        monitor = stop.monitor or select
        state.stop.better(_more_is_better(scores, monitor), stop.min_delta)
        if state.stop.epochs >= stop.patience:
            state.stopped = True
            said = f"{monitor} no better for {stop.patience} epochs: training ends here"
    return said


def _more_is_better(scores: dict[str, float], monitor: str) -> float:
    value = scores[monitor]
    value = -value if monitor == "loss" else value
    return -math.inf if math.isnan(value) else value
