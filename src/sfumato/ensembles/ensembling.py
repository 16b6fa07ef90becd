"""The story of an ensemble: bundles -> joined tables -> fusion -> policy -> one bundle. Nothing is trained or run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from sfumato.bundle.ensemble import read_any
from sfumato.console import Console
from sfumato.decision.fusion.fitting import equal_weights, refuse_idle_sharing
from sfumato.decision.fusion.fusion import Fusion, Kind, Sharing, read_kind, read_sharing
from sfumato.decision.policies import write_thresholds
from sfumato.decision.policy import Policy
from sfumato.ensembles.fusing import Fitted, fit_tables, fuse_tables
from sfumato.ensembles.joined import Joined, join
from sfumato.ensembles.measuring import fit_decision, measure_part
from sfumato.ensembles.member import Member, read_member
from sfumato.ensembles.summary import EnsembleSummary, Part, note_of, results_of
from sfumato.ensembles.thresholds import shared_thresholds
from sfumato.errors import InputError
from sfumato.free_folder import emptied_on_failure, free_folder
from sfumato.json_file import read_json, write_json
from sfumato.predict.ensemble_bundle import make_ensemble
from sfumato.predict.together import columns_of
from sfumato.predictions import Predictions
from sfumato.report.threshold_words import threshold_notes
from sfumato.run_folder import environment
from sfumato.training.records import Noted

SUMMARY = "ensemble.json"


@dataclass(frozen=True)
class Ensemble:
    """A finished ensemble, read from its folder."""

    folder: Path

    @property
    def bundle(self) -> Path:
        """One bundle that holds all members; `sfumato.load` takes it."""
        return self.folder / "bundle"

    @cached_property
    def summary(self) -> EnsembleSummary:
        """How it was fitted, what it scores, and how far above its best member."""
        path = self.folder / SUMMARY
        return EnsembleSummary.from_dict(read_json(path), str(path))

    @cached_property
    def fusion(self) -> Fusion:
        """How the members' answers become one."""
        bundle, where = read_any(self.bundle), str(self.bundle / "fusion.json")
        document = read_json(self.bundle / "fusion.json")
        return Fusion.from_dict(document, len(bundle.members), bundle.tasks.classes, where)

    @cached_property
    def predictions(self) -> dict[str, Predictions]:
        """`oof` or `val`, cross-fitted, and `test`: fused logits of the samples that all members' tables hold."""
        paths = sorted((self.folder / "predictions").glob("*.parquet"))
        return {path.stem: Predictions.read(path) for path in paths}


def ensemble(
    members: Sequence[str | Path],
    *,
    kind: Kind = "average",
    weights: Sharing = "auto",
    out: str | Path | None = None,
    max_error: float | None = None,
    quiet: bool = False,
) -> Ensemble:
    """Make one bundle of several over the same classes, of whatever models they are.

    Weights, temperature and thresholds are fitted on the members' predictions tables: out of fold where all are
    cross-validations (or ensembles of such), else of their validation parts.

    Args:
        members: Two or more: folders of runs, cross-validations or ensembles, or bundles. Bundles by themselves,
            without tables, can only be averaged.
        kind: `average`: the mean of calibrated probabilities; `weighted`: weights that sum to 1; `stacked`: a logistic
            regression on log-probabilities; `mlp`: the same with a small hidden layer, from 200 samples on.
        weights: Of `weighted` and `stacked`: `shared` by all classes, `by_class` for each its own; `auto` = what inner
            folds find better.
        out: Folder of the result; None = `runs/ensemble`, numbered if need be.
        max_error: Share of wrong answers among those given that the fitting table may show, above 0 and below 1; None =
            always answer.
        quiet: Show nothing.

    Raises:
        InputError: A member is no bundle, has several tasks or other classes; tables hold other samples or other truth.
            Members answer by different thresholds. Nothing was written.
    """
    console = Console(quiet=quiet)
    _refuse_arguments(members, kind, weights, max_error)
    read = [read_member(one) for one in members]
    _refuse_twice(read)
    for one in read[1:]:
        columns_of(one.bundle.tasks, read[0].bundle.tasks, one.given)
    refuse_idle_sharing(kind, weights, read[0].bundle.tasks.classes)
    thresholds = shared_thresholds(read, max_error)
    tables = _tables(read, kind, console, fits=max_error is not None or thresholds is not None)
    fitted = None if tables.fitting is None else fit_tables(kind, tables.fitting, console.stage("fusing"), weights)
    with free_folder(out, "ensemble") as path, emptied_on_failure(path):
        _conclude(path, read, tables, fitted, lambda table: fit_decision(table, max_error, thresholds), console)
    return Ensemble(path)


