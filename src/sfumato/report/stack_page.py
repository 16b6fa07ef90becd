"""The page of a stack: one self-contained HTML file of what its experts are worth, alone and together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sfumato.metrics.ablation import Ablation
from sfumato.metrics.results import Results
from sfumato.report.folds_page import measured_part
from sfumato.report.templates import templates
from sfumato.report.wording import many, percent


@dataclass(frozen=True)
class ExpertLine:
    """A row of the table of experts."""

    name: str
    title: str
    """What its network is called."""
    link: str
    """Its page, relative to this one."""
    weight: str
    told: Sequence[str]
    """What was said of its texts: how many are cut off, whether they name their class."""


def write_stack_report(
    path: Path, name: str, ablation: Ablation, experts: Sequence[ExpertLine], results: Mapping[str, Results]
) -> None:
    """Write report.html.

    Args:
        path: Of the page.
        name: Of the stack.
        ablation: What each part of what there is to look at is worth.
        experts: A row each.
        results: Part -> what was measured of the stack: `selection`, and `test` where there is one.
    """
    page = (
        templates()
        .get_template("stack.html.j2")
        .render(
            name=name,
            ablation=ablation,
            experts=experts,
            sentences=sentences(ablation),
            warnings=sorted({line for one in experts for line in one.told}),
            measurements=[measured_part(part, found) for part, found in results.items()],
        )
    )
    path.write_text(page, encoding="utf-8")


def sentences(found: Ablation) -> list[str]:
    """What came out, in words."""
    best = max(found.parts, key=lambda row: row.accuracy.value)
    share = f"{percent(found.accuracy.value)} of {many(found.samples, 'sample')}"
    low, high = percent(found.accuracy.low), percent(found.accuracy.high)
    gain = f"{100 * best.lost.value:+.1f} points ({100 * best.lost.low:+.1f} to {100 * best.lost.high:+.1f})"
    beyond = "more than" if best.lost.low > 0 else "not told apart from" if best.lost.high >= 0 else "less than"
    return [
        f"Together the experts name the right class of {share} (95 % interval {low} to {high}).",
        f"That is {beyond} the best of them alone, {best.name}, with {percent(best.accuracy.value)}: {gain}.",
    ]
