"""Which pictures of a service can be explained, for which classes, and by which network.

Never by one that answers requests for decisions: hooks on that would catch what other threads compute. An explainer has
modules of its own on the same weights, and is used in one thread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sfumato.labels import LabelSpace
from sfumato.predict.cascade import CascadePredictor
from sfumato.predict.decisions import Answer, Decision, Step
from sfumato.predict.explainer import Explainer
from sfumato.predict.inputs import WithText, decoded
from sfumato.predict.loading import AnyPredictor
from sfumato.predict.predictor import NOT_FINITE, Predictor
from sfumato.serve.explained import Explained, drawn
from sfumato.serve.refusal import Refusal


@dataclass(frozen=True)
class Wanted:
    """What a client wants explained."""

    label: str | None
    """Id, name or alias of a class; None = what was decided."""
    task: str | None
    """One of several questions, or a stage of a cascade; None = the only question, or the stage that decided."""


@dataclass(frozen=True)
class Where:
    """What an explainer is asked."""

    what: WithText
    task: str
    label: str
    """Id of the class."""


def asked_of(predictor: AnyPredictor) -> dict[str, Predictor]:
    """Name of a task, or of a stage of a cascade -> what answers it."""
    if isinstance(predictor, CascadePredictor):
        return dict(predictor.stages.of)
    return dict.fromkeys(predictor.tasks.spaces, predictor)


class Explanations:
    """What of a bundle can be explained. Made before any thread computes with the predictor.

    Args:
        predictor: The loaded bundle.
    """

    def __init__(self, predictor: AnyPredictor) -> None:
        self._of, self._staged = asked_of(predictor), isinstance(predictor, CascadePredictor)
        self._made: dict[int, Explainer | None] = {}
        for task, one in self._of.items():
            if one.explains and one.engine.name != "onnx":  # it costs nothing now; beside graphs, a copy of the weights
                self._explainer(task)

    def __bool__(self) -> bool:
        """Whether anything can be."""
        return any(one.explains for one in self._of.values())

    def needs_decision(self, wanted: Wanted) -> bool:
        """Whether what is asked can't be known before the picture was decided on."""
        return wanted.label is None or (self._staged and wanted.task is None)

    def check(self, wanted: Wanted) -> None:
        """Refuse what can be refused before anything is computed.

        Raises:
            Refusal: No such task or class, or one that can't be explained.
        """
        if wanted.task is not None or not self._staged:
            task = self._task(wanted, None)
            if wanted.label is not None:
                _class_of(wanted.label, self._space(task))

    def where(self, what: WithText, wanted: Wanted, decision: Decision | None) -> Where:
        """What the explainer is to be asked.

        Args:
            what: The picture.
            wanted: By the client.
            decision: On the picture; None where none is needed.

        Raises:
            Refusal: As `check`; the picture can't be decided on; or the stage did not look at it.
        """
        if decision is not None and decision.error is not None:
            raise unusable(decision.error)
        task = self._task(wanted, decision)
        if wanted.label is not None:
            return Where(what, task, _class_of(wanted.label, self._space(task)))
        assert decision is not None
        return Where(what, task, _decided(decision, task))

    def look(self, asked: Sequence[Where]) -> list[Explained | Refusal]:
        """One answer a question; in one thread at a time."""
        return [self._explained(one) for one in asked]

    def _explained(self, asked: Where) -> Explained | Refusal:
        explainer, seen = self._explainer(asked.task), decoded(asked.what)
        if explainer is None:
            return _no_map(asked.task)
        if not seen.pictures:
            return unusable(seen.problem or "no picture")
        pixels, layout = seen.pictures[0], explainer.layout
        task = asked.task if asked.task in layout.spaces else ""  # a stage of a cascade has one
        images = explainer.preprocess(pixels)[None]
        maps = explainer.maps(images, [layout.spaces[task].index(asked.label)], task)
        if maps is None:
            return _no_map(asked.task)
        if not np.isfinite(maps).all():
            return unusable(NOT_FINITE)
        box = explainer.preprocess.box(*pixels.shape[:2])
        name, networks = asked.what.name or "", self._of[asked.task].networks
        return Explained(name, asked.task, asked.label, maps[0], box, networks, drawn(pixels, maps[0], box))

    def _explainer(self, task: str) -> Explainer | None:
        """Made once for each network."""
        one = self._of[task]
        if id(one) not in self._made:
            self._made[id(one)] = one.explainer()
        return self._made[id(one)]

    def _task(self, wanted: Wanted, decision: Decision | None) -> str:
        task = wanted.task
        if task is None and self._staged and decision is not None:
            task = decision.stage
        elif task is None and len(self._of) == 1:
            task = next(iter(self._of))
        if task is None or task not in self._of:
            what = "several questions" if task is None else f"no {task!r}"
            raise Refusal(422, "unknown_task", f"{what}; expected `task` to be one of {', '.join(self._of)}")
        if not self._of[task].explains:
            raise _no_map(task)
        return task

    def _space(self, task: str) -> LabelSpace:
        spaces: Mapping[str, LabelSpace] = self._of[task].tasks.spaces
        return spaces[task] if task in spaces else spaces[""]


def _class_of(label: str, space: LabelSpace) -> str:
    """The class that a client means."""
    found = label if label in space.names else space.find(label)
    if found is None:
        near = space.nearest(label)
        raise Refusal(422, "unknown_class", f"no class {label!r}{f'; did you mean {near!r}?' if near else ''}")
    return found


def _decided(decision: Decision, task: str) -> str:
    """The class that was answered; where answers were withheld, or none was named, the likeliest."""
    said: Decision | Answer | Step | None = decision
    if decision.path is not None:
        said = next((step for step in decision.path if step.stage == task), None)
    elif decision.answers is not None:
        said = decision.answers[task]
    if said is None:
        raise Refusal(422, "not_looked", f"{task} did not look at it: it was stopped before; expected a `label` too")
    return said.label or next(iter(said.labels or said.probabilities))


def unusable(problem: str) -> Refusal:
    """A picture that nothing can be said of."""
    return Refusal(422, "nothing_usable", f"the picture can't be explained: {problem}")


def not_explained() -> Refusal:
    """A bundle of which nothing can be, or a service that explains nothing."""
    return Refusal(422, "not_explained", "this service explains no pictures; /metadata says what can be explained")


def _no_map(task: str) -> Refusal:
    what = f"{task} can't be explained" if task else "nothing here can be explained"
    why = "it does not look at pictures alone, is made of several bundles, or has no map of places"
    return Refusal(422, "not_explained", f"{what}: {why}")
