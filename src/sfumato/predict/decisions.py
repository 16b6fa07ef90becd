"""What a bundle says of an input: its class with how sure it is, or what is wrong with the image."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What a bundle says of one input in one task."""

    label: str | None
    """Name of the class; None where the answer is not sure enough, or may have several."""
    confidence: float | None
    """Probability of the answer, 0 to 1: of the likeliest class, that of least expected cost, or that which thresholds
    choose; None where there may be several."""
    probabilities: dict[str, float]
    """Class name -> probability, likeliest first."""
    calibrated: bool
    """Whether the probabilities were calibrated on validation samples."""
    abstained: bool
    """Whether the answer was withheld because it is not sure enough, or the picture too strange."""
    set: tuple[str, ...] | None = None
    """Classes of which one is the truth as often as the bundle promises, likeliest first; None = it names no sets.
    Where an image may be of several, those that hold all but the promised share of them."""
    labels: tuple[str, ...] | None = None
    """Where an image may be of several classes, those that reach their thresholds, likeliest first; None = it is of
    one."""
    familiarity: float | None = None
    """How near the picture is to those trained on, at most 0, by the bundle's measure; None = it has none."""
    borrowed: tuple[str, ...] | None = None
    """Classes that were not trained on, whose probability and threshold are those of classes like them; None = none."""


@dataclass(frozen=True)
class Step:
    """What one stage of a cascade says of an input that it looked at."""

    stage: str
    """`gate`, `elements` or `products`."""
    label: str | None
    """Name of the class; None where there may be several, or the answer was withheld."""
    labels: tuple[str, ...] | None
    """Of elements those that are named, likeliest first; None = the stage names one class."""
    confidence: float | None
    """Probability of the answer, 0 to 1; None where there may be several."""
    probabilities: dict[str, float]
    """Class name -> probability, likeliest first."""


@dataclass(frozen=True)
class Decision:
    """What a bundle says of one input. Of several tasks `answers` says it, and the fields for one class are empty."""

    input: str
    """Path of the input, or its kind and place in the list."""
    label: str | None
    """Name of the class; None where the image is bad or the answer is not sure enough."""
    confidence: float | None
    """Probability of the answer, 0 to 1; None where the image is bad."""
    probabilities: dict[str, float]
    """Class name -> probability, likeliest first; empty where the image is bad."""
    calibrated: bool
    """Whether the probabilities were calibrated on validation samples; of several tasks, all of them."""
    abstained: bool
    """Whether the answer was withheld because it is not sure enough, or the picture too strange; of several tasks,
    whether any was."""
    error: str | None
    """What is wrong with the image; None = nothing."""
    answers: dict[str, Answer] | None = None
    """Task -> its answer, where the bundle has several tasks, empty where the image is bad; None = it has one task."""

    set: tuple[str, ...] | None = None
    """Classes of which one is the truth as often as the bundle promises, likeliest first; None where it names no sets
    or the image is bad."""
    without: str | None = None
    """What the answer had to do without, of image and text, where the bundle reads texts; None = nothing."""
    labels: tuple[str, ...] | None = None
    """Where an image may be of several classes, those it is said to be of, likeliest first; None where it is of one, or
    bad. `label` and `confidence` are then None."""
    familiarity: float | None = None
    """How near the picture is to those trained on, at most 0, by the bundle's measure; None where it has none or the
    image is bad."""
    borrowed: tuple[str, ...] | None = None
    """Classes that were not trained on, whose probability and threshold are those of classes like them; None = none."""

    stage: str | None = None
    """Of a cascade the stage that decided, `gate` or `products`; None where the image is bad, or it is no cascade."""
    path: tuple[Step, ...] | None = None
    """Of a cascade what each stage said that looked at it, in their order; None = as above."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form: the fields that say something for the bundle's number of tasks."""
        document = asdict(self)
        if self.answers is not None:
            document["answers"] = {task: _said(answer) for task, answer in document["answers"].items()}
            names = ("input", "answers", "error", *(["without"] if self.without else []))
            return {name: document[name] for name in names}
        return _said({name: value for name, value in document.items() if name != "answers"})


def _said(document: dict[str, Any]) -> dict[str, Any]:
    """The same without what there is none of; with `labels`, or with what there is of an only label."""
    maybe = ("set", "labels", "familiarity", "without", "borrowed", "stage", "path")
    empty = {name for name in maybe if document.get(name) is None}
    if document.get("path"):
        document = {**document, "path": [_said_by_stage(step) for step in document["path"]]}
    single: set[str] = set() if document["labels"] is None else {"label", "confidence", "abstained"}
    return {name: value for name, value in document.items() if name not in empty | single}


def _said_by_stage(step: dict[str, Any]) -> dict[str, Any]:
    """Without what there is none of: `labels`, or an only label with its confidence."""
    empty = {"labels"} if step["labels"] is None else {"label", "confidence"}
    return {name: value for name, value in step.items() if name not in empty}
