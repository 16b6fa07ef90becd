"""A bundle with another decision: its networks as they were."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sfumato.bundle.folder import Bundle, write_bundle
from sfumato.data.views import View
from sfumato.decision.policies import AnyPolicy, policies_to_dict
from sfumato.folds.averaged_bundle import golden_samples
from sfumato.metrics.multilabel_results import AnyResults
from sfumato.predict.predictor import load
from sfumato.recipe.load import to_yaml, without_folders
from sfumato.recipe.schema import Recipe
from sfumato.version import VERSION


def write_decided_bundle(
    folder: Path,
    bundle: Bundle,
    views: tuple[View, ...],
    recipe: Recipe,
    policies: Mapping[str, AnyPolicy],
    results: Mapping[str, AnyResults],
    settings: Mapping[str, Any],
) -> None:
    """Write the bundle and load it once, so that it is known to check out.

    The golden logits of a single network hold whatever is decided on them. Those of several networks or views are an
    average under the policy, so they are computed anew, of the golden pictures alone.

    Args:
        folder: Where it ends up.
        bundle: The former one.
        views: In which it looks at pictures.
        recipe: With the new settings.
        policies: Task -> the new policy.
        results: What was measured, by part.
        settings: What was changed, for its provenance.
    """
    alone = len(bundle.members) == len(views) == 1
    decided = {
        "sfumato": VERSION,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": dict(settings),
    }
    document = replace(
        bundle,
        recipe=to_yaml(without_folders(recipe)),
        policy=policies_to_dict(policies),
        results={part: found.to_dict() for part, found in results.items()},
        provenance={**bundle.provenance, "decided": decided},
        references=None if recipe.decision.measure is None else bundle.references,
        samples=bundle.samples if alone else golden_samples([bundle], policies, views),
    )
    write_bundle(folder, document)
    load(folder, device="cpu")
