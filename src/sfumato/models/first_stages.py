"""The first stages of a network, and what follows them fed by their kept map: nothing of them is then computed.

What follows runs the backbone's own code. The modules that ran before the last of the first stages are passed over, for
they give zeros that take no memory; that last one gives the map. So whatever the code does between modules, it does as
ever, and whoever uses this compares one batch both ways first. Shapes: B batch.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from sfumato.models.network import Network

TOWER = "backbone"
"""Name of the part of a network whose stages these are."""


@dataclass(frozen=True)
class Ran:
    """A call of a module that has come to its end."""

    name: str
    shape: tuple[int, ...] | None
    """Of one sample's output; None where that is no single tensor of B samples."""
    dtype: torch.dtype
    learns: bool
    """Whether anything that learns had a part in its output."""

    @property
    def of_sample(self) -> tuple[int, ...]:
        """Its shape, where it has one."""
        return cast(tuple[int, ...], self.shape)


@dataclass(frozen=True)
class FirstStages:
    """The modules of a network up to one of them, at one image size."""

    last: str
    """The module whose output is the map."""
    before: tuple[str, ...]
    """All that ran before it came to its end, those within it too."""
    skipped: Mapping[str, Ran]
    """Those of them that are passed over."""
    tensors: tuple[str, ...]
    """Names of all parameters and buffers that may have had a part in the map."""
    shape: tuple[int, ...]
    """Of one sample's map."""
    dtype: torch.dtype
    """Of the map, as the network computes it."""
    size: int
    """Side of the pictures in pixels."""

    @property
    def bytes(self) -> int:
        """Of one sample's map."""
        return torch.Size(self.shape).numel() * self.dtype.itemsize

    def sized(self, network: Network, size: int) -> "FirstStages":
        """The same for pictures of another size.

        Args:
            network: In evaluation mode; asked within the precision that it will compute in.
            size: Side in pixels.

        Raises:
            RuntimeError: Other modules run then.
        """
        if size == self.size:
            return self
        picture = torch.zeros(1, 3, size, size, device=next(network.parameters()).device)
        with torch.no_grad():
            calls = {one.name: one for one in calls_of(network, picture)}
        there = {name: call for name, call in calls.items() if call.shape is not None}
        if not {self.last, *self.skipped} <= there.keys():
            raise RuntimeError(f"other modules run at {size} px")
        skipped = {name: there[name] for name in self.skipped}
        return replace(self, skipped=skipped, shape=there[self.last].of_sample, dtype=there[self.last].dtype, size=size)

    def maps(self, network: Network, images: Tensor) -> Tensor:
        """(B, 3, H, W) pictures -> the map of each; what follows is not computed."""
        module = network.get_submodule(self.last)
        found: list[Tensor] = []

        def stop(_: nn.Module, __: Any, output: Tensor) -> None:
            found.append(output)
            raise _ReachedError

        hook = module.register_forward_hook(stop)
        try:
            network.features(images)
        except _ReachedError:
            return found[0]
        finally:
            hook.remove()
        raise RuntimeError(f"{self.last} did not run")

    def follow(self, network: Network, maps: Tensor, passed_over: float = 0.0) -> tuple[Tensor, Tensor]:
        """Maps of B samples -> (B, D) features and (B, C) logits, as of their pictures.

        Args:
            network: Whose first stages these are.
            maps: As `maps` gives them.
            passed_over: What modules that are passed over give, and pictures hold; with nan whatever depends on them is
                nan too.
        """
        blank = maps.new_full((), passed_over, dtype=torch.float32).expand(len(maps), 3, self.size, self.size)
        with ExitStack() as stack:
            for name, call in self.skipped.items():
                given = maps.new_full((), passed_over, dtype=call.dtype).expand(len(maps), *call.of_sample)
                stack.enter_context(_giving(network.get_submodule(name), given))
            stack.enter_context(_giving(network.get_submodule(self.last), maps))
            return network(blank)


def calls_of(network: Network, images: Tensor) -> list[Ran]:
    """Every call of a module of the tower while it looks at pictures, in the order in which they end."""
    calls: list[Ran] = []

    def noting(name: str) -> Any:
        def note(_: nn.Module, __: Any, output: object) -> None:
            one = output if isinstance(output, Tensor) else None
            of_samples = one is not None and one.ndim > 1 and len(one) == len(images)
            shape = tuple(one.shape[1:]) if one is not None and of_samples else None
            calls.append(Ran(name, shape, torch.float32 if one is None else one.dtype, _learns(output)))

        return note

    named = cast(Iterator[tuple[str, nn.Module]], network.get_submodule(TOWER).named_modules(prefix=TOWER))
    hooks = [module.register_forward_hook(noting(name)) for name, module in named if name != TOWER]
    try:
        network.features(images)
    finally:
        for hook in hooks:
            hook.remove()
    return calls


def candidates(network: Network, calls: list[Ran], size: int) -> Generator[FirstStages]:
    """The first stages that nothing that learns has a part in, the longest first.

    Args:
        network: What learns must ask for its gradient.
        calls: Of its modules, made while gradients were kept.
        size: Side in pixels of what it was shown.
    """
    upto = next((place for place, call in enumerate(calls) if call.learns), len(calls))
    frozen = {name.rpartition(".")[0] for name, one in network.named_parameters() if not one.requires_grad}
    weighed = [place for place, call in enumerate(calls[:upto]) if call.name in frozen]
    for place in reversed(range(weighed[0] if weighed else upto, upto)):
        call = calls[place]
        if call.shape is not None and [one.name for one in calls].count(call.name) == 1:
            yield _first_stages(network, calls, place, size)


def _first_stages(network: Network, calls: list[Ran], place: int, size: int) -> FirstStages:
    last, later = calls[place], {call.name for call in calls[place + 1 :]}
    around = [last.name.rsplit(".", depth)[0] for depth in range(1, last.name.count(".") + 1)]
    before = tuple(dict.fromkeys(call.name for call in calls[: place + 1]))
    skipped: dict[str, Ran] = {}
    for call in sorted(calls[:place], key=lambda one: one.name.count(".")):  # what is around others comes first
        within = any(call.name.startswith(f"{name}.") for name in (*skipped, last.name))
        if call.shape is not None and not within and call.name not in later:
            skipped[call.name] = call
    after = tuple(f"{name}." for name in later - {*before, *around})
    return FirstStages(last.name, before, skipped, _taking_part(network, after), last.of_sample, last.dtype, size)


def _taking_part(network: Network, after: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the tensors of pixels and tower that do not learn, but for those of modules that run afterwards only.

    Modules that never run are not left out: others may take their weights.
    """
    learning = {name for name, one in network.named_parameters() if one.requires_grad}
    named = [name for name, _ in (*network.named_parameters(), *network.named_buffers())]
    own = [name for name in named if name.startswith(f"{TOWER}.") or "." not in name]
    return tuple(name for name in own if name not in learning and not name.startswith(after))


def _learns(output: object) -> bool:
    """Whether a tensor, or any of several, asks for its gradient."""
    if isinstance(output, (tuple, list)):
        return any(_learns(one) for one in cast(Iterable[object], output))
    return isinstance(output, Tensor) and output.requires_grad


@contextmanager
def _giving(module: nn.Module, output: Tensor) -> Generator[None]:
    """Within the context a module gives this, whatever it is asked."""

    def give(*_: Any, **__: Any) -> Tensor:
        return output

    module.forward = give
    try:
        yield
    finally:
        del module.__dict__["forward"]


class _ReachedError(Exception):
    """The map is there."""
