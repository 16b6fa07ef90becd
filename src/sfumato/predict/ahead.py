"""Inputs decoded on several threads, a batch ahead of what looks at them."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Asked = TypeVar("Asked")
Found = TypeVar("Found")


def decoded_ahead(
    inputs: Iterable[Asked], decode: Callable[[Asked], Found], batch: int
) -> Iterator[tuple[list[Asked], list[Found]]]:
    """Inputs and what was decoded of them, so many at a time; the next are decoded while these are looked at."""
    rest, pool = iter(inputs), ThreadPoolExecutor(min(4, os.cpu_count() or 1))
    try:
        chunk = list(islice(rest, batch))
        waiting = [pool.submit(decode, one) for one in chunk]
        while chunk:
            next_chunk = list(islice(rest, batch))
            next_waiting = [pool.submit(decode, one) for one in next_chunk]
            yield chunk, [one.result() for one in waiting]
            chunk, waiting = next_chunk, next_waiting
    finally:  # whoever asks for no more need not wait for what was not begun
        pool.shutdown(cancel_futures=True)
