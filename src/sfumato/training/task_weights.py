"""How much each of several tasks counts, and what a recipe says of tasks that are not there."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from sfumato.data.table import Table
from sfumato.errors import InputError, nearest_name
from sfumato.losses.class_weights import GivenWeightsSpec
from sfumato.training.plan import Plan


def _form(value: object) -> str:
    return "word" if isinstance(value, str) else "each"


Weight = Annotated[float, Field(gt=0)]
TaskWeightsSpec = Annotated[
    Annotated[Literal["uncertainty"], Tag("word")] | Annotated[dict[str, Weight], Tag("each")], Discriminator(_form)
]
"""Task -> weight, 1 for those not named; or `uncertainty`, learnt."""


def weights_of(spec: TaskWeightsSpec | None, tasks: Mapping[str, object]) -> tuple[float, ...]:
    """T weights in the order of the tasks; learnt ones are all 1 here."""
    given: Mapping[str, float] = spec if isinstance(spec, dict) else {}
    return tuple(given.get(name, 1.0) for name in tasks)


def refuse_idle_tasks(weights: TaskWeightsSpec | None, drawn_by: str | None, table: Table, plan: Plan) -> None:
    """Refuse what names a task that is not there, or has no meaning for the number of tasks there are.

    Args:
        weights: The recipe's `train.task_weights`.
        drawn_by: The recipe's `train.sampler_task`.
        table: Samples with their tasks.
        plan: Of the training.

    Raises:
        InputError: With the reason.
    """
    if not table.layout.several:
        for name, value in (("task_weights", weights), ("sampler_task", drawn_by)):
            if value is not None:
                what, mend = "has no effect: there is one label column", "name several in data.columns.label"
                raise InputError(what, setting=f"train.{name}", mend=mend)
        return
    names = list(table.layout.spaces)
    for name in weights if isinstance(weights, dict) else ():
        _refuse_unknown(name, names, "train.task_weights")
    if drawn_by is not None:
        _refuse_unknown(drawn_by, names, "train.sampler_task")
        if not any(plan.tracks["sampler_power"].values):
            what, mend = "has no effect: nothing is balanced", "set the timeline's sampler_power"
            raise InputError(what, setting="train.sampler_task", mend=mend)
    _refuse_ambiguous(plan, names)


def _refuse_unknown(name: str, names: list[str], setting: str) -> None:
    if name not in names:
        near = nearest_name(name, names)
        raise InputError(f"no task {name!r}", setting=setting, expected=f"one of {', '.join(names)}", nearest=near)


def _refuse_ambiguous(plan: Plan, names: list[str]) -> None:
    """Refuse what means one class an image, where every image is of a class of each task."""
    for change in plan.centre_losses:
        if change.value is not None:
            what = f"draws an image to the centre of one class, and with {len(names)} tasks it is of {len(names)}"
            raise InputError(what, setting=change.setting, mend="leave it out, or name one label column")
    for change in plan.class_weights:
        if isinstance(change.value, GivenWeightsSpec):
            what = f"weights by class name, and the classes of {len(names)} tasks may share names"
            mend = "choose inverse_frequency or effective_number, computed for each task"
            raise InputError(what, setting=change.setting, mend=mend)
