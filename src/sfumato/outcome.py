"""What is left of a run: scores of its decisions, and the bundle that makes them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.bundle.folder import Bundle, write_bundle
from sfumato.bundle.samples import TEXTS, Sample, make_pictures
from sfumato.data.views import PLAIN, View, views_to_dict
from sfumato.decision.calibration import UNFITTED
from sfumato.decision.calibrators.one_vs_rest import sigmoid
from sfumato.decision.costs import CostMatrix
from sfumato.decision.doubt.reference import NO_REFERENCES, References
from sfumato.decision.doubt.sureness import Familiarity
from sfumato.decision.logit_adjustment import TAUS, class_priors, sweep
from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.policies import AnyPolicy, policies_to_dict
from sfumato.decision.policy import Policy, Verdicts
from sfumato.json_file import write_json
from sfumato.metrics.intervals import Interval
from sfumato.metrics.multilabel_results import AnyResults, MultilabelResults, measure_labels
from sfumato.metrics.results import Results, measure, with_sets
from sfumato.metrics.trust import cost_scores, doubt_scores, honesty_scores
from sfumato.models.family import files_of
from sfumato.models.network import needed
from sfumato.multilabel_predictions import AnyPredictions, MultilabelPredictions
from sfumato.predict.networks import averaged_logits
from sfumato.predict.predictor import load
from sfumato.predict.references import stored_references
from sfumato.predictions import Predictions
from sfumato.preparation.prepared import Prepared
from sfumato.recipe.load import to_yaml, without_folders
from sfumato.run_folder import RunFolder, environment
from sfumato.teaching.teacher import read_facts


@dataclass(frozen=True)
class Decided:
    """What a policy makes of N samples, with all that its honesty is measured by."""

    verdicts: Verdicts
    plain: NDArray[np.float64]
    """(N, C) probabilities that softmax makes of the logits as they are."""
    sureness: NDArray[np.float64]
    """(N,) by what abstention goes by."""
    costs: CostMatrix | None
    """What answers cost; None = they are not weighed."""


def decide(policy: Policy, logits: NDArray[np.floating], familiarity: Familiarity = None) -> Decided:
    """What a policy makes of (N, C) logits and, where it was measured, (N,) familiarity."""
    verdicts = policy.apply(logits, familiarity)
    plain = UNFITTED.probabilities(logits)
    return Decided(verdicts, plain, policy.sureness(logits, verdicts, familiarity), policy.costs)


def measure_any(said: AnyPredictions, policy: AnyPolicy, trained: NDArray[np.int64] | None = None) -> AnyResults:
    """As `measure_decisions`, or `measure_multilabel`: what the table and the policy are made for."""
    if isinstance(said, MultilabelPredictions):
        assert isinstance(policy, MultilabelPolicy)
        return measure_multilabel(said, policy, trained)
    assert isinstance(policy, Policy)
    return measure_decisions(said, policy, trained)


def measure_multilabel(
    said: MultilabelPredictions, policy: MultilabelPolicy, trained: NDArray[np.int64] | None = None
) -> MultilabelResults:
    """Scores, with intervals, of what a policy makes of samples of several classes; `trained`: (C,) training images.

    Samples of which not everything is known are left out.
    """
    said = said.known()
    verdicts = policy.apply(said.logits)
    return measure_labels(
        said.there,
        verdicts.named,
        sigmoid(said.logits.astype(np.float64)),
        verdicts.probabilities,
        said.labels.names,
        sets=verdicts.sets,
        groups=said.groups,
        trained=trained,
    )


def measure_decisions(said: Predictions, policy: Policy, trained: NDArray[np.int64] | None = None) -> Results:
    """Scores, with intervals, of what a policy makes of a predictions table; `trained`: (C,) training images.

    Samples of unknown class are left out.
    """
    said = said.known()
    return measure_decided(said, decide(policy, said.logits, said.familiarity), trained)


def measure_decided(said: Predictions, decided: Decided, trained: NDArray[np.int64] | None = None) -> Results:
    """The same of what was decided, of samples whose classes are all known; one policy or several may have done so."""
    verdicts, truth, groups = decided.verdicts, said.truth, said.groups
    results = _measure_verdicts(said, verdicts, trained)
    scores = {
        **honesty_scores(decided.plain, verdicts.probabilities, truth, groups),
        **doubt_scores(decided.sureness, verdicts.predicted == truth, verdicts.sets, truth, groups),
        **_costs(said, decided),
        **results.scores,
    }
    rows = results.classes if verdicts.sets is None else with_sets(results.classes, verdicts.sets, truth, groups)
    return replace(results, scores=scores, classes=rows)


def _costs(said: Predictions, decided: Decided) -> dict[str, Interval]:
    """What answers cost, where the policy weighs it."""
    if decided.costs is None:
        return {}
    costs, verdicts = np.array(decided.costs.costs), decided.verdicts
    return cost_scores(costs, verdicts.probabilities.argmax(axis=1), verdicts.predicted, said.truth, said.groups)


def _measure_verdicts(said: Predictions, verdicts: Verdicts, trained: NDArray[np.int64] | None) -> Results:
    return measure(
        said.truth,
        verdicts.predicted,
        verdicts.confidence,
        verdicts.abstained,
        said.labels.names,
        said.groups,
        probabilities=verdicts.probabilities,
        trained=trained,
    )


def write_tau_curve(
    folder: RunFolder, val: AnyPredictions, policy: AnyPolicy, trained: NDArray[np.int64], task: str = ""
) -> None:
    """Write tau_curve.csv: what each strength of post-hoc logit adjustment reaches on validation, the policy's too.

    Where a sample may be of several classes there is none: their thresholds are what moves.

    Args:
        folder: Of the run.
        val: What its weights say of the validation samples; those of unknown class are left out.
        policy: Its strength has a row even where the recipe gave one between the steps.
        trained: (C,) training images of each class.
        task: One of several tasks.
    """
    if isinstance(val, MultilabelPredictions) or isinstance(policy, MultilabelPolicy):
        return
    taus = sorted({*TAUS, policy.adjustment.tau} if policy.adjustment else TAUS)
    known = val.known()
    rows = sweep(known.logits, known.truth, class_priors(trained), taus)
    pl.DataFrame([asdict(row) for row in rows]).write_csv(folder.tau_curve_of(task))


def write_metrics(folder: RunFolder, results: Mapping[str, AnyResults]) -> None:
    """Write metrics.json: the results of each part that was measured; of several tasks each as `PART.TASK`."""
    write_json(folder.metrics, {part: result.to_dict() for part, result in results.items()})


def make_bundle(
    folder: RunFolder,
    prepared: Prepared,
    policies: Mapping[str, AnyPolicy],
    results: Mapping[str, AnyResults],
    views: Sequence[View] = (PLAIN,),
    references: References = NO_REFERENCES,
) -> None:
    """Write the bundle and load it once, so that it is known to check out before anybody relies on it.

    Args:
        folder: Of the run.
        prepared: Its model has the weights that were kept.
        policies: Task -> what decides on the logits.
        results: What was measured, by part.
        views: In which the bundle looks at pictures, the plain one first.
        references: By which familiarity is measured, of each task; empty = it is not.
    """
    model = prepared.model.cpu()
    recipe = without_folders(prepared.recipe)
    spec = recipe.model.model_copy(update={"head": model.head_spec})  # the timeline may have changed it
    pictures = make_pictures()
    layout = prepared.table.layout
    texts = TEXTS if model.reads_texts else ("",) * len(pictures)
    logits = averaged_logits([model], prepared.preprocess, views, pictures, policies, layout.slices, texts)
    samples = tuple(
        Sample(f"sample-{i}", picture, tuple(row), text)
        for i, (picture, row, text) in enumerate(zip(pictures, logits.tolist(), texts, strict=True))
    )
    bundle = Bundle(
        members=({name: tensor for name, tensor in model.state_dict().items() if needed(name)},),
        recipe=to_yaml(recipe),
        model=cast(dict[str, Any], json.loads(spec.model_dump_json())),
        transform=prepared.preprocess.to_dict(),
        tasks=layout,
        policy=policies_to_dict(policies),
        results={part: result.to_dict() for part, result in results.items()},
        provenance=provenance(folder),
        samples=samples,
        views=views_to_dict(views) if len(views) > 1 else None,
        text=files_of(model),
        references=stored_references([references]),
    )
    write_bundle(folder.bundle, bundle)
    load(folder.bundle, device="cpu")


def provenance(folder: RunFolder) -> dict[str, Any]:
    """Where a bundle comes from; without the command, which names the user's folders."""
    known = {name: value for name, value in environment().items() if name != "command"}
    teacher = read_facts(folder.teacher) if folder.teacher.is_file() else None
    taught_by = {"teacher": {"manifest_sha256": teacher.manifest_sha256}} if teacher else {}
    return {**known, "data": folder.fingerprint(), **taught_by}
