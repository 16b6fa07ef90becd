"""How long work over many items shows where it is, without knowing what shows it."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Progress(Protocol):
    """Passes on each item as it comes, showing how many of the given total have come."""

    def __call__(self, items: Iterable[Item], total: int, /) -> Iterable[Item]:
        """The same items."""
        ...


def unseen(items: Iterable[Item], total: int, /) -> Iterable[Item]:  # noqa: ARG001  # it has the form of a Progress
    """Progress that shows nothing."""
    return items
