"""The frame of a comparison: a row a contestant, how sure the ranking is, and the sentences that belong to it."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sfumato.metrics.intervals import Interval
from sfumato.metrics.label_scores import AnyScoreName
from sfumato.metrics.paired_ranking import Against

Part = Literal["test", "val"]
"""`val` also stands for predictions out of fold: what they are measured on chose the weights."""


@dataclass(frozen=True)
class Took:
    """What a training took; None = not known."""

    seconds: float | None = None
    at_least: bool = False
    """Whether `seconds` is short by what a killed process could not write."""
    memory_bytes: int | None = None
    device: str | None = None
    """`cuda`: memory of the GPU; else of the training process."""
    parameters: int | None = None
    networks: int = 1
    """Of a cross-validation one a fold; the parameters are those of one, time and images those of all."""
    epochs: int | None = None
    images_per_second: float | None = None
    """Of training; validation is not in it."""


@dataclass(frozen=True)
class Standing:
    """One contestant."""

    name: str
    rank: int | None = None
    """From 1; None = it is not ranked, and `problem` says why."""
    problem: str | None = None
    scores: dict[str, Interval] = field(default_factory=dict[str, Interval])
    """accuracy, balanced_accuracy and macro_f1 on the part that ranks; where an image may be of several classes map,
    macro_f1, micro_f1 and accuracy, as far as they have a value."""
    selection: dict[str, float] = field(default_factory=dict[str, float])
    """The same on the val part, which chose the weights: optimistic."""
    against: Against | None = None
    """None = it is the first, or not ranked."""
    took: Took = Took()


@dataclass(frozen=True)
class Standings:
    """All contestants in one task: the ranked from the best down, then the others."""

    task: str
    """Empty for an only one."""
    by: AnyScoreName
    part: Part
    samples: int
    """N labelled samples that all ranked ones answered."""
    groups: int | None
    """Groups of samples that were resampled whole; None = each sample is on its own."""
    rows: tuple[Standing, ...]
    multilabel: bool = False
    """Whether an image may be of several classes."""

    @property
    def names(self) -> dict[str, str]:
        """Every score by the name that people read, the main one first."""
        return _LABEL_SCORES if self.multilabel else _SCORES

    @property
    def main(self) -> tuple[str, str]:
        """The two scores that tables and pictures show."""
        first, *_ = self.names
        return first, "macro_f1"

    @property
    def ranked(self) -> tuple[Standing, ...]:
        """Those that have a rank."""
        return tuple(row for row in self.rows if row.rank is not None)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {**asdict(self), "sentences": sentences(self)}


_SCORES = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro-F1"}
_LABEL_SCORES = {"map": "mAP", "macro_f1": "macro-F1", "micro_f1": "micro-F1", "accuracy": "exact match"}


def sentences(found: Standings) -> list[str]:
    """What may be read from the table, and what not."""
    ranked = found.ranked
    if not ranked:
        return ["Nothing was measured, so there is no ranking."]
    said = _told_apart(found) if len(ranked) > 1 else []
    return [*said, *_reservations(found)]


def _told_apart(found: Standings) -> list[str]:
    first, *others = found.ranked
    apart = [row.name for row in others if row.against and row.against.told_apart]
    close = [row.name for row in others if row.against and not row.against.told_apart]
    lines: list[str] = []
    if apart:
        lines.append(
            f"{first.name} is better than {_listed(apart)}: chance in the choice of samples is no explanation."
        )
    if close:
        lines.append(f"{first.name} can't be told from {_listed(close)}: other samples might rank them otherwise.")
    return lines


def _reservations(found: Standings) -> list[str]:
    lines: list[str] = []
    if found.part == "val":
        lines.append(
            "Not all have a test part, so they are ranked where their weights were chosen: no figure is a result."
        )
    elif len(found.ranked) > 1:
        lines.append(
            "The first was picked by these very test samples, so its figures are optimistic: report those of samples"
            " that picked nothing."
        )
    if len(found.ranked) > 1:
        lines.append(_how_told(found))
        lines.append(
            "The intervals say what other samples would do, not what another seed would: --grid train.seed=0,1,2"
            " shows that."
        )
    return lines


def _how_told(found: Standings) -> str:
    if found.by == "accuracy" and found.groups is None:
        return "Told apart by McNemar's exact test, Holm-corrected over all pairs, at 5 %."
    knows = f"McNemar's test knows {found.names['accuracy']} alone"
    why = "samples that belong together were resampled whole" if found.groups else knows
    return (
        f"Told apart where the paired 95 % interval does not hold 0 ({why}); these are not corrected for their number."
    )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
