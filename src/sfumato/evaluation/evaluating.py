"""The story of an evaluation: a bundle and labelled data -> decisions -> figures, tables and one page."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sfumato.bundle.ensemble import read_any
from sfumato.bundle.folder import open_bundle
from sfumato.console import Console
from sfumato.errors import InputError
from sfumato.evaluation.decisions import decision_rows
from sfumato.evaluation.folder import Evaluation
from sfumato.evaluation.frequencies import Moved, moved_frequencies, sentences
from sfumato.evaluation.looking import Said, look_at
from sfumato.evaluation.measuring import measure_bundle, results_of
from sfumato.evaluation.origin import UNKNOWN, Overlap, overlap_with
from sfumato.evaluation.samples import Samples, read_samples
from sfumato.free_folder import emptied_on_failure, free_folder
from sfumato.json_file import write_json
from sfumato.metrics.membership import complete
from sfumato.multilabel_predictions import AnyPredictions, MultilabelPredictions, known_rows
from sfumato.predict.explainer import explainer_of
from sfumato.predict.open_vocabulary import asked_by_labels
from sfumato.predict.predictor import Predictor, asking
from sfumato.report.evaluation_page import Page, write_page
from sfumato.report.evidence import AnyMeasured
from sfumato.run_folder import environment
from sfumato.tasks import of_task
from sfumato.training.records import Noted


def evaluate(  # noqa: PLR0913  # each is an option of its own
    bundle: str | Path,
    data: str | Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    part: str | None = None,
    skip_unknown: bool = False,
    labels: str | Path | None = None,
    out: str | Path | None = None,
    device: str | None = None,
    quiet: bool = False,
) -> Evaluation:
    """Measure a bundle of any kind on labelled data, and write figures, tables and a page into a new folder.

    Args:
        bundle: A bundle, or the folder of its run.
        data: Anything that `data.source` of a recipe may be; nothing of it is changed.
        overrides: How to read it: recipe path -> value, all below `data`, such as {"data.columns.label": "kind"}.
        part: Only the samples of this part of the data's own split; None = all.
        skip_unknown: Leave out samples of classes that the bundle does not know, instead of refusing them.
        labels: A label file whose classes a dual encoder is to answer with, new ones too; None = those of training.
        out: A new folder; None = `runs/DATA-evaluated`, numbered if need be.
        device: A torch device; None = the best there is.
        quiet: Show nothing.

    Raises:
        InputError: No such bundle or data, or they do not fit together; nothing was written.
    """
    console, place = Console(quiet=quiet), open_bundle(Path(bundle))[0]
    read = read_any(place)
    given = None if labels is None else asked_by_labels(Path(labels), read, str(bundle))
    other = None if given is None else asking(read, given, str(bundle), device)
    tasks = other.tasks if other else read.tasks
    samples = read_samples(str(data), tasks, overrides or {}, part, skip_unknown=skip_unknown)
    overlap = overlap_with(place, samples.table)
    refuse_data_folder(out, Path(data))
    with free_folder(out, f"{Path(data).resolve().stem}-evaluated") as path, emptied_on_failure(path):
        predictor = other or Predictor(read, str(bundle), device)
        said = look_at(samples.table, predictor, console.stage("deciding"))
        measured = measure_bundle(said.by_task, predictor.policies, read)
        if not measured:
            raise InputError("no labelled sample has an image that can be used", where=str(data))
        moved = moved_frequencies(said.by_task, predictor.policies, read)
        notes, warnings = [*samples.notes, *_left_out(samples, said)], _warnings(overlap, said)
        warnings += sentences(moved)
        for note in (*(Noted(one) for one in notes), *(Noted(one, warning=True) for one in warnings)):
            console.note(note)
        done = Evaluation(path)
        _write(done, said, measured, predictor, _about(bundle, data, samples, said, overlap, moved))
        page = _page(bundle, data, said, measured, (notes, warnings), predictor)
        write_page(done.page, replace(page, explainer=explainer_of(read, str(bundle))))
    return done


def refuse_data_folder(out: str | Path | None, data: Path) -> None:
    """What is written inside the data would be data the next time."""
    inside = out is not None and data.is_dir() and Path(out).resolve().is_relative_to(data.resolve())
    if inside:
        raise InputError("lies inside the data", where=str(out), expected="a folder outside it for --out")


def _left_out(samples: Samples, said: Said) -> list[str]:
    skipped = ", ".join(f"{name} ({count})" for name, count in samples.unknown.items())
    unlabelled = min(int((~known_rows(table)).sum()) for table in said.by_task.values())
    return [
        *([f"left out, of classes that the bundle does not know: {skipped}"] if skipped else []),
        *([f"{unlabelled} samples have no label: they are decided on and not measured"] if unlabelled else []),
        *_partly(said.by_task.values()),
    ]


def _partly(tables: Iterable[AnyPredictions]) -> list[str]:
    """What is said where of some samples not every class is known."""
    truths = [table.known().truth for table in tables if isinstance(table, MultilabelPredictions)]
    some = sum(int((~complete(truth)).sum()) for truth in truths)
    return [f"of {some} samples some classes are not known: they measure the others"] if some else []


def _warnings(overlap: Overlap | None, said: Said) -> list[str]:
    seen = UNKNOWN if overlap is None else overlap.warning
    bad = (
        f"{len(said.bad)} images can't be used and are not measured, such as {said.bad['id'][0]}"
        if len(said.bad)
        else None
    )
    return [one for one in (seen, bad) if one]


def _about(
    bundle: str | Path,
    data: str | Path,
    samples: Samples,
    said: Said,
    overlap: Overlap | None,
    moved: Mapping[str, Moved],
) -> dict[str, Any]:
    """What metrics.json says of how the figures came about."""
    return {
        "bundle": str(bundle),
        "data": str(data),
        "samples": len(said.table),
        "bad_images": len(said.bad),
        "unknown_classes": samples.unknown,
        "trained_on": None if overlap is None else overlap.trained,
        "chosen_by": None if overlap is None else overlap.chosen,
        "frequencies": {of_task("evaluated", task): one.to_dict() for task, one in moved.items()},
        **{name: value for name, value in environment().items() if name in {"sfumato", "date", "command"}},
    }


def _write(
    done: Evaluation, said: Said, measured: Mapping[str, AnyMeasured], predictor: Predictor, about: dict[str, Any]
) -> None:
    done.folder.mkdir(parents=True, exist_ok=True)
    for task, table in said.by_task.items():
        table.write(done.table(task))
    decision_rows(said, predictor.policies).write_csv(done.decisions)
    if len(said.bad):
        said.bad.write_csv(done.folder / "bad_images.csv")
    results = {name: found.to_dict() for name, found in results_of(measured).items()}
    write_json(done.folder / "metrics.json", {"about": about, **results})


def _page(
    bundle: str | Path,
    data: str | Path,
    said: Said,
    measured: Mapping[str, AnyMeasured],
    said_of_it: tuple[list[str], list[str]],
    predictor: Predictor,
) -> Page:
    notes, warnings = said_of_it
    images = dict(zip(said.table.ids, said.table.first_images, strict=True))
    bad = tuple((str(row["image"]), str(row["problem"])) for row in said.bad.iter_rows(named=True))
    known = environment()
    facts = {
        "Bundle": str(Path(bundle).resolve()),
        "Data": str(Path(data).resolve()),
        "Command": str(known["command"]),
        "Date": str(known["date"]).replace("T", " ").removesuffix("+00:00") + " UTC",
        "Device": str(predictor.device),
        "Sfumato": str(known["sfumato"]),
        "Packages": ", ".join(f"{name} {version}" for name, version in known["packages"].items()),
        "Processor": str(known["processor"]),
    }
    return Page(Path(data).resolve().name, dict(measured), images, tuple(warnings), tuple(notes), bad, facts)
