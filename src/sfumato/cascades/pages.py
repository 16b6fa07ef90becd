"""The pages of a cascade: that of its making, from its folder alone, and that of an evaluation."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from sfumato.bundle.cascade import Cascade, read_cascade
from sfumato.cascades.folder import CascadeFolder, Story
from sfumato.decided import measure_any
from sfumato.decision.policies import AnyPolicy, policies_from_dict
from sfumato.errors import InputError
from sfumato.metrics.blame import ENDS
from sfumato.metrics.cascade_results import CascadeResults, FlatComparison
from sfumato.multilabel_predictions import read_predictions
from sfumato.report.cascade_page import CascadePage, GateChoice, write_page
from sfumato.report.evidence import AnyMeasured, measured_by
from sfumato.run_folder import environment

BEHIND = ("elements", "products")
"""Stages that are shown by themselves."""


def write_report(folder: str | Path) -> Path:
    """Write the page of a finished cascade anew, from its folder alone.

    Raises:
        InputError: No cascade there.
    """
    made = CascadeFolder(Path(folder))
    story, rows = made.story, _rows(made.decisions)
    cascade = read_cascade(made.bundle)
    measured = measured_stages(cascade, made.folder / "predictions", made.bundle)
    facts = {"Bundle": str(made.bundle.resolve()), **{name.capitalize(): value for name, value in story.facts.items()}}
    page = CascadePage(
        made.folder.resolve().name,
        "Sfumato cascade",
        story.selection,
        _choice(story),
        None,
        measured,
        dict(zip(rows["id"], rows["image"], strict=True)),
        story.warnings,
        story.notes,
        _bad(rows),
        facts,
    )
    write_page(made.page, page)
    return made.page


def write_evaluation_page(
    path: Path,
    results: CascadeResults,
    flat: FlatComparison | None,
    measured: Mapping[str, AnyMeasured],
    rows: pl.DataFrame,
    said: tuple[Sequence[str], Sequence[str]],
    about: Mapping[str, str],
) -> None:
    """Write the page of an evaluation; `said` are notes and warnings, `about` names bundle, data and device."""
    known = environment()
    facts = {**about, "Command": str(known["command"]), "Date": str(known["date"]), "Sfumato": str(known["sfumato"])}
    facts["Processor"] = str(known["processor"])
    images, (notes, warnings) = dict(zip(rows["id"], rows["image"], strict=True)), said
    shown = (Path(about["Data"]).name, "Sfumato evaluation of a cascade", results, None, flat, measured, images)
    write_page(path, CascadePage(*shown, tuple(warnings), tuple(notes), _bad(rows), facts))


def measured_stages(cascade: Cascade, folder: Path, where: Path) -> dict[str, AnyMeasured]:
    """Stage behind the gate -> its measurement by itself, of the tables in a folder as far as there are any."""
    found: dict[str, AnyMeasured] = {}
    for role in BEHIND:
        path = folder / f"{role}.parquet"
        if role in cascade.stages and path.is_file():
            bundle, table = cascade.stages[role], read_predictions(path)
            policy: AnyPolicy = policies_from_dict(bundle.policy, bundle.tasks, str(where))[""]
            found[role] = measured_by("data", table, policy, measure_any(table, policy), str(path))
    return found


def _rows(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise InputError("missing", where=str(path), expected="the folder of a finished cascade")
    return pl.read_csv(path, infer_schema=False)


def _bad(rows: pl.DataFrame) -> tuple[tuple[str, str], ...]:
    if "problem" not in rows.columns:
        return ()
    bad = rows.filter(pl.col("problem").is_not_null())
    return tuple((str(row["image"]), str(row["problem"])) for row in bad.iter_rows(named=True))


def _choice(story: Story) -> GateChoice:
    """What was chosen, in words."""
    tuned, routes = story.tuned, story.routes
    facts = {"Answers are given from": f"{routes.answer:.4g}", "Mean cost": f"{tuned.cost:.4f}, of these samples"}
    if routes.go is not None:
        facts = {"A picture goes on from": f"{routes.gate:.4g}, the probability of {routes.go}", **facts}
        facts["At the gate's own threshold"] = f"{tuned.own:.4f}"
        facts["Without the gate"] = f"{tuned.all_pass:.4f}"
    if tuned.cross_fitted is not None:
        facts["Cross-fitted"] = f"{tuned.cross_fitted:.4f}: each fold by thresholds that the others chose"
    costs = tuned.costs.to_dict()
    words = {"elements": "a look at elements", "products": "a look at the product", "withheld": ENDS["withheld"]}
    facts["Costs"] = "; ".join(f"{words.get(name, ENDS.get(name, name))}: {cost:g}" for name, cost in costs.items())
    if tuned.share is not None:
        facts["Share that will be met"] = f"{tuned.share:g}"
    return GateChoice(routes.gate, tuned.curve, facts)
