"""One bundle as it is served: what requests go through, from the first byte to the answer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import Request

from sfumato.outputs import RowForm, form_of
from sfumato.predict.decisions import Decision
from sfumato.predict.inputs import WithText
from sfumato.predict.loading import AnyPredictor
from sfumato.serve.asking import asked, asked_where, kind_of
from sfumato.serve.batcher import Batcher
from sfumato.serve.body import claimed_bytes, discard
from sfumato.serve.explained import Explained
from sfumato.serve.explaining import Explanations, Wanted, Where, not_explained
from sfumato.serve.guard import Door
from sfumato.serve.held import Held
from sfumato.serve.metadata import metadata
from sfumato.serve.meters import Meters
from sfumato.serve.question import Question
from sfumato.serve.refusal import Refusal, leaving
from sfumato.serve.settings import ServeSettings


@dataclass(frozen=True)
class Answer:
    """Of a request for decisions."""

    status: int
    document: dict[str, Any]
    """JSON-ready."""


What = TypeVar("What")
Said = TypeVar("Said")


class Service:
    """A bundle with its queues, its meters and its limits.

    Args:
        predictor: The loaded bundle.
        name: What it is called.
        settings: Workers, batches, limits.
        door: Who may come in, and whether it closes.
    """

    def __init__(self, predictor: AnyPredictor, name: str, settings: ServeSettings, door: Door) -> None:
        self._reads_texts, self._settings, self.door = predictor.reads_texts, settings, door
        self._held = Held(round(settings.held_megabytes * 1e6))
        self.meters = Meters(lambda: self._batcher.waiting, lambda: self._held.now, lambda: self._explainer.waiting)
        self._explanations = Explanations(predictor)  # before any worker computes
        self._batcher = Batcher[WithText, Decision](predictor.predict, settings, self.meters.looked)
        self._explainer = Batcher[Where, Explained | Refusal](
            self._explanations.look, one_by_one(settings), self.meters.explained
        )
        self.form: RowForm = form_of(predictor)
        self.metadata = metadata(predictor, name, settings)

    @property
    def ready(self) -> bool:
        """Whether it takes requests."""
        return not self.door.leaving and self._works

    @property
    def alive(self) -> bool:
        """Whether it works, or ends as it should."""
        return self.door.leaving or self._works

    @property
    def _works(self) -> bool:
        return self._batcher.alive and self._explainer.alive

    def close(self) -> None:
        """Answer all that waits, and end."""
        self._batcher.close()
        self._explainer.close()

    async def answer(self, request: Request) -> Answer:
        """One decision an input; where none of them can be decided on the status is 422.

        Raises:
            Refusal: The request is malformed or passes a limit, or the service has no time or place for it.
        """
        async with self._listening(request), self._taken_in(request, self._batcher):
            found = await asked(request, self._settings, reads_texts=self._reads_texts)
            decisions = await self._answers(self._batcher, found)
        self.meters.decided(decisions)
        rows = [one.to_dict() for one in decisions]
        if any(one.error is None for one in decisions):
            return Answer(200, {"decisions": rows})
        reason = f"none of {len(rows)} inputs can be decided on; the first: {decisions[0].error}"
        return Answer(422, {**Refusal(422, "nothing_usable", reason).to_dict(), "decisions": rows})

    async def explain(self, request: Request) -> Answer:
        """Where in one picture is what speaks for a class.

        Raises:
            Refusal: As `answer`; or what is asked can't be explained.
        """
        async with self._listening(request):
            if not (self._settings.explanations and self._explanations):
                raise not_explained()
            async with self._taken_in(request, self._explainer):
                found, wanted = await asked_where(request, self._settings, reads_texts=self._reads_texts)
                where = await self._where(found, wanted)
                [said] = await self._answers(self._explainer, [Question(where, found.pixels)])
            if isinstance(said, Refusal):
                raise said
            return Answer(200, said.to_dict())

    async def _where(self, found: Question[WithText], wanted: Wanted) -> Where:
        """What is to be asked; where that depends on it, the picture is decided on as any other."""
        self._explanations.check(wanted)
        needed = self._explanations.needs_decision(wanted)
        [decision] = await self._answers(self._batcher, [found]) if needed else [None]
        return self._explanations.where(found.what, wanted, decision)

    @asynccontextmanager
    async def _listening(self, request: Request) -> AsyncGenerator[None]:
        """A request that is refused within the context is still listened to: who sends can't hear."""
        try:
            yield
        except Refusal as refusal:
            if refusal.status != 408:  # what comes too slowly was listened to for long enough
                await discard(request, 4 * round(self._settings.megabytes * 1e6))
            raise

    @asynccontextmanager
    async def _taken_in(self, request: Request, batcher: Batcher[Any, Any]) -> AsyncGenerator[None]:
        """Within the context there is place for a request."""
        if self.door.leaving:
            raise leaving()
        kind_of(request)
        size = claimed_bytes(request, self._settings)
        batcher.refuse_more(1)  # before a byte of it is read
        with self._held.promised(size):
            yield

    async def _answers(self, batcher: Batcher[What, Said], found: list[Question[What]]) -> list[Said]:
        """The answers when they are there; those that nobody waits for any more are not computed."""
        answers = batcher.submit(found)
        try:
            async with asyncio.timeout(self._settings.seconds):
                return await asyncio.gather(*map(asyncio.wrap_future, answers))
        except TimeoutError:
            reason = f"not answered within {self._settings.seconds:g} s; try again"
            raise Refusal(503, "took_too_long", reason, retry=1) from None
        except asyncio.CancelledError:
            raise
        except Exception:  # told in full by the worker, and of no use to the client
            raise Refusal(500, "failed", "an input could not be looked at: a failure of the service") from None
        finally:
            cancelled = [one.cancel() for one in answers]
            if any(cancelled):
                batcher.sweep()


def one_by_one(settings: ServeSettings) -> ServeSettings:
    """The same for explanations, each of which has a backward pass."""
    queue = max(1, settings.explanations)
    return settings.model_copy(update={"workers": 1, "batch": 1, "wait_ms": 0, "queue": queue})
