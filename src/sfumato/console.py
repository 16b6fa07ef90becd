"""What the terminal shows while something runs: a bar with rate and time left, a line an epoch, notes with reasons."""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import TypeVar

from rich.console import Console as Terminal
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from sfumato.data.progress import Progress as ProgressOf
from sfumato.epoch_line import WIDE, epoch_line, head
from sfumato.progress_lines import ProgressLines
from sfumato.training.records import EpochDone, Noted, Record, Started, StepDone

Item = TypeVar("Item")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        done, seconds = task.fields.get("images", task.completed), task.fields.get("seconds", task.elapsed or 0)
        rate, unit = done / seconds if seconds else 0.0, task.fields.get("unit", "images/s")
        return Text(
            f"{rate:{'.0f' if rate >= 10 or unit == 'images/s' else '.2g'}} {unit}" if rate else "", style="cyan"
        )


class Console:
    """A listener that draws on stderr, so that stdout stays free for results; plain lines where it is no terminal.

    The environment variable SFUMATO_PROGRESS says in which of FORMS; `sfumato --progress` sets it.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        form = os.environ.get(VARIABLE, "auto")
        self.terminal = Terminal(file=sys.stderr, quiet=quiet, highlight=False, soft_wrap=not sys.stderr.isatty())
        self._lines = ProgressLines() if form == "json" and not quiet else None
        self._bars = self.terminal.is_terminal and form == "auto"
        self._wide = not self.terminal.is_terminal or self.terminal.width >= WIDE
        self._phases: tuple[float, ...] = ()
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._epochs = 0
        self._images = 0
        self._since = 0.0
        self._first = "accuracy"

    def __call__(self, record: Record) -> None:
        """Show one record of the training loop."""
        if self._lines is not None:
            _tell(self._lines, record)
        elif isinstance(record, Started):
            self._start(record)
        elif isinstance(record, StepDone):
            self._advance(record)
        elif isinstance(record, EpochDone):
            self.line(self._epoch(record))
        elif isinstance(record, Noted):
            self.note(record)

    def note(self, note: Noted) -> None:
        """Show a choice with its reason, or a warning."""
        if self._lines is not None:
            self._lines.text(note.text, warning=note.warning)
            return
        style = "yellow" if note.warning else "dim"
        self.line(f"[{style}]{'warning: ' if note.warning else ''}{escape(note.text)}[/]")

    def line(self, markup: str) -> None:
        """Show one line; text that is not ours must be escaped."""
        if self._lines is not None:
            self._lines.text(Text.from_markup(markup).plain)
            return
        (self._bar.console if self._bar else self.terminal).print(markup)

    def progress(self, items: Iterable[Item], total: int, what: str, unit: str = "images/s") -> Iterator[Item]:
        """Pass items on, showing how many of `total` have come, at what rate, and the time left."""
        if self._lines is not None:
            yield from self._lines.progress(items, total, what, unit)
            return
        with nullcontext(self._bar) if self._bar else self._new_bar() as bar:
            task = bar.add_task(what, total=total, unit=unit)
            for item in items:
                yield item
                bar.advance(task)
            bar.remove_task(task)

    def stage(self, what: str) -> ProgressOf:
        """The same for work that does not know what shows it."""

        def show(items: Iterable[Item], total: int, /) -> Iterator[Item]:
            return self.progress(items, total, what)

        return show

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _start(self, record: Started) -> None:
        self._epochs, self._images, self._since = record.plan.clock.epochs, 0, time.perf_counter()
        self._phases = record.plan.keyframes
        if record.step:
            self.line(f"going on after step {record.step} of {record.plan.steps}")
        self._first = "map" if record.multilabel else "accuracy"
        self.line(f"[bold]{head(self._first, wide=self._wide)}[/]")
        for row in record.history:
            self.line(self._epoch(row, now=False))
        self._bar = self._new_bar()
        self._task = self._bar.add_task("training", total=record.plan.steps, completed=record.step)
        self._bar.start()

    def _advance(self, record: StepDone) -> None:
        if self._bar is None:
            return
        self._images += record.images
        seconds = time.perf_counter() - self._since
        text = f"epoch {record.epoch + 1}/{self._epochs}"
        self._bar.update(self._task, completed=record.step + 1, description=text, images=self._images, seconds=seconds)

    def _epoch(self, row: EpochDone, *, now: bool = True) -> str:
        """`now`: whether it has just been trained, so that the memory in use is of it."""
        memory = _memory() if now else None
        line = epoch_line(row, self._epochs, self._phases, self._first, memory, wide=self._wide)
        return f"{line} [green]best[/]" if row.best else line

    def _new_bar(self) -> Progress:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
            TextColumn("elapsed,"),
            TimeRemainingColumn(),
            TextColumn("left"),
        )
        return Progress(*columns, console=self.terminal, transient=True, disable=not self._bars)


def _tell(lines: ProgressLines, record: Record) -> None:
    """One record of the training loop."""
    if isinstance(record, Started):
        lines.started(record)
    elif isinstance(record, StepDone):
        lines.step(record.step + 1)
    elif isinstance(record, EpochDone):
        lines.epoch(record, _memory())
    elif isinstance(record, Noted):
        lines.text(record.text, warning=record.warning)


def _memory() -> int | None:
    from sfumato.training.peak_memory import memory_in_use  # it knows torch, which trainings have loaded

    return memory_in_use()


VARIABLE = "SFUMATO_PROGRESS"
FORMS = ("auto", "plain", "json")
"""auto: bars on a terminal, else plain lines; plain: lines alone; json: a JSON object a line."""
