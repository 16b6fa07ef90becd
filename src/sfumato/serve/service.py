"""One bundle as it is served: what requests for decisions go through, from the first byte to the answer."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from sfumato.outputs import RowForm, form_of
from sfumato.predict.decisions import Decision
from sfumato.predict.loading import AnyPredictor
from sfumato.serve.asking import asked, kind_of
from sfumato.serve.batcher import Batcher
from sfumato.serve.body import claimed_bytes, discard
from sfumato.serve.guard import Door
from sfumato.serve.held import Held
from sfumato.serve.metadata import metadata
from sfumato.serve.meters import Meters
from sfumato.serve.refusal import Refusal, leaving
from sfumato.serve.settings import ServeSettings


@dataclass(frozen=True)
class Answer:
    """Of a request for decisions."""

    status: int
    document: dict[str, Any]
    """JSON-ready."""


class Service:
    """A bundle with its queue, its meters and its limits.

    Args:
        predictor: The loaded bundle.
        name: What it is called.
        settings: Workers, batches, limits.
        door: Who may come in, and whether it closes.
    """

    def __init__(self, predictor: AnyPredictor, name: str, settings: ServeSettings, door: Door) -> None:
        self._reads_texts, self._settings, self.door = predictor.reads_texts, settings, door
        self._held = Held(round(settings.held_megabytes * 1e6))
        self.meters = Meters(lambda: self._batcher.waiting, lambda: self._held.now)
        self._batcher = Batcher(predictor.predict, settings, self.meters.looked)
        self.form: RowForm = form_of(predictor)
        self.metadata = metadata(predictor, name, settings)

    @property
    def ready(self) -> bool:
        """Whether it takes requests."""
        return not self.door.leaving and self._batcher.alive

    @property
    def alive(self) -> bool:
        """Whether it works, or ends as it should."""
        return self.door.leaving or self._batcher.alive

    def close(self) -> None:
        """Answer all that waits, and end."""
        self._batcher.close()

    async def answer(self, request: Request) -> Answer:
        """One decision an input; where none of them can be decided on the status is 422.

        Raises:
            Refusal: The request is malformed or passes a limit, or the service has no time or place for it.
        """
        try:
            decisions = await self._decided(request)
        except Refusal as refusal:
            if refusal.status != 408:  # what comes too slowly was listened to for long enough
                await discard(request, 4 * round(self._settings.megabytes * 1e6))
            raise
        self.meters.decided(decisions)
        rows = [one.to_dict() for one in decisions]
        if any(one.error is None for one in decisions):
            return Answer(200, {"decisions": rows})
        reason = f"none of {len(rows)} inputs can be decided on; the first: {decisions[0].error}"
        return Answer(422, {**Refusal(422, "nothing_usable", reason).to_dict(), "decisions": rows})

    async def _decided(self, request: Request) -> list[Decision]:
        if self.door.leaving:
            raise leaving()
        kind_of(request)
        size = claimed_bytes(request, self._settings)
        self._batcher.refuse_more(1)  # before a byte of it is read
        with self._held.promised(size):
            found = await asked(request, self._settings, reads_texts=self._reads_texts)
            return await self._waited(self._batcher.submit(found))

    async def _waited(self, answers: Sequence[Future[Decision]]) -> list[Decision]:
        """The decisions when they are there; those that nobody waits for any more are not computed."""
        try:
            async with asyncio.timeout(self._settings.seconds):
                return await asyncio.gather(*map(asyncio.wrap_future, answers))
        except TimeoutError:
            reason = f"not decided on within {self._settings.seconds:g} s; try again"
            raise Refusal(503, "took_too_long", reason, retry=1) from None
        except asyncio.CancelledError:
            raise
        except Exception:  # told in full by the worker, and of no use to the client
            raise Refusal(500, "failed", "an input could not be decided on: a failure of the service") from None
        finally:
            cancelled = [one.cancel() for one in answers]
            if any(cancelled):
                self._batcher.sweep()
