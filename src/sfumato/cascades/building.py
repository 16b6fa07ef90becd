"""The story of a cascade: stages -> what they say of samples that trained none of them -> thresholds -> one bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sfumato.bundle.cascade import Cascade, Role, write_cascade
from sfumato.cascades.folder import SUMMARY, CascadeFolder, Story
from sfumato.cascades.looking import Said, look
from sfumato.cascades.matching import refuse_unlike, sureness_told
from sfumato.cascades.measuring import answers_of, measure_cascade, stage_tables
from sfumato.cascades.origin import Heard, doubt, heard_by, refuse_trained, trained_among, write_choosing
from sfumato.cascades.pages import write_report
from sfumato.cascades.positive import GoingOn, going_on
from sfumato.cascades.rows import answer_rows
from sfumato.cascades.samples import Samples, given_samples, held_out_samples
from sfumato.cascades.stage import NONE, Stage, read_stage
from sfumato.cascades.told import told
from sfumato.cascades.tuning import Tuned, shift_of, tune, wanted_share
from sfumato.console import Console
from sfumato.decision.end_costs import EndCosts
from sfumato.decision.routes import Routes
from sfumato.errors import InputError
from sfumato.free_folder import emptied_on_failure, free_folder
from sfumato.json_file import write_json
from sfumato.predict.cascade import load_cascade
from sfumato.predict.cascade_stages import Stages
from sfumato.run_folder import environment
from sfumato.training.records import Noted


@dataclass(frozen=True)
class Wish:
    """What a person asks of a cascade beside its stages."""

    data: str | None = None
    """Labelled samples that choose its thresholds; None = those that did not train the first stage and may choose."""
    overrides: Mapping[str, Any] | None = None
    """How to read the data: recipe path -> value, all below `data`."""
    positive: str | None = None
    """Class of the gate whose pictures go on; None = that of the samples with a product."""
    share: float | None = None
    """Of pictures with a product among those that will be met; None = as among the samples."""
    costs: EndCosts = field(default_factory=EndCosts)
    device: str | None = None


def cascade(  # noqa: PLR0913  # an option each
    gate: str | Path | None,
    elements: str | Path | None,
    products: str | Path,
    *,
    data: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    positive: str | None = None,
    share: float | None = None,
    costs: EndCosts | None = None,
    out: str | Path | None = None,
    device: str | None = None,
    quiet: bool = False,
) -> CascadeFolder:
    """Make one bundle of stages that ask one another, its thresholds chosen for what comes out in the end.

    Args:
        gate: Of two classes: what is worth a closer look. None = no gate; a run, cross-validation, ensemble or bundle.
        elements: Of several classes a picture: what is to be seen in it. None = no such stage.
        products: Of one class a picture: what it is. Where it was trained on element words (`data.elements`) those that
            the stage before names are written into its text in the same form.
        data: Labelled samples that trained no stage, with a column for each; None = those of the first stage's
            validation part, or out of fold.
        overrides: How to read `data`, such as {"data.columns.label": ["is_chart", "elements", "product"]}.
        positive: Class of the gate whose pictures go on; None = that of the samples with a product.
        share: Of pictures with a product among those that will be met, above 0 and below 1: the gate's probabilities
            are corrected for it, and samples weigh as often as they will be met. None = as among the samples.
        costs: Of each kind of end; None = the mean cost is the share of samples that do not end right.
        out: Folder of the result; None = `runs/cascade`, numbered if need be.
        device: A torch device; None = the best there is.
        quiet: Show nothing.

    Raises:
        InputError: A stage that can't be one, stages that do not fit together, samples that one was trained on.
            Nothing was written.
    """
    wish = Wish(None if data is None else str(data), overrides, positive, share, costs or EndCosts(), device)
    console = Console(quiet=quiet)
    stages = _read({"gate": gate, "elements": elements, "products": products})
    with free_folder(out, "cascade") as path, emptied_on_failure(path):
        _build(path, stages, wish, console)
    return CascadeFolder(path)


def _read(given: Mapping[Role, str | Path | None]) -> dict[Role, Stage]:
    """The stages there are."""
    there = {role: one for role, one in given.items() if one is not None and str(one) != NONE}
    if "products" not in there:
        raise InputError(f"no PRODUCTS: {NONE}", expected="the stage that answers; GATE or ELEMENTS may be left out")
    if len(there) < 2:
        raise InputError("a single stage", expected="GATE or ELEMENTS before PRODUCTS")
    stages = {role: read_stage(role, one) for role, one in there.items()}
    places = [one.folder.resolve() for one in stages.values()]
    twice = next(
        (one.given for one, place in zip(stages.values(), places, strict=True) if places.count(place) > 1), None
    )
    if twice is not None:
        raise InputError("named twice", where=twice, expected="a stage each")
    return stages


def _build(path: Path, stages: Mapping[Role, Stage], wish: Wish, console: Console) -> None:
    refuse_unlike(stages)
    sure = sureness_told(stages)
    if wish.data is None and wish.overrides:
        raise InputError("--set says how to read --data, which is not given", expected="--data with it")
    every = held_out_samples(stages) if wish.data is None else given_samples(stages, wish.data, wish.overrides or {})
    heard = {role: heard_by(one) for role, one in stages.items()}
    doubts = [one for stage in stages.values() if (one := doubt(stage, every.table)) is not None]
    on, shift = _gate(stages, every, wish)
    samples, lost = _untrained(stages, every, heard, given=wish.data is not None)
    loaded = Stages(_cascade(stages, Routes(on.name if on else None, 0.0, 0.0, sure, shift)), str(path), wish.device)
    said = look(samples, loaded, lambda going, _: np.ones(len(going), np.bool_), console.stage("asking"), heard)
    share = wanted_share(every, loaded) if wish.share is None and lost else wish.share
    loaded.routes, tuned = tune(said, loaded, wish.costs, share)
    notes = told(stages, samples, said, on, loaded, tuned)
    warnings = [*lost, *doubts]
    for note in (*(Noted(one) for one in notes), *(Noted(one, warning=True) for one in warnings)):
        console.note(note)
    _conclude(path, stages, loaded, said, tuned, on, notes, warnings)


def _untrained(
    stages: Mapping[Role, Stage], samples: Samples, heard: Mapping[Role, Heard], *, given: bool
) -> tuple[Samples, list[str]]:
    """The samples that no stage was trained on, and a warning for each stage that was on some of them.

    Of samples that a person gave none may be; of those that a run set aside the others have other parts at times.
    """
    out, said = set[str](), list[str]()
    for role, stage in stages.items():
        trained = trained_among(stage, samples.table, heard[role])
        if given:
            refuse_trained(stage, trained, len(samples))
        elif trained:
            said.append(f"{len(trained)} of {len(samples)} samples are left out: {stage.given} was trained on them")
            out |= trained
    kept = np.array([name not in out for name in samples.table.ids], dtype=np.bool_)
    if not kept.any():
        what, expected = "some stage was trained on every sample that could choose", "the same split for all stages"
        raise InputError(what, expected=expected, mend="such as by data.dealt, or other samples by --data")
    return samples.only(kept), said


def _gate(stages: Mapping[Role, Stage], samples: Samples, wish: Wish) -> tuple[GoingOn | None, Any]:
    """Which class goes on, and to which share its probabilities are moved."""
    if "gate" not in stages:
        for name, one in (("--positive", wish.positive), ("--share", wish.share)):
            if one is not None:
                raise InputError("no effect without GATE", where=name, mend="leave it out")
        return None, None
    on = going_on(stages["gate"], stages["products"], samples, wish.positive)
    return on, shift_of(stages["gate"], on.name, wish.share)


def _cascade(stages: Mapping[Role, Stage], routes: Routes, results: dict[str, Any] | None = None) -> Cascade:
    here = {name: value for name, value in environment().items() if name != "command"}  # which names the user's folders
    provenance = {**here, "stages": {role: one.bundle.provenance for role, one in stages.items()}}
    bundles = {role: one.bundle for role, one in stages.items()}
    return Cascade(bundles, routes.to_dict(), results or {}, provenance)


def _conclude(
    path: Path,
    stages: Mapping[Role, Stage],
    loaded: Stages,
    said: Said,
    tuned: Tuned,
    on: GoingOn | None,
    notes: Sequence[str],
    warnings: Sequence[str],
) -> None:
    """From thresholds to figures, rows, and last the bundle, which is loaded once so that it is known to check out."""
    answers = answers_of(said, loaded)
    selection = measure_cascade(answers, loaded)
    known = environment()
    facts = {name: str(known[name]) for name in ("command", "date", "sfumato", "processor")}
    names = {role: str(one.folder.resolve()) for role, one in stages.items()}
    reason = on.reason if on else None
    story = Story(names, reason, loaded.routes, tuned, selection, tuple(notes), tuple(warnings), facts)
    write_json(path / SUMMARY, story.to_dict())
    answer_rows(answers, loaded).write_csv(path / "decisions.csv")
    write_choosing(path, said.samples.table)
    for role, (table, _) in stage_tables(answers, loaded).items():
        table.write(path / "predictions" / f"{role}.parquet")
    results = {"selection": selection.to_dict(), "tuned": tuned.to_dict()}
    made = _cascade(stages, loaded.routes, results)
    write_cascade(path / "bundle", made, {role: one.folder for role, one in stages.items()})
    load_cascade(path / "bundle", device="cpu")
    write_report(path)
