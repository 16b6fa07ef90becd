"""Dynamic micro-batching: what several requests ask at about the same time is looked at together.

Inputs wait in one queue. A worker that is free takes the first of them, and with it those that come within a few
milliseconds, until the batch is full: of inputs, or of the pixels that they claim.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Generic, TypeVar

from sfumato.serve.question import Question
from sfumato.serve.refusal import Refusal, leaving
from sfumato.serve.settings import ServeSettings

What = TypeVar("What")
Said = TypeVar("Said")
"""An input, and what is said of it."""
Seen = Callable[[int, float], None]
"""Told of each batch: its inputs, and the seconds it took."""

_log = logging.getLogger("sfumato.serve")


@dataclass(frozen=True)
class _Waiting(Generic[What, Said]):
    question: Question[What]
    answer: Future[Said] = field(default_factory=Future[Said])
    since: float = field(default_factory=time.monotonic)


class Batcher(Generic[What, Said]):
    """A queue of inputs, and the threads that look at them.

    Threads, and not processes: decoding and computing let go of Python's lock, so that threads share the processors
    and one copy of the weights.

    Args:
        look: One answer an input, in order; called by all workers at once.
        settings: Workers, sizes and times.
        seen: Told of each batch, in the thread that looked at it; None = nobody is.
    """

    def __init__(
        self, look: Callable[[Sequence[What]], list[Said]], settings: ServeSettings, seen: Seen | None = None
    ) -> None:
        self._look, self._settings, self._seen = look, settings, seen
        self._queue: deque[_Waiting[What, Said]] = deque()
        self._changed = Condition()
        self._closing = False
        names = [f"sfumato-serve-{index}" for index in range(settings.workers)]
        self._workers = [Thread(target=self._work, name=name, daemon=True) for name in names]
        for worker in self._workers:
            worker.start()

    @property
    def waiting(self) -> int:
        """Inputs that no worker has taken yet."""
        return len(self._queue)

    @property
    def alive(self) -> bool:
        """Whether all workers are there and take more."""
        return not self._closing and all(worker.is_alive() for worker in self._workers)

    def refuse_more(self, count: int) -> None:
        """Refuse so many inputs if they would not find a place.

        Raises:
            Refusal: The queue would be longer than it may be.
        """
        if self.waiting + count > self._settings.queue:
            reason = f"{self.waiting} inputs wait already, of {self._settings.queue} that may; try again"
            raise Refusal(429, "queue_full", reason, retry=1)

    def submit(self, asked: Sequence[Question[What]]) -> list[Future[Said]]:
        """Put inputs into the queue, all or none; an answer that is cancelled in time is never computed.

        Raises:
            Refusal: They would not find a place, or the service ends.
        """
        jobs = [_Waiting[What, Said](question) for question in asked]
        with self._changed:
            if self._closing:
                raise leaving()
            self.refuse_more(len(jobs))
            self._queue.extend(jobs)
            self._changed.notify_all()
        return [job.answer for job in jobs]

    def sweep(self) -> None:
        """Let go of inputs whose answers were cancelled, so that they keep no place of others."""
        with self._changed:
            kept = [job for job in self._queue if not job.answer.cancelled()]
            self._queue.clear()
            self._queue.extend(kept)

    def close(self) -> None:
        """Take no more, answer all that wait, and end the workers."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for worker in self._workers:
            worker.join()

    def _work(self) -> None:
        while batch := self._next():
            self._answer([job for job in batch if job.answer.set_running_or_notify_cancel()])

    def _next(self) -> list[_Waiting[What, Said]]:
        """The next batch, waited for; none = there will be no more."""
        with self._changed:
            while not self._ready():
                if not self._queue and self._closing:
                    return []
                self._changed.wait(self._patience())
            batch = [self._queue.popleft() for _ in range(self._fitting())]
            if self._queue:
                self._changed.notify()  # the rest is for another worker
            return batch

    def _ready(self) -> bool:
        """Whether a batch is full, or its first input has waited long enough."""
        if not self._queue:
            return False
        full = self._fitting() < len(self._queue) or len(self._queue) >= self._settings.batch
        return full or self._closing or self._patience() == 0

    def _patience(self) -> float | None:
        """Seconds for which the first input may still wait for others; None where there is none."""
        if not self._queue:
            return None
        return max(0.0, self._queue[0].since + self._settings.wait_ms / 1000 - time.monotonic())

    def _fitting(self) -> int:
        """How many of those that wait make a batch: one at least, and as many as its limits let in."""
        pixels, most = 0, self._settings.megapixels * 1e6
        for place, job in enumerate(self._queue):
            pixels += job.question.pixels
            if place and (place >= self._settings.batch or pixels > most):
                return place
        return len(self._queue)

    def _answer(self, batch: Sequence[_Waiting[What, Said]]) -> None:
        """Look at a batch; if that fails, on each input by itself, so that it fails for none but the guilty one."""
        if not batch:
            return
        try:
            begun = time.monotonic()
            said = self._look([job.question.what for job in batch])
            if self._seen is not None:
                self._seen(len(batch), time.monotonic() - begun)
        except Exception as error:  # whatever a device or a library raises, the worker goes on
            if len(batch) == 1:
                _log.exception("an input could not be looked at")
                batch[0].answer.set_exception(error)
            else:
                for job in batch:
                    self._answer([job])
            return
        for job, one in zip(batch, said, strict=True):
            job.answer.set_result(one)
