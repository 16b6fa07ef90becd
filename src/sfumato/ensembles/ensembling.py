"""The story of an ensemble: bundles -> joined tables -> fusion -> policy -> one bundle. Nothing is trained or run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from sfumato.bundle.ensemble import read_any
from sfumato.console import Console
from sfumato.decision.fusion.fitting import equal_weights, refuse_idle_sharing
from sfumato.decision.fusion.fusion import Fusion, Kind, Sharing, read_kind, read_sharing
from sfumato.decision.policies import AnyPolicy, write_thresholds
from sfumato.decision.policy import Policy
from sfumato.ensembles.fusing import Fitted, fit_tables, fuse_tables
from sfumato.ensembles.joined import Joined
from sfumato.ensembles.measuring import fit_decision, measure_part
from sfumato.ensembles.member import Member, read_member
from sfumato.ensembles.member_tables import Tables, read_tables
from sfumato.ensembles.summary import EnsembleSummary, note_of, results_of, sharing_words
from sfumato.ensembles.thresholds import shared_thresholds
from sfumato.errors import InputError
from sfumato.free_folder import emptied_on_failure, free_folder
from sfumato.json_file import read_json, write_json
from sfumato.multilabel_predictions import AnyPredictions, read_predictions
from sfumato.predict.ensemble_bundle import make_ensemble
from sfumato.predict.senses import alike
from sfumato.predict.together import columns_of
from sfumato.report.threshold_words import threshold_notes
from sfumato.run_folder import environment
from sfumato.tasks import TaskLayout
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
    def predictions(self) -> dict[str, AnyPredictions]:
        """`oof` or `val`, cross-fitted, and `test`: fused logits of the samples that all members' tables hold."""
        paths = sorted((self.folder / "predictions").glob("*.parquet"))
        return {path.stem: read_predictions(path) for path in paths}


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
    with free_folder(out, "ensemble") as path, emptied_on_failure(path):
        fuse(path, members, kind, weights, console, max_error)
    return Ensemble(path)


def fuse(
    path: Path,
    members: Sequence[str | Path],
    kind: Kind,
    weights: Sharing,
    console: Console,
    max_error: float | None = None,
) -> None:
    """Write what `ensemble` makes into a folder that holds none of it yet; arguments and errors as there."""
    read = [read_member(one) for one in members]
    _refuse_twice(read)
    for one in read[1:]:
        columns_of(one.bundle.tasks, read[0].bundle.tasks, one.given)
    _refuse_idle(kind, weights, max_error, read[0].bundle.tasks)
    thresholds = shared_thresholds(read, max_error)
    tables = read_tables(read, kind, console, fits=max_error is not None or thresholds is not None)
    fitted = None if tables.fitting is None else fit_tables(kind, tables.fitting, console.stage("fusing"), weights)
    if fitted is not None and weights == "auto" and kind in ("weighted", "stacked"):
        console.note(Noted(f"--weights auto: {sharing_words(fitted.fusion, read[0].bundle.tasks.classes)}"))
    _conclude(path, read, tables, fitted, lambda table: fit_decision(table, max_error, thresholds), console)


def _refuse_arguments(members: Sequence[str | Path], kind: Kind, weights: Sharing, max_error: float | None) -> None:
    read_kind(kind)
    read_sharing(weights)
    if isinstance(members, str | Path) or len(members) < 2:
        raise InputError("a single bundle", expected="two or more for an ensemble")
    if max_error is not None and not 0 < max_error < 1:
        raise InputError(f"{max_error:g}", where="--max-error", expected="a share above 0 and below 1")


def _refuse_idle(kind: Kind, weights: Sharing, max_error: float | None, tasks: TaskLayout) -> None:
    """Refuse what means nothing for classes such as these."""
    refuse_idle_sharing(kind, weights, tasks.classes, exclusive=not tasks.multilabel)
    if max_error is not None and tasks.multilabel:
        what = "answers of any number of classes a picture are not withheld"
        raise InputError(what, where="--max-error", expected="members that name one class a picture")


def _refuse_twice(members: Sequence[Member]) -> None:
    """Refuse a bundle that is named twice, be it once by the folder of its run."""
    places = [one.folder.resolve() for one in members]
    for place, one in zip(places, members, strict=True):
        if places.count(place) > 1:
            raise InputError("named twice", where=one.given, expected="bundles that differ")


def _conclude(
    path: Path,
    members: Sequence[Member],
    tables: Tables,
    fitted: Fitted | None,
    decide: Callable[[AnyPredictions], AnyPolicy],
    console: Console,
) -> None:
    """From what was fitted to policy, scores, tables and, last, the bundle."""
    if tables.fitting is None or fitted is None:
        nothing = EnsembleSummary.unmeasured(tuple(one.given for one in members), equal_weights(len(members)))
        _write(path, members, equal_weights(len(members)), Policy(), nothing)
        return
    cross_fitted = tables.fitting.samples.table(fitted.fused.logits)
    policy, best = decide(cross_fitted), fitted.best_member
    for note in threshold_notes({"": policy}, members[0].bundle.tasks):
        console.note(Noted(note))
    known = tables.fitting.samples.known()
    selection, on_test = measure_part(cross_fitted, known, policy, fitted.fused, best), None
    cross_fitted.write(path / "predictions" / f"{tables.fitted_on}.parquet")
    if tables.test is not None:
        samples = tables.test.samples
        fused = fuse_tables(tables.test, [fitted.fusion], np.zeros(len(samples.ids), dtype=np.int64))
        table = samples.table(fused.logits)
        on_test = measure_part(table, samples.known(), policy, fused, best)
        table.write(path / "predictions" / "test.parquet")
    fusion, fitted_on = _knowing_frequencies(fitted.fusion, members, tables.fitting), tables.fitted_on
    about = (tuple(one.given for one in members), fusion.kind, fusion.weights, best, fitted_on)
    summary = EnsembleSummary(*about, selection, on_test, note_of(fitted_on))
    _write(path, members, fusion, policy, summary)


def _knowing_frequencies(fusion: Fusion, members: Sequence[Member], joined: Joined) -> Fusion:
    """The same; where a member can look at what another can't, with what is said of inputs that lack it."""
    if alike([one.bundle for one in members]):
        return fusion
    return replace(fusion, absent=tuple(joined.frequencies.tolist()))


def _write(path: Path, members: Sequence[Member], fusion: Fusion, policy: AnyPolicy, summary: EnsembleSummary) -> None:
    write_json(path / SUMMARY, summary.to_dict())
    write_thresholds(path, {"": policy}, members[0].bundle.tasks)
    bundles = [one.bundle for one in members]
    places, known = [one.folder for one in members], environment()
    here = {name: value for name, value in known.items() if name != "command"}  # which names the user's folders
    make_ensemble(path / "bundle", bundles, places, fusion, {"": policy}, results_of(summary), here)
