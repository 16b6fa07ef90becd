"""What is known of an ensemble: how it was fitted, what it scores, and how far above its best member."""

from dataclasses import asdict, dataclass
from typing import Any, cast

from rich.cells import cell_len

from sfumato.decision.fusion.fusion import Fusion
from sfumato.ensembles.layer_gain import LayerGain
from sfumato.metrics.intervals import Interval
from sfumato.stored import read_stored, stored

CHOSEN = {
    "oof": "out of fold, by which the members' epochs and temperatures were chosen, and the best member",
    "val": "of the validation part, by which the members' epochs and temperatures were chosen, and the best member",
}


@stored
@dataclass(frozen=True)
class Comparison:
    """The ensemble against its best member on the same samples; above 0 the ensemble is better."""

    accuracy: Interval
    """Difference, with the interval of paired resamples."""
    macro_f1: Interval
    only_ensemble: int
    """Samples that the ensemble alone has right."""
    only_member: int
    """Samples that the best member alone has right."""
    p: float
    """McNemar's exact test, two-sided."""


@stored
@dataclass(frozen=True)
class Part:
    """One set of samples."""

    results: dict[str, Any]
    """As `Results.to_dict`."""
    members: tuple[float, ...]
    """Accuracy of each."""
    comparison: Comparison
    layer: LayerGain | None = None
    """What the hidden layer of `mlp` adds; None = another kind."""


@stored
@dataclass(frozen=True)
class EnsembleSummary:
    """What ensemble.json holds."""

    members: tuple[str, ...]
    """As they were named."""
    kind: str
    weights: tuple[tuple[float, ...], ...]
    """Of each member, one number, or one a class."""
    best: int | None
    """Place of the member of the highest accuracy on the fitting table; None = there is no such table."""
    fitted_on: str | None
    """`oof` or `val`, the table that everything was fitted and chosen on; None = there is none."""
    selection: Part | None
    """On that table, each sample by weights fitted without its fold; no result, for it chose the rest."""
    test: Part | None
    """On the test part of all members, which chose nothing."""
    note: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def unmeasured(cls, members: tuple[str, ...], fusion: Fusion) -> "EnsembleSummary":
        """Of bundles without tables."""
        return cls(members, fusion.kind, fusion.weights, None, None, None, None, note_of(None))

    @classmethod
    def from_dict(cls, document: dict[str, Any], where: str) -> "EnsembleSummary":
        """Read an ensemble.json; `where` names it in errors."""
        whole = {name: _with_layer(value) for name, value in document.items()}
        return read_stored(cls, whole, "the summary of an ensemble", where)


def _with_layer(value: Any) -> Any:
    """A part from before there were hidden layers has none."""
    return {"layer": None, **cast(dict[str, Any], value)} if isinstance(value, dict) else value


def note_of(fitted_on: str | None) -> str:
    """What a reader of the figures must know."""
    if fitted_on is None:
        return "There is no table all members share, so nothing was fitted or measured."
    return (
        f"Fitted on samples {CHOSEN[fitted_on]}. Weights are cross-fitted; the ensemble's own temperature and threshold"
        " were fitted on all of them. So figures of `selection` are optimistic; those of `test` are not."
    )


def results_of(found: EnsembleSummary) -> dict[str, Any]:
    """What its bundle says was measured; without the members' names, which are folders of the user."""
    parts = {name: part for name, part in (("selection", found.selection), ("test", found.test)) if part}
    return {name: part.results for name, part in parts.items()}


def summary_lines(found: EnsembleSummary, fusion: Fusion) -> list[str]:
    """What the terminal shows."""
    width = max(map(cell_len, (*found.members, "the ensemble")))
    lines = [f"{fusion.kind} of {len(found.members)}: {_how(fusion)}"]
    parts = {name: part for name, part in (("selection", found.selection), ("test", found.test)) if part}
    header = "".join(f"{name:>12}" for name in parts)
    lines += [f"{'accuracy':<{width}}  {'weight':>7}{header}"] if parts else []
    for place, name in enumerate(found.members):
        row = "".join(f"{part.members[place]:12.4f}" for part in parts.values())
        star = "  best member, by selection" if place == found.best else ""
        lines.append(f"{name}{' ' * (width - cell_len(name))}  {_weight(found.weights[place]):>7}{row}{star}")
    if parts:
        row = "".join(f"{part.results['scores']['accuracy']['value']:12.4f}" for part in parts.values())
        lines.append(f"{'the ensemble':<{width}}  {'':>7}{row}")
    for name, part in parts.items():
        c = part.comparison
        lines.append(
            f"{name}, against the best member: accuracy {_signed(c.accuracy)}, macro-F1 {_signed(c.macro_f1)};"
        )
        lines.append(f"  right alone: ensemble {c.only_ensemble}, member {c.only_member}; McNemar p = {c.p:.3g}")
        lines += [f"  {_of_layer(part.layer)}"] if part.layer else []
    return [*lines, found.note]


def _of_layer(gain: LayerGain) -> str:
    verdict = "it helps" if gain.shown else "not shown to help, so --kind stacked says as much"
    return f"hidden layer: log loss {_signed(gain.nll)}, accuracy {_signed(gain.accuracy)}: {verdict}"


def sharing_words(fusion: Fusion, classes: int) -> str:
    """What inner folds chose of weights that all of C classes share and weights a class, and why."""
    if fusion.kind == "weighted" and fusion.exclusive and classes < 3:
        return "both classes share them, for one probability tells them apart"
    if len(fusion.weights[0]) > 1:
        return "each class has its own, which are likelier on inner folds by more than one standard error"
    return "all classes share them; on inner folds weights a class are not likelier by more than one standard error"


def _how(fusion: Fusion) -> str:
    if fusion.kind == "average":
        return "the mean of their calibrated probabilities"
    each = "a weight a class and member" if len(fusion.weights[0]) > 1 else "a weight a member"
    if fusion.kind == "weighted":
        return f"{each}, in steps of 0.05, fitted on {fusion.samples} samples"
    layer = "" if fusion.hidden is None else f", a hidden layer of {fusion.units} (penalty {fusion.hidden.penalty:g})"
    return (
        f"logistic regression, {each}, a bias a class, penalty {fusion.penalty:g}{layer},"
        f" fitted on {fusion.samples} samples"
    )


def _weight(row: tuple[float, ...]) -> str:
    return f"{row[0]:.2f}" if len(row) == 1 else f"{min(row):.1f}..{max(row):.1f}"


def _signed(found: Interval) -> str:
    return f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
