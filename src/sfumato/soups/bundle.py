"""The bundle of a soup: one network, as of any run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sfumato.bundle.folder import Bundle, write_bundle
from sfumato.data.views import PLAIN
from sfumato.decision.doubt.reference import References
from sfumato.decision.policies import AnyPolicy, policies_to_dict
from sfumato.outcome import provenance
from sfumato.predict.networks import averaged_logits
from sfumato.predict.predictor import load
from sfumato.predict.references import stored_references
from sfumato.soups.ingredients import RunIngredient
from sfumato.soups.trial import Soup
from sfumato.training.job import Job


def write_soup_bundle(
    folder: Path,
    runs: Sequence[RunIngredient],
    made: Soup,
    job: Job,
    policies: Mapping[str, AnyPolicy],
    results: dict[str, Any],
    references: References,
) -> None:
    """Write a bundle and load it once, so that it is known to check out. It looks in the plain view alone.

    Args:
        folder: Where it ends up.
        runs: All that were tried.
        made: Of which of them it is.
        job: Its model carries the weights.
        policies: Task -> its policy.
        results: What was measured, by part.
        references: By which familiarity is measured; empty = it is not.
    """
    taken = [runs[place] for place in made.places]
    first = taken[0].bundle
    pictures = [sample.pixels for sample in first.samples]
    model, slices, texts = job.model.cpu(), first.tasks.slices, [sample.text for sample in first.samples]
    logits = averaged_logits([model], job.preprocess, (PLAIN,), pictures, policies, slices, texts)
    pairs = zip(first.samples, logits.tolist(), strict=True)
    data = [{"run": Path(one.name).name, **one.folder.fingerprint()} for one in taken]
    bundle = Bundle(
        members=(made.weights,),
        recipe=first.recipe,
        model=first.model,
        transform=first.transform,
        tasks=first.tasks,
        policy=policies_to_dict(policies),
        results=results,
        provenance={**provenance(taken[0].folder), "soup": data},
        samples=tuple(replace(sample, logits=tuple(row)) for sample, row in pairs),
        text=first.text,
        references=stored_references([references]),
    )
    write_bundle(folder, bundle)
    load(folder, device="cpu")
