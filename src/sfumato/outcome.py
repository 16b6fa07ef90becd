"""What is left of a run: its scores, and the bundle that decides."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.bundle.folder import Bundle, write_bundle
from sfumato.bundle.samples import TEXTS, Sample, make_pictures
from sfumato.data.views import PLAIN, View, views_to_dict
from sfumato.decision.doubt.reference import NO_REFERENCES, References
from sfumato.decision.logit_adjustment import TAUS, class_priors, sweep
from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.policies import AnyPolicy, policies_to_dict
from sfumato.json_file import write_json
from sfumato.metrics.multilabel_results import AnyResults
from sfumato.models.dual_encoder import DualEncoder
from sfumato.models.family import files_of
from sfumato.models.network import needed
from sfumato.models.tower_merging import settle_towers
from sfumato.models.vlm.merging import settle
from sfumato.multilabel_predictions import AnyPredictions, MultilabelPredictions
from sfumato.predict.networks import averaged_logits
from sfumato.predict.predictor import load
from sfumato.predict.references import stored_references
from sfumato.preparation.elements import known_elements
from sfumato.preparation.prepared import Prepared
from sfumato.recipe.load import to_yaml, without_folders
from sfumato.run_folder import RunFolder, environment
from sfumato.teaching.teacher import read_facts


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

    def ask() -> NDArray[np.float32]:
        return averaged_logits([model], prepared.preprocess, views, pictures, policies, layout.slices, texts)

    spec = settle_towers(model, settle(model, spec, ask), ask)
    logits = ask()
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
        read_texts=model.reader.stored() if isinstance(model, DualEncoder) else None,
    )
    write_bundle(folder.bundle, bundle)
    load(folder.bundle, device="cpu")


def provenance(folder: RunFolder) -> dict[str, Any]:
    """Where a bundle comes from; without the command, which names the user's folders."""
    known = {name: value for name, value in environment().items() if name != "command"}
    teacher = read_facts(folder.teacher) if folder.teacher.is_file() else None
    taught_by = {"teacher": {"manifest_sha256": teacher.manifest_sha256}} if teacher else {}
    elements = known_elements(folder.load_recipe().recipe.data.elements)
    told = {} if elements is None else {"elements": list(elements)}
    return {**known, "data": folder.fingerprint(), **taught_by, **told}
