"""One bundle of the runs of all folds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sfumato.bundle.folder import Bundle, read_bundle, write_bundle
from sfumato.bundle.samples import Sample
from sfumato.decision.averaging import averaged_tasks
from sfumato.decision.fusion_fit import equal_weights
from sfumato.decision.policies import policies_to_dict
from sfumato.decision.policy import Policy
from sfumato.errors import RunError
from sfumato.outcome import provenance
from sfumato.predict.ensemble_bundle import make_ensemble
from sfumato.predict.predictor import load
from sfumato.recipe.load import to_yaml, without_folders
from sfumato.recipe.schema import Recipe
from sfumato.run_folder import RunFolder


def make_averaged_bundle(
    folder: Path, runs: Sequence[RunFolder], recipe: Recipe, policies: Mapping[str, Policy], results: dict[str, Any]
) -> None:
    """Write a bundle whose members are those of the runs, and load it once, so that it is known to check out.

    Args:
        folder: Where it ends up.
        runs: Finished runs of one recipe, a fold each.
        recipe: Of all of them, naming no fold.
        policies: Task -> the policy fitted on all folds, which calibrates each member before they are averaged.
        results: What was measured, by part.
    """
    bundles = [read_bundle(run.bundle) for run in runs]
    first = bundles[0]
    if any(one.tasks != first.tasks for one in bundles):
        raise RunError("the folds ended with different classes, which can't be averaged in one bundle")
    data = [run.fingerprint() for run in runs]
    origin = {**provenance(runs[0]), "data": data[0], "folds": data}
    if any((one.model, one.transform) != (first.model, first.transform) for one in bundles):
        # early stopping ended them before and after a change of head or size: each is kept with its own make
        fusion = equal_weights(len(bundles), "folds")
        make_ensemble(folder, bundles, [run.bundle for run in runs], fusion, policies, results, origin)
        return
    bundle = Bundle(
        members=tuple(weights for one in bundles for weights in one.members),
        recipe=to_yaml(without_folders(recipe)),
        model=first.model,
        transform=first.transform,
        tasks=first.tasks,
        policy=policies_to_dict(policies),
        results=results,
        provenance=origin,
        samples=_samples(bundles, policies),
    )
    write_bundle(folder, bundle)
    load(folder, device="cpu")


def _samples(bundles: Sequence[Bundle], policies: Mapping[str, Policy]) -> tuple[Sample, ...]:
    """The golden samples, which are the same for all, with what the average must give them."""
    logits = np.array([[sample.logits for sample in one.samples] for one in bundles], dtype=np.float32)
    mean = averaged_tasks(logits, policies, bundles[0].tasks.slices)
    pairs = zip(bundles[0].samples, mean.tolist(), strict=True)
    return tuple(Sample(sample.name, sample.pixels, tuple(row)) for sample, row in pairs)
