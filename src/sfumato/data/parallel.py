"""One function over many items, on several threads, with a bounded number of items under way."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
AT_ONCE = 1024
"""`Executor.map` would hold all items and, where they come faster than they are wanted, all results: gigabytes."""


def in_parallel(function: Callable[[Item], Result], items: Sequence[Item], pool: Executor) -> Iterator[Result]:
    """The results, in the order of the items."""
    for start in range(0, len(items), AT_ONCE):
        yield from pool.map(function, items[start : start + AT_ONCE])
