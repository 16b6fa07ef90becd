"""Figures of a cascade as plain text, for the terminal."""

from collections.abc import Iterator, Mapping

from sfumato.cascades.folder import CascadeFolder
from sfumato.evaluation.folder import Evaluation
from sfumato.metrics.blame import ENDS, TO_BLAME
from sfumato.metrics.cascade_results import CascadeResults, FlatComparison
from sfumato.metrics.multilabel_results import AnyResults

SHOWN: Mapping[str, tuple[tuple[str, str], ...]] = {
    "gate": (("accuracy", "accuracy"), ("auc", "AUC"), ("eer", "EER")),
    "elements": (("map", "mAP"), ("micro_f1", "micro-F1"), ("macro_f1", "macro-F1")),
    "products": (("accuracy", "top-1"), ("top_3", "top-3"), ("top_5", "top-5"), ("macro_f1", "macro-F1")),
}
"""Stage -> the scores that are shown first, each with its name."""


def cascade_lines(made: CascadeFolder) -> list[str]:
    """What `sfumato cascade` prints."""
    story = made.story
    chosen = f"thresholds: gate {story.routes.gate:.4g}, answer {story.routes.answer:.4g}"
    tuned = story.tuned
    fitted = "" if tuned.cross_fitted is None else f", cross-fitted {tuned.cross_fitted:.4f}"
    return [
        f"{chosen}; mean cost {tuned.cost:.4f}{fitted}",
        "these figures are of the samples that chose the thresholds: no results (sfumato evaluate gives those)",
        *result_lines(story.selection),
        f"report  {made.page}",
        f"bundle  {made.bundle}",
    ]


def evaluation_lines(done: Evaluation) -> list[str]:
    """What `sfumato evaluate` prints of a cascade."""
    where, metrics = str(done.folder / "metrics.json"), done.metrics
    lines = result_lines(CascadeResults.from_dict(metrics["cascade"], where))
    if "flat" in metrics:
        lines += _against(FlatComparison.from_dict(metrics["flat"], where))
    return [*lines, f"report  {done.page}", f"rows    {done.decisions}"]


def _against(flat: FlatComparison) -> Iterator[str]:
    scores = flat.results.scores
    each = f"{1000 * flat.seconds_each:.3g} ms each"
    yield f"flat        accuracy {scores['accuracy']}, macro-F1 {scores['macro_f1']}; {each}"
    only = f"right alone: cascade {flat.mcnemar.only_a}, flat {flat.mcnemar.only_b}, p {flat.mcnemar.p:.3g}"
    yield f"cascade less flat: accuracy {flat.accuracy}, macro-F1 {flat.macro_f1}; {only}"


def result_lines(found: CascadeResults) -> list[str]:
    """End to end, each stage, and how samples end."""
    whole = found.whole.scores
    lines = [f"end to end  {found.samples} samples: accuracy {whole['accuracy']}, macro-F1 {whole['macro_f1']}"]
    lines += [
        f"{role:<12}{results.samples} samples: {_scores(role, results)}" for role, results in found.stages.items()
    ]
    return [*lines, *_ends(found), *_spent(found)]


def _scores(role: str, results: AnyResults) -> str:
    scores = [f"{name} {results.scores[key]}" for key, name in SHOWN[role] if key in results.scores]
    if role == "gate":
        row = results.classes[1]
        scores.append(f"{row.name}: precision {row.precision:.3f}, recall {row.recall:.3f}, F1 {row.f1:.3f}")
    return ", ".join(scores)


def _ends(found: CascadeResults) -> Iterator[str]:
    wrong = {name: one for name, one in found.ends.items() if name in TO_BLAME and one.count}
    for name, one in sorted(wrong.items(), key=lambda item: -item[1].count):
        yield f"  {one.count:>6}  {TO_BLAME[name]}: {ENDS[name]}"
    if not wrong:
        yield "  no sample ends wrong"


def _spent(found: CascadeResults) -> Iterator[str]:
    said = [f"{role} {one.looked} x {1000 * one.seconds_each:.3g} ms" for role, one in found.spent.items()]
    yield f"looked at   {', '.join(said)}"
