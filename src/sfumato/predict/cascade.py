"""The predictor of a cascade: each stage looks at what the one before let through, and at nothing else."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sfumato.bundle.cascade import Cascade, read_cascade
from sfumato.decision.narrowing import SeenElements
from sfumato.decision.policies import AnyPolicy
from sfumato.labels import LabelSpace
from sfumato.predict.ahead import decoded_ahead
from sfumato.predict.cascade_stages import Stages
from sfumato.predict.decisions import Answer, Decision, Step
from sfumato.predict.inference_engine import EngineName
from sfumato.predict.inputs import Decoded, Input, decoded, name_of
from sfumato.predict.predictor import BATCH, NOT_FINITE, refuse_single
from sfumato.predict.readings import Readings
from sfumato.tasks import TaskLayout


@dataclass
class _Walk:
    """How far one input has come."""

    what: Decoded
    going: float | None = None
    """Probability that it goes on; None = no gate looked at it."""
    steps: tuple[Step, ...] = ()
    text: str = ""
    """For the last stage."""
    seen: SeenElements | None = None
    """What was found in it, by which the last stage may narrow its candidates; None = no stage looked."""
    last: Readings | None = None
    """What that read off it; None = it was stopped."""
    problem: str | None = None


class CascadePredictor:
    """A loaded cascade. It decides as `Predictor` does; the classes are those of its last stage.

    Args:
        cascade: Read by `read_cascade`.
        where: Names the cascade in errors.
        device: A torch device; None = CUDA, else MPS, else CPU.
        engine: What computes; see `EngineName`.
        gate: False = every picture goes on, and the gate does not look at any.

    Raises:
        InputError: A stage does not check out, or the stages do not fit together.
    """

    def __init__(
        self,
        cascade: Cascade,
        where: str,
        device: str | None = None,
        engine: EngineName = "auto",
        *,
        gate: bool = True,
    ) -> None:
        self.stages = Stages(cascade, where, device, engine)
        self._gated = gate and "gate" in self.stages.of
        self.device = self.stages.products.device

    @property
    def tasks(self) -> TaskLayout:
        """The only task of the last stage, and its classes."""
        return self.stages.products.tasks

    @property
    def labels(self) -> LabelSpace:
        """The classes of the last stage."""
        return self.stages.products.labels

    @property
    def policies(self) -> dict[str, AnyPolicy]:
        """The policy of the last stage."""
        return self.stages.products.policies

    @property
    def policy(self) -> AnyPolicy:
        """The same."""
        return self.stages.products.policy

    @property
    def calibrated(self) -> bool:
        """Whether the probabilities of every stage were calibrated on validation samples."""
        return all(one.calibrated for one in self.stages.of.values())

    @property
    def names_sets(self) -> bool:
        """Whether answers of the last stage come with sets of classes."""
        return self.stages.products.names_sets

    @property
    def reads_texts(self) -> bool:
        """Whether any stage reads texts of the inputs."""
        return any(one.reads_texts for one in self.stages.of.values())

    @property
    def tells_familiarity(self) -> bool:
        """Whether answers of the last stage come with how familiar the picture is."""
        return self.stages.products.tells_familiarity

    def predict(self, inputs: Iterable[Input]) -> list[Decision]:
        """One decision an input, in order; arguments and errors as of `Predictor.predict`."""
        return list(self.stream(inputs))

    def stream(self, inputs: Iterable[Input]) -> Iterator[Decision]:
        """As `predict`, one decision after the other, for inputs that would not fit into memory at once."""
        refuse_single(inputs)
        return self._stream(inputs)

    def _stream(self, inputs: Iterable[Input]) -> Iterator[Decision]:
        index = 0
        for chunk, found in decoded_ahead(inputs, partial(decoded, seen=self.stages.seen), BATCH):
            walks = [_Walk(one) for one in found]
            self._walk(walks)
            for source, walk in zip(chunk, walks, strict=True):
                yield self._decision(name_of(source, index), walk)
                index += 1

    def _walk(self, walks: Sequence[_Walk]) -> None:
        """Ask each stage of the inputs that came as far as it."""
        for walk in walks:
            walk.problem = self.stages.problem(walk.what)
        on = [walk for walk in walks if walk.problem is None]
        for ask in (self._ask_gate, self._ask_elements, self._ask_products):
            if on:
                on = ask(on)

    def _ask_gate(self, walks: list[_Walk]) -> list[_Walk]:
        """Those that go on."""
        sides = self.stages.sides
        if not self._gated or sides is None:
            return walks
        logits = self.stages.read("gate", [walk.what for walk in walks]).logits
        walks, logits = _finite(walks, logits)
        going = self.stages.going(logits)
        passes = self.stages.routes.passes(going)
        for walk, sure, on in zip(walks, going.tolist(), passes.tolist(), strict=True):
            walk.going, chances = sure, {sides[0]: 1 - sure, sides[1]: sure}
            said = sides[int(on)]
            walk.steps = (Step("gate", said, None, chances[said], _ranked(chances)),)
        return [walk for walk, on in zip(walks, passes, strict=True) if on]

    def _ask_elements(self, walks: list[_Walk]) -> list[_Walk]:
        """All of them, with their texts for the last stage."""
        named = None
        if "elements" in self.stages.of:
            walks, logits = _finite(walks, self.stages.read("elements", [walk.what for walk in walks]).logits)
            named = self.stages.named(logits)
            for walk, read in zip(walks, Readings(logits).each(), strict=True):
                answer = self.stages.of["elements"].answers(read)[""]
                walk.steps += (Step("elements", None, answer.labels, None, answer.probabilities),)
        texts = self.stages.texts([walk.what for walk in walks], named)
        seen = self.stages.seen_elements(named)
        for place, (walk, text) in enumerate(zip(walks, texts, strict=True)):
            walk.text, walk.seen = text, None if seen is None else seen.only([place])
        return walks

    def _ask_products(self, walks: list[_Walk]) -> list[_Walk]:
        kept = self.stages.kept([walk.seen for walk in walks])
        read = self.stages.read("products", [walk.what for walk in walks], [walk.text for walk in walks], kept)
        for walk, last in zip(walks, read.each(), strict=True):
            walk.last = last
            walk.problem = None if last.finite else NOT_FINITE
        return walks

    def _decision(self, name: str, walk: _Walk) -> Decision:
        if walk.problem is not None:
            return Decision(name, None, None, {}, self.calibrated, abstained=False, error=walk.problem)
        if walk.last is None:
            said = walk.steps[-1]
            stopped = Decision(name, said.label, said.confidence, said.probabilities, self.calibrated, False, None)
            return replace(stopped, stage="gate", path=walk.steps)
        return self._answered(name, walk, self.stages.products.answers(walk.last, walk.seen)[""])

    def _answered(self, name: str, walk: _Walk, said: Answer) -> Decision:
        """What the last stage says, withheld where it is not sure enough for the cascade."""
        withheld = said.abstained or bool(self.stages.routes.withheld(np.array([said.confidence]))[0])
        label = None if withheld else said.label
        step = Step("products", label, None, said.confidence, said.probabilities)
        return Decision(
            name,
            label,
            said.confidence,
            said.probabilities,
            self.calibrated,
            withheld,
            error=None,
            set=said.set,
            familiarity=said.familiarity,
            without=self._without(walk.what),
            stage="products",
            path=(*walk.steps, step),
        )

    def _without(self, what: Decoded) -> str | None:
        """What an answer had to do without; the words of elements stand for a text."""
        return what.without if self.stages.products.reads_texts and self.stages.routes.sure is None else None


def _finite(walks: list[_Walk], logits: NDArray[np.float32]) -> tuple[list[_Walk], NDArray[np.float32]]:
    """Those whose scores are numbers; of the others it is told."""
    fine: NDArray[np.bool_] = np.asarray(np.isfinite(logits).all(axis=1), dtype=np.bool_)
    for walk, one in zip(walks, fine, strict=True):
        walk.problem = None if one else NOT_FINITE
    return [walk for walk, one in zip(walks, fine, strict=True) if one], logits[fine]


def _ranked(chances: dict[str, float]) -> dict[str, float]:
    return dict(sorted(chances.items(), key=lambda item: -item[1]))


def load_cascade(
    path: str | Path, device: str | None = None, engine: EngineName = "auto", *, gate: bool = True
) -> CascadePredictor:
    """Load a cascade and let every stage check itself; arguments as of `CascadePredictor`.

    Raises:
        InputError: No cascade there, one from a later version, changed, damaged, or a stage that computes something
            else.
    """
    return CascadePredictor(read_cascade(Path(path)), str(path), device, engine, gate=gate)
