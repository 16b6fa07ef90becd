"""Progress as JSON lines on stderr, for programs that watch: one object a line, `event` first."""

import json
import math
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from sfumato.training.records import EpochDone, Started

Item = TypeVar("Item")

EVERY = 1.0
"""Seconds between two lines of the same progress, at least."""


class ProgressLines:
    """Writes them; every line is whole, and out at once."""

    def __init__(self) -> None:
        self._epochs = 0
        self._keyframes: tuple[float, ...] = ()
        self._watch = _Watch("training", 0, "images/s")

    def text(self, text: str, *, warning: bool = False) -> None:
        """A choice with its reason, or a warning."""
        _write("note", text=text, warning=warning)

    def started(self, record: Started) -> None:
        """Training begins, or goes on; epochs that were done before come first, marked as past."""
        self._epochs, self._keyframes = record.plan.clock.epochs, record.plan.keyframes
        _write("training", epochs=self._epochs, steps=record.plan.steps, step=record.step)
        for row in record.history:
            self.epoch(row, None, past=True)
        self._watch = _Watch("training", record.plan.steps, "steps/s", record.step)

    def step(self, done: int) -> None:
        """So many steps are done."""
        self._watch.at(done)

    def epoch(self, row: EpochDone, memory: int | None, *, past: bool = False) -> None:
        """Every figure of an epoch by the names of history.csv."""
        _write(
            "epoch",
            **row.cells(),
            phase=phase_of(row.epoch, self._keyframes),
            epochs=self._epochs,
            shown=row.shown,
            memory_bytes=memory,
            past=past,
        )

    def progress(self, items: Iterable[Item], total: int, what: str, unit: str) -> Iterator[Item]:
        """Pass items on, and say how many have come."""
        watch = _Watch(what, total, unit)
        for done, item in enumerate(items, start=1):
            yield item
            watch.at(done)


class _Watch:
    """How far something is: said at its begin, then at most once a second, and at its end."""

    def __init__(self, what: str, total: int, unit: str, first: int = 0) -> None:
        self._what, self._total, self._unit, self._first = what, total, unit, first
        self._since = time.perf_counter()
        self._said = -math.inf
        if total:
            self.at(first)

    def at(self, done: int) -> None:
        """So many are done."""
        now = time.perf_counter()
        if now - self._said < EVERY and done != self._total:
            return
        self._said = now
        rate = (done - self._first) / (now - self._since) if done > self._first and now > self._since else None
        left = None if rate is None else (self._total - done) / rate
        _write(
            "progress",
            what=self._what,
            done=done,
            total=self._total,
            unit=self._unit,
            per_second=rate,
            seconds_left=left,
        )


def phase_of(epoch: int, keyframes: Iterable[float]) -> int:
    """Number, from 1, of the stretch between keyframes that an epoch, from 0, lies in at its end."""
    return 1 + sum(0 < at < epoch + 1 for at in keyframes)


def _write(event: str, **told: object) -> None:
    known = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in told.items()
    }
    sys.stderr.write(json.dumps({"event": event, **known}, ensure_ascii=False) + "\n")
    sys.stderr.flush()
