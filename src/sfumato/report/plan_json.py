"""A prepared recipe as JSON: how long it is, its moments, the class prior it implies, and where its pictures lie."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from sfumato.preparation.prepared import Prepared
from sfumato.report.plan_table import plan_rows
from sfumato.training.priors import priors


def plan_json(prepared: Prepared, folder: Path) -> dict[str, Any]:
    """Everything `sfumato plan` tells, but for what is measured."""
    plan, train = prepared.plan, prepared.table.part("train")
    mix = prepared.recipe.train.sampler
    return {
        "epochs": plan.clock.epochs,
        "steps": plan.steps,
        "samples": plan.samples,
        "picture": str(folder / "plan.svg"),
        "png": str(folder / "plan.png"),
        "notes": prepared.notes,
        "prior": [asdict(phase) for phase in priors(plan, train.class_counts, train.labels.names, mix)],
        "moments": plan_rows(plan, prepared.model),
    }
