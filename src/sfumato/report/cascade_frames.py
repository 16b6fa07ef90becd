"""What there is to say of a cascade on a page: where samples end, what each stage reaches and costs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sfumato.metrics.blame import ENDS, TO_BLAME
from sfumato.metrics.cascade_results import CascadeResults, FlatComparison
from sfumato.metrics.intervals import Interval
from sfumato.metrics.multilabel_results import AnyResults
from sfumato.report.wording import many, percent

STAGES = {"gate": "Gate", "elements": "Elements", "products": "Products"}
_SCORES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "gate": (("auc", "AUC"), ("eer", "EER"), ("accuracy", "accuracy")),
    "elements": (("map", "mAP"), ("micro_f1", "micro-F1"), ("macro_f1", "macro-F1"), ("accuracy", "all of them right")),
    "products": (("accuracy", "top-1"), ("top_3", "top-3"), ("top_5", "top-5"), ("macro_f1", "macro-F1")),
}


@dataclass(frozen=True)
class FlowFrame:
    """How many samples go where; the picture is drawn from it."""

    samples: int
    gated: bool
    """Whether there is a gate."""
    counts: Mapping[str, int]
    """End -> samples, those of none left out."""

    @property
    def passed(self) -> int:
        """Samples that go on."""
        return self.samples - self.counts.get("stopped", 0) - self.counts.get("missed", 0)


@dataclass(frozen=True)
class EndRow:
    """One kind of end."""

    words: str
    stage: str | None
    """The first that went wrong; None = it is right."""
    count: int
    share: Interval


@dataclass(frozen=True)
class StageRow:
    """One figure of a stage."""

    stage: str
    samples: int
    name: str
    score: Interval


@dataclass(frozen=True)
class CostRow:
    """What a stage costs."""

    stage: str
    looked: int
    milliseconds: float
    """A sample."""
    seconds: float
    """Of all that it looks at."""


def flow(found: CascadeResults) -> FlowFrame:
    """Where samples end."""
    counts = {name: one.count for name, one in found.ends.items() if one.count}
    return FlowFrame(found.samples, "gate" in found.stages, counts)


def end_rows(found: CascadeResults) -> list[EndRow]:
    """Right ends first, then the others, the most frequent first."""
    rows = [
        EndRow(ENDS[name], STAGES.get(TO_BLAME.get(name, "")), one.count, one.share)
        for name, one in found.ends.items()
        if one.count
    ]
    return sorted(rows, key=lambda row: (row.stage is not None, -row.count))


def stage_rows(found: CascadeResults) -> list[StageRow]:
    """The figures of every stage by itself."""
    return [row for role, results in found.stages.items() for row in _rows(role, results)]


def gate_words(found: CascadeResults) -> str | None:
    """Precision, recall and F1 of what the gate lets through; None = there is no gate."""
    if "gate" not in found.stages:
        return None
    row = found.stages["gate"].classes[1]
    return (
        f"Of {row.name}: precision {percent(row.precision)}, recall {percent(row.recall)}, F1 {percent(row.f1)}, at "
        "the threshold of the cascade."
    )


def cost_rows(found: CascadeResults) -> list[CostRow]:
    """Decoding and every stage."""
    names = {"decoding": "Decoding", **STAGES}
    return [CostRow(names[role], one.looked, 1000 * one.seconds_each, one.seconds) for role, one in found.spent.items()]


def verdict(found: CascadeResults, *, chose: bool) -> list[str]:
    """What came out, in plain sentences.

    Args:
        found: The figures.
        chose: Whether these samples chose the thresholds.
    """
    accuracy = found.whole.scores["accuracy"]
    where = (
        f"On the {many(found.samples, 'sample')} that chose its thresholds, so optimistically,"
        if chose
        else (f"On {many(found.samples, 'labelled sample')}")
    )
    reach = (
        f"{where} the cascade ends right in {percent(accuracy.value)} of cases "
        f"(95 % interval {percent(accuracy.low)} to {percent(accuracy.high)})."
    )
    return [reach, *_blame(found)]


def against_flat(flat: FlatComparison) -> str:
    """How far it is from one flat classifier, in a sentence."""
    gain, only = flat.accuracy, flat.mcnemar
    told = "more than chance" if gain.low > 0 or gain.high < 0 else "not more than chance could"
    return (
        f"One flat classifier reaches {percent(flat.results.scores['accuracy'].value)}: the cascade is "
        f"{100 * gain.value:+.1f} points from it (95 % interval {100 * gain.low:+.1f} to {100 * gain.high:+.1f}, on "
        f"the same samples), {told}; {only.only_a} are right with the cascade alone, {only.only_b} with the flat "
        "classifier alone."
    )


def _blame(found: CascadeResults) -> Iterator[str]:
    wrong: dict[str, int] = {}
    for name, stage in TO_BLAME.items():
        wrong[stage] = wrong.get(stage, 0) + (found.ends[name].count if name in found.ends else 0)
    total = sum(wrong.values())
    if not total:
        yield "No sample ends wrong."
        return
    shares = ", ".join(f"{STAGES[stage].lower()} {count}" for stage, count in wrong.items() if count)
    do = "does" if total == 1 else "do"
    yield f"{many(total, 'sample')} {do} not end right; the first stage that went wrong with them: {shares}."


def _rows(role: str, results: AnyResults) -> Iterator[StageRow]:
    for key, name in _SCORES[role]:
        if key in results.scores:
            yield StageRow(STAGES[role], results.samples, name, results.scores[key])
