"""What a service says of its bundle: its tasks and classes, what answers hold, and the limits."""

from collections.abc import Mapping
from typing import Any

from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.policies import AnyPolicy
from sfumato.labels import LabelSpace
from sfumato.predict.cascade import CascadePredictor
from sfumato.predict.cascade_stages import Stages
from sfumato.predict.loading import AnyPredictor
from sfumato.serve.explaining import asked_of
from sfumato.serve.settings import ServeSettings
from sfumato.version import VERSION

LIMITS = ("files", "megabytes", "megapixels", "characters", "seconds")
"""Of a request; what other clients do is no client's business."""


def metadata(predictor: AnyPredictor, name: str, settings: ServeSettings) -> dict[str, Any]:
    """JSON-ready; nothing in it says where files lie or who trained on what."""
    said = settings.model_dump(mode="json")
    explains = {task: one.explains and settings.explanations > 0 for task, one in asked_of(predictor).items()}
    return {
        "name": name,
        "sfumato": VERSION,
        "multilabel": predictor.tasks.multilabel,
        "several_tasks": predictor.tasks.several,
        "reads_texts": predictor.reads_texts,
        "calibrated": predictor.calibrated,
        "names_sets": predictor.names_sets,
        "tells_familiarity": predictor.tells_familiarity,
        "explains": any(explains.values()),
        "tasks": [
            _task(task, space, predictor.policies[task], explains=explains.get(task, explains.get("products", False)))
            for task, space in predictor.tasks.spaces.items()
        ],
        "stages": _stages(predictor.stages, explains) if isinstance(predictor, CascadePredictor) else None,
        "limits": {limit: said[limit] for limit in LIMITS},
    }


def _stages(stages: Stages, explains: Mapping[str, bool]) -> list[dict[str, Any]]:
    """Each stage of a cascade as a task of its name, at the cascade's thresholds."""
    found = [_task(role, one.labels, one.policy, explains=explains[role]) for role, one in stages.of.items()]
    for stage in found:
        if stage["task"] == "gate":
            for one in stage["classes"]:
                one["threshold"] = stages.routes.gate if one["id"] == stages.routes.go else None
        elif stage["task"] == "products" and stages.routes.answer > 0:
            stage["abstention"] = {"by": "confidence", "threshold": stages.routes.answer}
    return found


def _task(task: str, space: LabelSpace, policy: AnyPolicy, *, explains: bool) -> dict[str, Any]:
    """A task: its name, "" for an only one, what it abstains by, and its classes in the order of the outputs."""
    thresholds = _thresholds(policy)
    classes = [
        {"id": one.id, "zh": one.zh, "en": one.en, "threshold": thresholds.get(place)}
        for place, one in enumerate(space.labels)
    ]
    return {"task": task, "explains": explains, "abstention": _abstention(policy), "classes": classes}


def _abstention(policy: AnyPolicy) -> dict[str, Any] | None:
    """By what it abstains, and below which value; None where it never does."""
    if isinstance(policy, MultilabelPolicy) or policy.abstention is None:
        return None
    return {"by": policy.abstention.by, "threshold": policy.abstention.threshold}


def _thresholds(policy: AnyPolicy) -> dict[int, float]:
    """Column -> from which probability on a class is named, of those that have a threshold."""
    if isinstance(policy, MultilabelPolicy):
        return dict(enumerate(map(float, policy.thresholds.values)))
    if policy.thresholds is None:
        return {}
    return dict(zip(policy.thresholds.places, map(float, policy.thresholds.fitted.values), strict=True))
