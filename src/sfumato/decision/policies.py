"""The policies of a model with several tasks, one each, as one document."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from sfumato.decision.doubt.reference import Measure
from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.policy import Policy
from sfumato.decision.thresholds.document import answers_document, thresholds_document
from sfumato.errors import InputError
from sfumato.json_file import read_json, write_json
from sfumato.tasks import TaskLayout, key, of_task

AnyPolicy = Policy | MultilabelPolicy
"""Of samples of one class each, or of any number."""


def measures(policies: Mapping[str, AnyPolicy]) -> dict[str, Measure]:
    """Task -> how its policy measures familiarity, of those that do."""
    asked: dict[str, Measure] = {}
    for task, policy in policies.items():
        if isinstance(policy, Policy) and policy.measure is not None:
            asked[task] = policy.measure
    return asked


def policies_to_dict(policies: Mapping[str, AnyPolicy]) -> dict[str, Any]:
    """JSON-ready form, which `policies_from_dict` reads back; of an only task its policy alone."""
    if "" in policies:
        return policies[""].to_dict()
    return {"tasks": {task: policy.to_dict() for task, policy in policies.items()}}


def read_policies(path: Path, layout: TaskLayout) -> dict[str, AnyPolicy]:
    """Task -> its policy, from a bundle's policy.json; raises as `policies_from_dict`."""
    return policies_from_dict(read_json(path), layout, str(path))


def policies_from_dict(document: dict[str, Any], layout: TaskLayout, where: str) -> dict[str, AnyPolicy]:
    """Task -> its policy, from a policy.json; `where` names it in errors.

    Raises:
        InputError: No such document, or one of other tasks or classes.
    """
    documents = document.get("tasks") if layout.several else {"": document}
    if not isinstance(documents, dict) or (layout.several and (document.keys() - {"tasks"})):
        raise InputError("not policies: no `tasks`", where=where, expected=f"a policy for each of {_names(layout)}")
    found = cast(dict[str, object], documents)
    if found.keys() != layout.spaces.keys():
        raise InputError(f"not policies: tasks {', '.join(found)}", where=where, expected=_names(layout))
    kind = MultilabelPolicy if layout.multilabel else Policy
    policies: dict[str, AnyPolicy] = {task: _policy(kind, found[task], task, where) for task in layout.spaces}
    for task, space in layout.spaces.items():
        policies[task].check_classes(len(space), where)
    return policies


def write_thresholds(folder: Path, policies: Mapping[str, AnyPolicy], layout: TaskLayout) -> None:
    """Write thresholds.json, of several tasks thresholds.TASK.json each; nothing where a policy has no thresholds."""
    for task, policy in policies.items():
        document = _thresholds(policy, layout.spaces[task].names)
        if document is not None:
            write_json(folder / f"{of_task('thresholds', key(task))}.json", document)


def _thresholds(policy: AnyPolicy, names: tuple[str, ...]) -> dict[str, Any] | None:
    if isinstance(policy, MultilabelPolicy):
        return thresholds_document(policy.thresholds, names, policy.calibrator)
    return policy.thresholds and answers_document(policy.thresholds, names, policy.calibrator)


def _policy(kind: type[AnyPolicy], document: object, task: str, where: str) -> AnyPolicy:
    if not isinstance(document, dict):
        raise InputError(f"not policies: {task!r} is no mapping", where=where)
    return kind.from_dict(cast(dict[str, Any], document), where)


def _names(layout: TaskLayout) -> str:
    return ", ".join(layout.spaces)
