"""What the terminal shows while something runs: a bar with rate and time left, a line an epoch, notes with reasons."""

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
from sfumato.short import short
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
    """A listener that draws on stderr, so that stdout stays free for results; plain lines where it is no terminal."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.terminal = Terminal(file=sys.stderr, quiet=quiet, highlight=False, soft_wrap=not sys.stderr.isatty())
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._epochs = 0
        self._images = 0
        self._since = 0.0
        self._first = "accuracy"

    def __call__(self, record: Record) -> None:
        """Show one record of the training loop."""
        if isinstance(record, Started):
            self._start(record)
        elif isinstance(record, StepDone):
            self._advance(record)
        elif isinstance(record, EpochDone):
            self.line(self._epoch(record))
        elif isinstance(record, Noted):
            self.note(record)

    def note(self, note: Noted) -> None:
        """Show a choice with its reason, or a warning."""
        style = "yellow" if note.warning else "dim"
        self.line(f"[{style}]{'warning: ' if note.warning else ''}{escape(note.text)}[/]")

    def line(self, markup: str) -> None:
        """Show one line; text that is not ours must be escaped."""
        (self._bar.console if self._bar else self.terminal).print(markup)

    def progress(self, items: Iterable[Item], total: int, what: str, unit: str = "images/s") -> Iterator[Item]:
        """Pass items on, showing how many of `total` have come, at what rate, and the time left."""
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
        if record.step:
            self.line(f"going on after step {record.step} of {record.plan.steps}")
        self._first = "map" if record.multilabel else "accuracy"
        self.line(f"[bold]{HEADER} {SCORE_NAMES[self._first]:>8} {'macro-F1':>8}[/]")
        for row in record.history:
            self.line(self._epoch(row))
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

    def _epoch(self, row: EpochDone) -> str:
        found = row.validation.get(row.shown, {})
        score = (found.get(self._first), found.get("macro_f1"), found.get("loss"))
        first, macro_f1, loss = (f"{value:8.4f}" if value is not None else f"{'-':>8}" for value in score)
        star = "[green]best[/]" if row.best else ""
        return (
            f"{row.epoch + 1:>4}/{self._epochs:<4}{row.lr:>9.1e}{row.image_size:>5}{short(row.learning):>8}"
            f"{row.images_per_second:>9.0f}{row.train_loss:>9.4f} {loss} {first} {macro_f1} {star}"
        )

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
        return Progress(*columns, console=self.terminal, transient=True, disable=not self.terminal.is_terminal)


HEADER = f"{'epoch':>6}   {'lr':>9}{'px':>5}{'learns':>8}{'images/s':>9}{'loss':>9} {'val loss':>8}"
SCORE_NAMES = {"accuracy": "accuracy", "map": "mAP"}
