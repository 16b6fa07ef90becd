"""What the loop tells its listeners: immutable records, from which nothing can reach back into training."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, Protocol

from sfumato.metrics.classification import SCORES
from sfumato.metrics.label_scores import LABEL_SCORES
from sfumato.metrics.longtail import LONG_TAIL
from sfumato.metrics.results import ClassRow

if TYPE_CHECKING:  # a plan knows torch, which what only shows records need not wait for
    from sfumato.training.plan import Plan


@dataclass(frozen=True)
class Started:
    """Training is about to begin, or to go on."""

    plan: "Plan"
    step: int
    """Steps already done; 0 for a new run."""
    history: tuple["EpochDone", ...]
    """Epochs already done."""
    multilabel: bool = False
    """Whether an image may be of several classes."""


@dataclass(frozen=True)
class StepDone:
    """One optimiser step was taken."""

    step: int
    epoch: int
    images: int
    """Images the step saw."""
    lr: float


MEASURED = ("loss", *SCORES, *LONG_TAIL)
"""What is measured of weights at the end of an epoch: the mean loss in nats, and scores."""
RANKS_OF_LABELS = ("map_11_point", "coverage_error")
"""Of several classes a sample: mAP as VOC 2007 measures it, and how far down the classes of a sample reach."""
MEASURED_OF_LABELS = ("loss", *LABEL_SCORES, *RANKS_OF_LABELS, *LONG_TAIL)
"""The same where an image may have several classes: each is named at a probability of one half, and the loss is the
mean over images and classes."""

Scores = dict[str, float | None]
"""Name -> value; None where no class it speaks of has a sample."""


def standing(scores: Scores, select: str) -> tuple[float, float]:
    """(score, -loss): of two sets of weights that with the greater one is better."""
    return scores[select] or 0.0, -(scores["loss"] or 0.0)


Weights = Literal["raw", "ema", "swa"]
"""Which weights of a moment: the model's own, their moving average, or the mean of the ends of epochs."""

Averaged = Literal["soup", "interpolation"]
"""Which weights can be made after the last step: of several epochs, or between the start and the best."""

PREFIXES: dict[Weights, str] = {"raw": "val", "ema": "ema", "swa": "swa"}
"""What the columns of each begin with in history.csv."""


@dataclass(frozen=True)
class EpochDone:
    """One epoch was trained and validated; a row of history.csv."""

    epoch: int
    """From 0."""
    step: int
    """Steps done by its end."""
    lr: float
    """Of its last step."""
    image_size: int
    """Of its last step, pixels."""
    learning: int
    """Numbers in the parameters that learned in its last step."""
    train_loss: float
    """Mean over its images, in nats, mixing, smoothing and weights included."""
    train_accuracy: float
    """Mean target probability of the predicted class: of a mixed image, the share that was named."""
    validation: dict[Weights, Scores]
    """What was measured of each of the weights there were: the names of MEASURED, or of MEASURED_OF_LABELS, and of
    several tasks those of each; empty without a validation part."""
    best: Weights | None
    """Which of its weights are the best so far; None = none of them."""
    images_per_second: float
    """Training only, validation not counted."""
    seconds: float
    """Since the epoch began, or was gone on with; validation included, checkpoints left out."""

    @property
    def shown(self) -> Weights:
        """The weights whose scores stand for the epoch: an average where there is one."""
        averages: tuple[Weights, ...] = ("swa", "ema")
        found: list[Weights] = [which for which in averages if which in self.validation]
        return found[0] if found else "raw"

    def cells(self) -> dict[str, int | float | str | None]:
        """Every figure by the name of its column in history.csv, the same columns for every epoch of a training."""
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "validation"}
        head, tail = own, {name: own.pop(name) for name in ("best", "images_per_second", "seconds")}
        names = self.validation.get("raw", MEASURED)
        scores = {
            f"{prefix}_{name}": self.validation.get(which, {}).get(name)
            for which, prefix in PREFIXES.items()
            for name in names
        }
        return {**head, **scores, **tail}


ClassFigures = dict[str, tuple[ClassRow, ...]]
"""Task -> its classes, in the order of their numbers; empty where no sample has an answer. An only task has no name."""


@dataclass(frozen=True)
class ClassesDone:
    """What was measured of each class at the end of an epoch; rows of class_history.csv.

    No checkpoint keeps it, for it grows with classes times epochs.
    """

    epoch: int
    """From 0."""
    validation: dict[Weights, ClassFigures]
    """Of each of the weights there were."""


@dataclass(frozen=True)
class AverageScored:
    """What one set of weights reaches on validation: the best epoch of a kind, or what was made after the last step.

    A row of averages.csv. It is a score of selection: these samples chose.
    """

    weights: Weights | Averaged
    epochs: tuple[int, ...]
    """From 0: those whose weights went in, best first."""
    alpha: float | None
    """Of an interpolation: the share of the best weights; None = it is none."""
    scores: Scores
    """As in EpochDone."""
    kept: bool
    """Whether these are the run's weights."""


@dataclass(frozen=True)
class AveragesDone:
    """Training has ended, and these sets of weights there were to choose from, the kept one among them."""

    rows: tuple[AverageScored, ...]


@dataclass(frozen=True)
class Noted:
    """Something worth a line: a choice with its reason, a warning."""

    text: str
    warning: bool = False


Record = Started | StepDone | EpochDone | ClassesDone | AveragesDone | Noted


class Listener(Protocol):
    """Anything that wants to know how training goes."""

    def __call__(self, record: Record) -> None:
        """Take note of one record."""
        ...

    def close(self) -> None:
        """Training has ended, well or not."""
        ...
