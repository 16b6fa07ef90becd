"""Ctrl-C and SIGTERM as a wish, granted between two steps."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


class StopWish:
    """Whether somebody asked for an end."""

    def __init__(self) -> None:
        self.signal: str | None = None


@contextmanager
def stop_wish() -> Generator[StopWish]:
    """Within the context the first SIGINT or SIGTERM is noted; a second one acts as it did before."""
    wish = StopWish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return
    former = {number: signal.getsignal(number) for number in (signal.SIGINT.value, signal.SIGTERM.value)}

    def note(number: int, _: FrameType | None) -> None:
        wish.signal = signal.Signals(number).name
        signal.signal(number, former[number])

    for number in former:
        signal.signal(number, note)
    try:
        yield wish
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
