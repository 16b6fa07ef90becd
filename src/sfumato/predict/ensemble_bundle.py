"""Making the bundle of an ensemble: copies of its members, and golden samples of what they say together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from sfumato.bundle.ensemble import AnyBundle, Ensemble, write_ensemble
from sfumato.bundle.samples import TEXTS, Sample, make_pictures
from sfumato.decision.fusion.fusion import Fusion
from sfumato.decision.policies import AnyPolicy, policies_to_dict
from sfumato.models.arithmetic import full_precision
from sfumato.predict.predictor import load
from sfumato.predict.together import Together


def make_ensemble(
    folder: Path,
    members: Sequence[AnyBundle],
    places: Sequence[Path],
    fusion: Fusion,
    policies: Mapping[str, AnyPolicy],
    results: dict[str, Any],
    provenance: dict[str, Any],
) -> None:
    """Write an ensemble and load it once, so that it is known to check out before anybody relies on it.

    Args:
        folder: Where it ends up; nothing may be there.
        members: The bundles; the first has the order of the classes.
        places: Their folders.
        fusion: How their answers become one.
        policies: Task -> how fused logits become decisions.
        results: What was measured, by part.
        provenance: Versions, hardware, date; that of each member is added.
    """
    pictures = make_pictures()
    ensemble = Ensemble(
        members=tuple(members),
        fusion=fusion.to_dict(),
        tasks=members[0].tasks,
        policy=policies_to_dict(policies),
        results=results,
        provenance={**provenance, "members": [one.provenance for one in members]},
        samples=(),
    )
    together = Together(ensemble, policies, str(folder), torch.device("cpu"))
    texts = TEXTS if together.reads_texts else ("",) * len(pictures)
    with full_precision():
        logits = together.read(pictures, texts).logits
    rows = zip(pictures, logits.tolist(), texts, strict=True)
    samples = tuple(Sample(f"sample-{i}", picture, tuple(row), text) for i, (picture, row, text) in enumerate(rows))
    write_ensemble(folder, replace(ensemble, samples=samples), places)
    load(folder, device="cpu")
