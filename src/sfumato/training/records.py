"""What the loop tells its listeners: immutable records, from which nothing can reach back into training."""

from dataclasses import dataclass
from typing import Protocol

from sfumato.training.plan import Plan


@dataclass(frozen=True)
class Started:
    """Training is about to begin, or to go on."""

    plan: Plan
    step: int
    """Steps already done; 0 for a new run."""
    history: tuple["EpochDone", ...]
    """Epochs already done."""


@dataclass(frozen=True)
class StepDone:
    """One optimiser step was taken."""

    step: int
    epoch: int
    images: int
    """Images the step saw."""
    lr: float


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
    """Mean over its images, in nats, mixing and smoothing included."""
    train_accuracy: float
    """Mean target probability of the predicted class: of a mixed image, the share that was named."""
    val_loss: float | None
    """Mean over the validation images, in nats; None = there are none."""
    val_accuracy: float | None
    val_balanced_accuracy: float | None
    val_macro_f1: float | None
    ema_loss: float | None
    """The same for the averaged weights; None = there is no average."""
    ema_accuracy: float | None
    ema_balanced_accuracy: float | None
    ema_macro_f1: float | None
    best: str | None
    """Which of its weights are the best so far, `raw` or `ema`; None = neither."""
    images_per_second: float
    """Training only, validation not counted."""
    seconds: float
    """Since the epoch began, or was gone on with; validation included, checkpoints left out."""


@dataclass(frozen=True)
class Noted:
    """Something worth a line: a choice with its reason, a warning."""

    text: str
    warning: bool = False


Record = Started | StepDone | EpochDone | Noted


class Listener(Protocol):
    """Anything that wants to know how training goes."""

    def __call__(self, record: Record) -> None:
        """Take note of one record."""
        ...

    def close(self) -> None:
        """Training has ended, well or not."""
        ...
