"""What is left of a run: scores of its decisions, and the bundle that makes them."""

import json
from typing import Any, cast

from sfumato.bundle.folder import Bundle, write_bundle
from sfumato.bundle.samples import Sample, make_pictures
from sfumato.decision.policy import Policy
from sfumato.json_file import write_json
from sfumato.metrics.results import Results, measure
from sfumato.predict import load, picture_logits
from sfumato.predictions import Predictions
from sfumato.preparation import Prepared
from sfumato.recipe.load import to_yaml, without_folders
from sfumato.run_folder import RunFolder, environment


def measure_decisions(said: Predictions, policy: Policy) -> Results:
    """Scores, with intervals, of what a policy makes of a predictions table."""
    verdicts = policy.apply(said.logits)
    return measure(
        said.truth, verdicts.predicted, verdicts.confidence, verdicts.abstained, said.labels.names, said.groups
    )


def write_metrics(folder: RunFolder, results: dict[str, Results]) -> None:
    """Write metrics.json: the results of each part that was measured."""
    write_json(folder.metrics, {part: result.to_dict() for part, result in results.items()})


def make_bundle(folder: RunFolder, prepared: Prepared, policy: Policy, results: dict[str, Results]) -> None:
    """Write the bundle and load it once, so that it is known to check out before anybody relies on it."""
    model = prepared.model.cpu()
    recipe = without_folders(prepared.recipe)
    spec = recipe.model.model_copy(update={"head": model.head_spec})  # the timeline may have changed it
    pictures = make_pictures()
    logits = picture_logits(model, prepared.preprocess, pictures)
    samples = tuple(
        Sample(f"sample-{i}", picture, tuple(row))
        for i, (picture, row) in enumerate(zip(pictures, logits.tolist(), strict=True))
    )
    bundle = Bundle(
        weights=model.state_dict(),
        recipe=to_yaml(recipe),
        model=cast(dict[str, Any], json.loads(spec.model_dump_json())),
        transform=prepared.preprocess.to_dict(),
        labels=prepared.table.labels,
        policy=policy.to_dict(),
        results={part: result.to_dict() for part, result in results.items()},
        provenance=provenance(folder),
        samples=samples,
    )
    write_bundle(folder.bundle, bundle)
    load(folder.bundle, device="cpu")


def provenance(folder: RunFolder) -> dict[str, Any]:
    """Where a bundle comes from; without the command, which names the user's folders."""
    known = {name: value for name, value in environment().items() if name != "command"}
    return {**known, "data": folder.fingerprint()}
