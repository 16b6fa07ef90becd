"""One bundle of the runs of all folds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sfumato.bundle.folder import Bundle, read_bundle, write_bundle
from sfumato.bundle.samples import Sample
from sfumato.data.preprocess import Preprocess
from sfumato.data.views import PLAIN, View, views_to_dict
from sfumato.decision.fusion.fitting import equal_weights
from sfumato.decision.policies import AnyPolicy, policies_to_dict
from sfumato.errors import RunError
from sfumato.outcome import provenance
from sfumato.predict.building import build_networks
from sfumato.predict.ensemble_bundle import make_ensemble
from sfumato.predict.networks import averaged_logits
from sfumato.predict.predictor import load
from sfumato.predict.references import joined_references
from sfumato.recipe.load import to_yaml, without_folders
from sfumato.recipe.schema import Recipe
from sfumato.run_folder import RunFolder


def make_averaged_bundle(
    folder: Path,
    runs: Sequence[RunFolder],
    recipe: Recipe,
    policies: Mapping[str, AnyPolicy],
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
    if any(one.tasks != first.tasks for one in bundles):
        raise RunError("the folds ended with different classes, which can't be averaged in one bundle")
    data = [run.fingerprint() for run in runs]
    origin = {**provenance(runs[0]), "data": data[0], "folds": data}
    if any((one.model, one.transform, one.text) != (first.model, first.transform, first.text) for one in bundles):
        _keep_each(folder, [_under(one, policies, views) for one in bundles], policies, results, origin)
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
        samples=golden_samples(bundles, policies, views),
        views=views_to_dict(views) if len(views) > 1 else None,
        text=first.text,
        references=joined_references(bundles),
    )
    write_bundle(folder, bundle)
    load(folder, device="cpu")


def _keep_each(
    folder: Path,
    bundles: Sequence[Bundle],
    policies: Mapping[str, AnyPolicy],
    results: dict[str, Any],
    origin: dict[str, Any],
) -> None:
    """Write an ensemble of networks of different make: early stopping ended them on either side of a change of head or
    size, or each fold learnt its own words. Each is a bundle under the policy that all share, so that the mean of their
    means is that of all.
    """
    with TemporaryDirectory(prefix=".folds.", dir=folder.parent) as work:
        places = [Path(work) / str(index) for index in range(len(bundles))]
        for place, one in zip(places, bundles, strict=True):
            write_bundle(place, one)
        make_ensemble(folder, bundles, places, equal_weights(len(bundles), "folds"), policies, results, origin)


def _under(bundle: Bundle, policies: Mapping[str, AnyPolicy], views: Sequence[View]) -> Bundle:
    """A fold's bundle with the policy and the views that all folds share."""
    seen = views_to_dict(views) if len(views) > 1 else None
    samples = golden_samples([bundle], policies, views)
    return replace(bundle, policy=policies_to_dict(policies), views=seen, samples=samples)


def golden_samples(
    bundles: Sequence[Bundle], policies: Mapping[str, AnyPolicy], views: Sequence[View]
) -> tuple[Sample, ...]:
    """The golden samples, which are the same for all, with what the average under the policies must give them."""
    first = bundles[0]
    preprocess = Preprocess.from_dict(first.transform, "transform.json")
    models = [model for one in bundles for model in build_networks(one, preprocess, "bundle")]
    pictures = [sample.pixels for sample in first.samples]
    texts = [sample.text for sample in first.samples]
    mean = averaged_logits(models, preprocess, views, pictures, policies, first.tasks.slices, texts)
    pairs = zip(first.samples, mean.tolist(), strict=True)
    return tuple(replace(sample, logits=tuple(row)) for sample, row in pairs)
