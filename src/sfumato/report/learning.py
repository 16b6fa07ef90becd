"""Which parts of the network learn when, as bars on an epoch axis: parameters that share one fate are one bar."""

from collections import defaultdict
from dataclasses import dataclass

from torch import nn

from sfumato.short import short
from sfumato.training.parameters import scales
from sfumato.training.plan import Plan
from sfumato.training.settings import FROZEN

MOST_BARS = 12
"""With more fates than this, each top part of the network is one bar."""


@dataclass(frozen=True)
class LearningPiece:
    """A stretch of training in which the same part of a group learns."""

    start: float
    """Epoch."""
    end: float
    """Epoch."""
    share: float
    """Of the group's parameters that learns, 0 to 1."""
    text: str


@dataclass(frozen=True)
class LearningBar:
    """A group of parameters over the whole training."""

    name: str
    parameters: int
    pieces: tuple[LearningPiece, ...]


def learning_bars(plan: Plan, model: nn.Module) -> tuple[LearningBar, ...]:
    """One bar a group, the end of the network (its head) first."""
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    tables = [scales(sizes, change.value, change.setting, now=False) for change in plan.learn]
    fates = {name: tuple(table[name] for table in tables) for name in sizes}
    groups = _by_fate(fates)
    if len(groups) > MOST_BARS:
        groups = _by_top(fates)
    return tuple(_bar(plan, label, names, fates, sizes) for label, names in reversed(groups.items()))


def scale_text(scale: float) -> str:
    """What a pattern's scale makes of its parameters: frozen, learns, learns at 0.1 x lr."""
    return (
        "frozen" if scale == FROZEN else "learns" if scale == 1 else f"learns at {scale:g} \N{MULTIPLICATION SIGN} lr"
    )


def _by_fate(fates: dict[str, tuple[float, ...]]) -> dict[str, list[str]]:
    groups: defaultdict[tuple[str, tuple[float, ...]], list[str]] = defaultdict(list)
    for name, fate in fates.items():
        groups[_top(name), fate].append(name)
    labelled: dict[str, list[str]] = {}
    for (top, _), names in groups.items():
        label = _label(top, names, list(fates))
        labelled[label] = [*labelled.get(label, []), *names]
    return labelled


def _by_top(fates: dict[str, tuple[float, ...]]) -> dict[str, list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in fates:
        groups[_top(name)].append(name)
    return dict(groups)


def _label(top: str, names: list[str], everything: list[str]) -> str:
    """The module that holds these parameters and no other, or the first and last of a row of modules."""
    first = everything.index(names[0])
    if everything[first : first + len(names)] != names:
        return f"rest of {top}"
    begin, end = (_module_of(name, set(names), everything) for name in (names[0], names[-1]))
    return begin if begin == end else f"{_below(begin)} \N{EN DASH} {_below(end)}"


def _module_of(name: str, mine: set[str], everything: list[str]) -> str:
    """The outermost module around a parameter that holds nothing but `mine`."""
    steps = name.split(".")
    prefixes = (".".join(steps[:depth]) for depth in range(1, len(steps)))
    inside = (prefix for prefix in prefixes if all(one in mine for one in everything if one.startswith(f"{prefix}.")))
    return next(inside, name)


def _below(name: str) -> str:
    return name.split(".", maxsplit=1)[-1]


def _top(name: str) -> str:
    return name.split(".", maxsplit=1)[0]


def _bar(
    plan: Plan, label: str, names: list[str], fates: dict[str, tuple[float, ...]], sizes: dict[str, int]
) -> LearningBar:
    ends = [*(change.begin for change in plan.learn[1:]), float(plan.clock.epochs)]
    total = sum(sizes[name] for name in names)
    pieces: list[LearningPiece] = []
    for index, (change, end) in enumerate(zip(plan.learn, ends, strict=True)):
        scale_of = {name: fates[name][index] for name in names}
        learning = sum(sizes[name] for name, scale in scale_of.items() if scale != FROZEN)
        text = _fate_text(set(scale_of.values()), learning)
        start = pieces.pop().start if pieces and pieces[-1].text == text else change.begin
        pieces.append(LearningPiece(start, end, learning / max(1, total), text))
    return LearningBar(label, total, tuple(pieces))


def _fate_text(scale_set: set[float], learning: int) -> str:
    if len(scale_set) == 1:
        return scale_text(next(iter(scale_set)))
    return "learns, lr by layer" if FROZEN not in scale_set else f"{short(learning)} learn"
