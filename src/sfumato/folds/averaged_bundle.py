"""One bundle of the runs of all folds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sfumato.bundle.folder import Bundle, read_bundle, write_bundle
from sfumato.bundle.samples import Sample
from sfumato.data.preprocess import Preprocess
from sfumato.data.views import PLAIN, View, views_to_dict
from sfumato.decision.policies import policies_to_dict
from sfumato.decision.policy import Policy
from sfumato.errors import RunError
from sfumato.outcome import provenance
from sfumato.predict.networks import averaged_logits, build_networks
from sfumato.predict.predictor import load
from sfumato.recipe.load import to_yaml, without_folders
from sfumato.recipe.schema import Recipe
from sfumato.run_folder import RunFolder


def make_averaged_bundle(
    folder: Path,
    runs: Sequence[RunFolder],
    recipe: Recipe,
    policies: Mapping[str, Policy],
    results: dict[str, Any],
    views: Sequence[View] = (PLAIN,),
) -> None:
    """Write a bundle whose members are those of the runs, and load it once, so that it is known to check out.

    Args:
        folder: Where it ends up.
        runs: Finished runs of one recipe, a fold each.
        recipe: Of all of them, naming no fold.
        policies: Task -> the policy fitted on all folds, which calibrates each member before they are averaged.
        results: What was measured, by part.
        views: In which every network looks at pictures, the plain one first.
    """
    bundles = [read_bundle(run.bundle) for run in runs]
    first = bundles[0]
    if any((one.model, one.transform, one.tasks) != (first.model, first.transform, first.tasks) for one in bundles):
        raise RunError("the folds ended with networks of different make, which can't be averaged in one bundle")
    data = [run.fingerprint() for run in runs]
    bundle = Bundle(
        members=tuple(weights for one in bundles for weights in one.members),
        recipe=to_yaml(without_folders(recipe)),
        model=first.model,
        transform=first.transform,
        tasks=first.tasks,
        policy=policies_to_dict(policies),
        results=results,
        provenance={**provenance(runs[0]), "data": data[0], "folds": data},
        samples=_samples(bundles, policies, views),
        views=views_to_dict(views) if len(views) > 1 else None,
    )
    write_bundle(folder, bundle)
    load(folder, device="cpu")


def _samples(bundles: Sequence[Bundle], policies: Mapping[str, Policy], views: Sequence[View]) -> tuple[Sample, ...]:
    """The golden samples, which are the same for all, with what the average must give them."""
    first = bundles[0]
    preprocess = Preprocess.from_dict(first.transform, "transform.json")
    models = [model for one in bundles for model in build_networks(one, preprocess, "bundle")]
    pictures = [sample.pixels for sample in first.samples]
    mean = averaged_logits(models, preprocess, views, pictures, policies, first.tasks.slices)
    pairs = zip(first.samples, mean.tolist(), strict=True)
    return tuple(Sample(sample.name, sample.pixels, tuple(row)) for sample, row in pairs)
