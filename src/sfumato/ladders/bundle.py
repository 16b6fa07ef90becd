"""The bundle of the chosen rung: an image classifier like any other."""

import json
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sfumato.bundle.folder import Bundle, write_bundle
from sfumato.bundle.samples import Sample, make_pictures
from sfumato.data.views import PLAIN
from sfumato.decision.policies import AnyPolicy, policies_to_dict
from sfumato.ladders.folder import LadderFolder
from sfumato.ladders.network import adapted_network, adapted_spec
from sfumato.ladders.rungs.shots import Fitted
from sfumato.ladders.space import Space
from sfumato.metrics.multilabel_results import AnyResults
from sfumato.models.classifier import Classifier
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.models.network import needed
from sfumato.outcome import provenance
from sfumato.predict.networks import averaged_logits
from sfumato.predict.predictor import load
from sfumato.preparation.prepared import Prepared
from sfumato.recipe.load import to_yaml, without_folders


def write_ladder_bundle(
    folder: LadderFolder,
    prepared: Prepared,
    space: Space,
    fitted: Fitted,
    policies: Mapping[str, AnyPolicy],
    results: Mapping[str, AnyResults],
) -> None:
    """Write the bundle and load it once, so that it is known to check out.

    Args:
        folder: Of the ladder.
        prepared: The recipe and how pictures are prepared.
        space: The encoders.
        fitted: The chosen rung.
        policies: Task -> what decides on its logits.
        results: What was measured, by part.
    """
    spec = adapted_spec(cast(DualEncoderSpec, prepared.recipe.model), space.model, fitted)
    given = prepared.preprocess
    model = adapted_network(spec, space.model, fitted, given.size, given.mean, given.std)
    weights = {name: tensor for name, tensor in model.state_dict().items() if needed(name)}
    bundle = Bundle(
        members=(weights,),
        recipe=to_yaml(without_folders(prepared.recipe)),
        model=cast(dict[str, Any], json.loads(spec.model_dump_json())),
        transform=given.to_dict(),
        tasks=prepared.table.layout,
        policy=policies_to_dict(policies),
        results={part: found.to_dict() for part, found in results.items()},
        provenance=provenance(folder),
        samples=_samples(model, prepared, policies),
    )
    write_bundle(folder.bundle, bundle)
    load(folder.bundle, device="cpu")


def _samples(model: Classifier, prepared: Prepared, policies: Mapping[str, AnyPolicy]) -> tuple[Sample, ...]:
    pictures = make_pictures()
    slices = prepared.table.layout.slices
    logits: NDArray[np.float32] = averaged_logits([model], prepared.preprocess, (PLAIN,), pictures, policies, slices)
    rows = zip(pictures, logits.tolist(), strict=True)
    return tuple(Sample(f"sample-{i}", picture, tuple(row), "") for i, (picture, row) in enumerate(rows))
