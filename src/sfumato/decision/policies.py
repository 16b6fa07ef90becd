"""The policies of a model with several tasks, one each, as one document."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from sfumato.decision.policy import Policy
from sfumato.decision.thresholds.document import answers_document
from sfumato.errors import InputError
from sfumato.json_file import read_json, write_json
from sfumato.tasks import TaskLayout, key, of_task


def policies_to_dict(policies: Mapping[str, Policy]) -> dict[str, Any]:
    """JSON-ready form, which `policies_from_dict` reads back; of an only task its policy alone."""
    if "" in policies:
        return policies[""].to_dict()
    return {"tasks": {task: policy.to_dict() for task, policy in policies.items()}}


def read_policies(path: Path, layout: TaskLayout) -> dict[str, Policy]:
    """Task -> its policy, from a bundle's policy.json; raises as `policies_from_dict`."""
    return policies_from_dict(read_json(path), layout, str(path))


def policies_from_dict(document: dict[str, Any], layout: TaskLayout, where: str) -> dict[str, Policy]:
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
    policies = {task: _policy(found[task], task, where) for task in layout.spaces}
    for task, space in layout.spaces.items():
        policies[task].check_classes(len(space), where)
    return policies


def write_thresholds(folder: Path, policies: Mapping[str, Policy], layout: TaskLayout) -> None:
    """Write thresholds.json, of several tasks thresholds.TASK.json each; nothing where a policy has no thresholds."""
    for task, policy in policies.items():
        if policy.thresholds is not None:
            document = answers_document(policy.thresholds, layout.spaces[task].names, policy.calibrator)
            write_json(folder / f"{of_task('thresholds', key(task))}.json", document)


def _policy(document: object, task: str, where: str) -> Policy:
    if not isinstance(document, dict):
        raise InputError(f"not policies: {task!r} is no mapping", where=where)
    return Policy.from_dict(cast(dict[str, Any], document), where)


def _names(layout: TaskLayout) -> str:
    return ", ".join(layout.spaces)
