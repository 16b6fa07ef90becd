"""Which parameters learn: patterns over names; the first match wins, every name matches, every pattern serves."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from itertools import chain

import torch
from torch import nn

from sfumato.errors import InputError, nearest_name
from sfumato.models.heads import Head
from sfumato.models.network import Network
from sfumato.training.plan import Plan
from sfumato.training.settings import FROZEN
from sfumato.training.timeline import LearnTable


def scales(names: Iterable[str], table: LearnTable, setting: str, *, now: bool = True) -> dict[str, float]:
    """Learning-rate scale of each parameter; FROZEN where it does not learn.

    Args:
        names: Parameter names, such as `backbone.blocks.0.conv.weight`.
        table: (pattern, scale) in order; `*` in a pattern stands for any characters, dots included.
        setting: Recipe path of the table, for errors.
        now: Whether the table holds for these very names, and must fit them. One that holds while another head stands
            may name none of the parameters of this one, which then do not learn.

    Raises:
        InputError: A name that no pattern matches, or a pattern that decides over no name.
    """
    names = list(names)
    served: set[str] = set()
    result: dict[str, float] = {}
    for name in names:
        match = next(((pattern, scale) for pattern, scale in table if fnmatchcase(name, pattern)), None)
        if match is None and now:
            raise InputError(f"no pattern covers {name}", setting=setting, mend='end with "*": frozen, or "*": 1')
        pattern, result[name] = match or ("", FROZEN)
        served.add(pattern)
    for pattern, _ in table:
        if pattern not in served and now:
            _refuse_pattern(pattern, names, setting)
    if now and not any(result.values()):
        raise InputError("nothing learns", setting=setting, expected="a pattern with a scale above 0")
    return result


def check_learning(model: Network, plan: Plan) -> None:
    """Refuse learning tables that do not fit the parameters there are while they hold, whichever heads stand then.

    Raises:
        InputError: As `scales`.
    """
    ends = [*(change.begin for change in plan.learn[1:]), float(plan.clock.epochs)]
    body = [name for name, _ in model.named_parameters() if not name.startswith("head.")]
    for change, end in zip(plan.learn, ends, strict=True):
        heads = [plan.head_at(change.begin), *(h.value for h in plan.heads if change.begin < h.begin < end)]
        built = [model.new_head(head) for head in heads]
        of_heads = [[f"head.{name}" for name, _ in head.named_parameters()] for head in built]
        scales(dict.fromkeys([*body, *chain(*of_heads)]), change.value, change.setting)
        for head, own in zip(heads, of_heads, strict=True):
            if not any(scales([*body, *own], change.value, change.setting, now=False).values()):
                what = f"nothing learns while the {head.kind} head stands"
                raise InputError(what, setting=change.setting, expected="a pattern for its weights, such as head.*")


def apply_learning(model: nn.Module, table: LearnTable) -> None:
    """Let the named parameters learn and freeze the others, in training mode.

    A module whose parameters are all frozen goes to evaluation mode: gradients do not reach the running statistics of
    batch norm, so freezing parameters alone would still change the network.
    """
    by_name = scales((name for name, _ in model.named_parameters()), table, "timeline", now=False)
    for name, parameter in model.named_parameters():
        learns = by_name[name] != FROZEN
        parameter.requires_grad_(learns)
        if not learns:
            parameter.grad = None
    model.train()
    for module in model.modules():
        own = list(module.parameters())
        if own and not any(parameter.requires_grad for parameter in own):
            module.eval()


def learnable(model: nn.Module, table: LearnTable) -> tuple[int, int]:
    """(parameters that learn, all parameters), counted in numbers."""
    numbers = sizes(model)
    by_name = scales(numbers, table, "timeline", now=False)
    return sum(size for name, size in numbers.items() if by_name[name] != FROZEN), sum(numbers.values())


def sizes(model: nn.Module, head: Head | None = None) -> dict[str, int]:
    """Numbers in each parameter; with another head than the model's own, as if that one stood on it."""
    own = {name: parameter.numel() for name, parameter in model.named_parameters()}
    if head is None or not isinstance(model, Network) or head == model.head_spec:
        return own
    with torch.device("meta"):
        other = model.new_head(head)
    body = {name: size for name, size in own.items() if not name.startswith("head.")}
    return {**body, **{f"head.{name}": parameter.numel() for name, parameter in other.named_parameters()}}


def decided(numbers: Mapping[str, int], table: LearnTable) -> dict[str, int]:
    """Numbers in the parameters that each pattern of a table decides over, those of `sizes`."""
    first = {name: next((pattern for pattern, _ in table if fnmatchcase(name, pattern)), None) for name in numbers}
    return {pattern: sum(numbers[name] for name in first if first[name] == pattern) for pattern, _ in table}


def _refuse_pattern(pattern: str, names: list[str], setting: str) -> None:
    if any(fnmatchcase(name, pattern) for name in names):
        raise InputError(
            f"pattern {pattern!r} has no effect: those before it match all its parameters", setting=setting
        )
    prefixes = [".".join(name.split(".")[:depth]) + ".*" for name in names for depth in (1, 2, 3)]
    tops = ", ".join(dict.fromkeys(name.split(".")[0] + ".*" for name in names))
    raise InputError(
        f"pattern {pattern!r} matches no parameter",
        setting=setting,
        expected=f"patterns such as {tops}",
        nearest=nearest_name(pattern, prefixes),
    )
