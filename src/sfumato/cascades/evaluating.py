"""The story of a cascade's evaluation: labelled data -> what every stage says -> figures, rows and one page."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.bundle.cascade import Cascade, read_cascade
from sfumato.bundle.ensemble import read_any
from sfumato.bundle.folder import open_bundle
from sfumato.cascades.against_flat import Flat
from sfumato.cascades.looking import Said, Through, look
from sfumato.cascades.measuring import Answers, answers_of, measure_cascade, stage_tables, wanted_of
from sfumato.cascades.origin import seen_before
from sfumato.cascades.pages import write_evaluation_page
from sfumato.cascades.rows import answer_rows
from sfumato.cascades.samples import Samples, given_samples
from sfumato.cascades.stage import Stage
from sfumato.console import Console
from sfumato.evaluation.evaluating import refuse_data_folder
from sfumato.evaluation.folder import Evaluation
from sfumato.evaluation.origin import Overlap, overlap_with
from sfumato.free_folder import emptied_on_failure, free_folder
from sfumato.json_file import write_json
from sfumato.metrics.cascade_results import CascadeResults, FlatComparison
from sfumato.predict.cascade_stages import Stages
from sfumato.predictions import UNKNOWN
from sfumato.report.evidence import AnyMeasured, measured_by
from sfumato.run_folder import environment
from sfumato.training.records import Noted

UNKNOWN_ORIGIN = (
    "whether a stage was trained on any of these images can't be known here: the folder of the cascade is not around "
    "its bundle, or the run of a stage is not where it was"
)


@dataclass(frozen=True)
class _Asked:
    """What is to be measured, on what."""

    bundle: str
    data: str
    place: Path
    samples: Samples
    stages: Stages


def evaluate_cascade(  # noqa: PLR0913  # an option each
    bundle: str | Path,
    data: str | Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    part: str | None = None,
    skip_unknown: bool = False,
    flat: str | Path | None = None,
    out: str | Path | None = None,
    device: str | None = None,
    quiet: bool = False,
) -> Evaluation:
    """Measure a cascade on labelled data with a column for each stage, end to end and stage by stage.

    Args:
        bundle: Its bundle, or the folder that holds it.
        data: Anything that `data.source` of a recipe may be; nothing of it is changed.
        overrides: How to read it; `data.columns.label` may name a column a stage, in their order. Else each is read by
            the column that it was trained on.
        part: Only the samples of this part of the data's own split; None = all.
        skip_unknown: Take classes that a stage does not know for unknown, instead of refusing them.
        flat: A bundle over all products and a class of what is stopped, to be compared with; None = nothing is.
        out: A new folder; None = `runs/DATA-evaluated`, numbered if need be.
        device: A torch device; None = the best there is.
        quiet: Show nothing.

    Raises:
        InputError: No such cascade or data, or they do not fit together; nothing was written.
    """
    console, place = Console(quiet=quiet), open_bundle(Path(bundle))[0]
    cascade = read_cascade(place)
    described = _described(cascade, place)
    samples = given_samples(described, str(data), overrides or {}, part, skip_unknown=skip_unknown)
    refuse_data_folder(out, Path(data))
    with free_folder(out, f"{Path(data).resolve().stem}-evaluated") as path, emptied_on_failure(path):
        stages = Stages(cascade, str(bundle), device)
        asked = _Asked(str(bundle), str(data), place, samples, stages)
        beside = None if flat is None else Flat(str(flat), stages, device)
        said = look(samples, stages, _through(samples, stages), console.stage("asking"))
        answers = answers_of(said, stages)
        results = measure_cascade(answers, stages)
        compared = None if beside is None else beside.compare(answers, stages, console.stage("asking the flat one"))
        notes, warnings = _told(asked, said, None if flat is None else Path(flat))
        for note in (*(Noted(one) for one in notes), *(Noted(one, warning=True) for one in warnings)):
            console.note(note)
        done = Evaluation(path)
        measured = _write(done, asked, answers, results, compared)
        about = {"Bundle": str(Path(bundle).resolve()), "Data": str(Path(data).resolve())}
        about["Device"] = str(stages.products.device)
        rows = answer_rows(answers, stages)
        write_evaluation_page(done.page, results, compared, measured, rows, (notes, warnings), about)
    return done


def _described(cascade: Cascade, place: Path) -> dict[str, Stage]:
    """The stages as they would be named when a cascade is built."""
    found: dict[str, Stage] = {}
    for role, bundle in cascade.stages.items():
        folder = place / "stages" / role
        found[role] = Stage(str(folder), folder, bundle, role)
    return found


def _through(samples: Samples, stages: Stages) -> Through:
    """Later stages are asked of what passes, and of every sample that has a product: each is measured by itself too."""
    wanted = (samples.truth["products"] != UNKNOWN) | (
        (samples.truth["elements"] == 1).any(axis=1) if "elements" in samples.truth else False
    )

    def through(going: NDArray[np.float64], part: slice) -> NDArray[np.bool_]:
        return stages.routes.passes(going) | wanted[part]

    return through


def _told(asked: _Asked, said: Said, flat: Path | None) -> tuple[list[str], list[str]]:
    """Notes, and warnings."""
    notes, warnings = list(asked.samples.notes), list[str]()
    overlap = seen_before(asked.place, asked.samples.table)
    warnings += [UNKNOWN_ORIGIN] if overlap is None else [overlap.warning] if overlap.warning else []
    if flat is not None:
        known: Overlap | None = overlap_with(open_bundle(flat)[0], asked.samples.table)
        warnings += [f"{flat}: {known.warning}"] if known is not None and known.warning else []
    if len(said.bad):
        warnings.append(f"{len(said.bad)} images can't be used and are not measured, such as {said.bad['id'][0]}")
    if flat is not None and len(read_any(flat).labels) == len(asked.stages.products.labels) and asked.stages.sides:
        notes.append(f"{flat} has no class for what is stopped: of such samples it is always wrong")
    unknown = int((wanted_of(said.samples, asked.stages) == UNKNOWN).sum())
    if unknown:
        notes.append(f"{unknown} samples go on and have no product that is known: they are not measured")
    return notes, warnings


def _write(
    done: Evaluation, asked: _Asked, answers: Answers, results: CascadeResults, flat: FlatComparison | None
) -> dict[str, AnyMeasured]:
    """Write tables, rows and figures; the measurement of each stage behind the gate."""
    done.folder.mkdir(parents=True, exist_ok=True)
    measured: dict[str, AnyMeasured] = {}
    for role, (table, policy) in stage_tables(answers, asked.stages).items():
        table.write(done.table(role))
        measured[role] = measured_by("data", table, policy, results.stages[role], role)
    rows = answer_rows(answers, asked.stages)
    rows.write_csv(done.decisions)
    if len(answers.said.bad):
        answers.said.bad.write_csv(done.folder / "bad_images.csv")
    known = environment()
    about = {
        "bundle": asked.bundle,
        "data": asked.data,
        "samples": len(answers.said.samples),
        "bad_images": len(answers.said.bad),
        **{name: known[name] for name in ("sfumato", "date", "command")},
    }
    compared = {} if flat is None else {"flat": flat.to_dict()}
    write_json(done.folder / "metrics.json", {"about": about, "cascade": results.to_dict(), **compared})
    return measured