@dataclass(frozen=True)
class _Tables:
    """What all members' tables say of the same samples; None where not all have one."""

    fitting: Joined | None
    fitted_on: Literal["oof", "val"] | None
    test: Joined | None


def _refuse_arguments(members: Sequence[str | Path], kind: Kind, weights: Sharing, max_error: float | None) -> None:
    read_kind(kind)
    read_sharing(weights)
    if isinstance(members, str | Path) or len(members) < 2:
        raise InputError("a single bundle", expected="two or more for an ensemble")
    if max_error is not None and not 0 < max_error < 1:
        raise InputError(f"{max_error:g}", where="--max-error", expected="a share above 0 and below 1")


def _refuse_twice(members: Sequence[Member]) -> None:
    """Refuse a bundle that is named twice, be it once by the folder of its run."""
    places = [one.folder.resolve() for one in members]
    for place, one in zip(places, members, strict=True):
        if places.count(place) > 1:
            raise InputError("named twice", where=one.given, expected="bundles that differ")


def _tables(members: Sequence[Member], kind: Kind, console: Console, *, fits: bool) -> _Tables:
    """The joined tables; where they are missing and needed, as `fits` says, an InputError."""
    paths = [one.fitting for one in members]
    bare = [one.given for one, path in zip(members, paths, strict=True) if path is None]
    if bare and (kind != "average" or fits):
        what = "no predictions table beside it, which thresholds, --max-error and all kinds but average are fitted on"
        expected = "the folder of its run or cross-validation"
        raise InputError(what, where=bare[0], expected=expected, mend="or --kind average without --max-error")
    if bare:
        console.note(Noted(f"no predictions table beside {bare[0]}: nothing is fitted or measured", warning=True))
        return _Tables(None, None, None)
    fitting = [path for path in paths if path is not None]
    fitted_on = "oof" if all(path.stem == "oof" for path in fitting) else "val"
    tests = [path for one in members if (path := one.table("test")) is not None]
    if len(tests) < len(members):
        console.note(Noted(f"{len(tests)} of {len(members)} have a test table: only the selection score is known"))
    joined, test = join(members, fitting), join(members, tests) if len(tests) == len(members) else None
    if test is not None:
        _refuse_overlap(joined, test)
    return _Tables(joined, fitted_on, test)


def _refuse_overlap(fitting: Joined, test: Joined) -> None:
    """A sample that was fitted on measures nothing."""
    chosen = set(fitting.samples.ids)
    both = next((name for name in test.samples.ids if name in chosen), None)
    if both is not None:
        raise InputError(
            f"test sample {both!r} is one that the weights would be fitted on",
            where=str(test.said[0].path),
            expected=f"test samples that {fitting.said[0].path} has not",
        )


def _conclude(
    path: Path,
    members: Sequence[Member],
    tables: _Tables,
    fitted: Fitted | None,
    decide: Callable[[Predictions], Policy],
    console: Console,
) -> None:
    """From what was fitted to policy, scores, tables and, last, the bundle."""
    if tables.fitting is None or fitted is None:
        nothing = EnsembleSummary.unmeasured(tuple(one.given for one in members), equal_weights(len(members)))
        _write(path, members, equal_weights(len(members)), Policy(), nothing)
        return
    cross_fitted = tables.fitting.samples.table(fitted.fused.logits)
    policy, best = decide(cross_fitted), fitted.best_member(cross_fitted.truth)
    for note in threshold_notes({"": policy}, members[0].bundle.tasks):
        console.note(Noted(note))
    said: dict[str, Part | None] = {"selection": measure_part(cross_fitted, policy, fitted.fused, best), "test": None}
    cross_fitted.write(path / "predictions" / f"{tables.fitted_on}.parquet")
    if tables.test is not None:
        samples = tables.test.samples
        fused = fuse_tables(tables.test, [fitted.fusion], np.zeros(len(samples.ids), dtype=np.int64))
        table = samples.table(fused.logits)
        said["test"] = measure_part(table, policy, fused, best)
        table.write(path / "predictions" / "test.parquet")
    names, fusion = tuple(one.given for one in members), fitted.fusion
    summary = EnsembleSummary(
        names, fusion.kind, fusion.weights, best, tables.fitted_on, **said, note=note_of(tables.fitted_on)
    )
    _write(path, members, fusion, policy, summary)


def _write(path: Path, members: Sequence[Member], fusion: Fusion, policy: Policy, summary: EnsembleSummary) -> None:
    write_json(path / SUMMARY, summary.to_dict())
    write_thresholds(path, {"": policy}, members[0].bundle.tasks)
    bundles = [one.bundle for one in members]
    places, known = [one.folder for one in members], environment()
    here = {name: value for name, value in known.items() if name != "command"}  # which names the user's folders
    make_ensemble(path / "bundle", bundles, places, fusion, {"": policy}, results_of(summary), here)
