"""The stages of a cascade, each a predictor, and what passes from one to the next.

Shapes: N inputs, E elements, C products.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sfumato.bundle.cascade import ROLES, Cascade, Role
from sfumato.decision.multilabel_policy import MultilabelPolicy, MultilabelVerdicts
from sfumato.decision.named_elements import element_words, with_words
from sfumato.decision.narrowing import SeenElements
from sfumato.decision.policy import Policy
from sfumato.decision.routes import Routes
from sfumato.errors import InputError
from sfumato.predict.inference_engine import EngineName
from sfumato.predict.inputs import Decoded
from sfumato.predict.predictor import Predictor
from sfumato.predict.readings import Readings
from sfumato.shown import PictureUse

Floats = NDArray[np.float64]


class Stages:
    """The loaded stages of a cascade.

    Args:
        cascade: Read by `read_cascade`.
        where: Names the cascade in errors.
        device: A torch device; None = the best there is.
        engine: What computes each of them.

    Raises:
        InputError: A stage does not load, or the routes do not fit the stages.
    """

    def __init__(self, cascade: Cascade, where: str, device: str | None = None, engine: EngineName = "auto") -> None:
        place = f"{where}/cascade.json"
        self.routes = Routes.from_dict(cascade.routes, place)
        self.of: dict[Role, Predictor] = {
            role: Predictor(cascade.stages[role], f"{where}/stages/{role}", device, engine)
            for role in ROLES
            if role in cascade.stages
        }
        self._refuse_other_routes(place)

    @property
    def products(self) -> Predictor:
        """The last stage."""
        return self.of["products"]

    @property
    def sides(self) -> tuple[str, str] | None:
        """The two classes of the gate: of those that are stopped, and of those that go on; None = no gate."""
        if "gate" not in self.of:
            return None
        first, second = self.of["gate"].labels.names
        return (first, second) if self.routes.go == second else (second, first)

    @property
    def seen(self) -> PictureUse:
        """Which of several pictures of an input are looked at."""
        uses = {one.seen for one in self.of.values()}
        return "mean_pool" if "mean_pool" in uses else "none" if uses == {"none"} else "first"

    def problem(self, one: Decoded) -> str | None:
        """Why an input can't be decided on: what the first stage says that can't look at it."""
        found = (stage.problem(one) for role, stage in self.of.items() if not (role == "products" and self._worded))
        return next((problem for problem in found if problem is not None), None)

    def read(
        self,
        role: Role,
        inputs: Sequence[Decoded],
        texts: Sequence[str] | None = None,
        kept: NDArray[np.bool_] | None = None,
    ) -> Readings:
        """What a stage reads off N inputs, with their own texts unless others are given.

        Where (N, C) `kept` says which classes may be answered, what is read of the others may be anything.
        """
        said = [one.text for one in inputs] if texts is None else texts
        return self.of[role].read([one.pictures for one in inputs], said, kept)

    def going(self, logits: NDArray[np.floating]) -> Floats:
        """(N,) probability that each input goes on, of (N, 2) logits of the gate."""
        gate = self.of["gate"]
        probabilities = cast(Policy, gate.policy).probabilities(logits)
        return self.routes.going(probabilities[:, gate.labels.index(cast(str, self.routes.go))])

    def named(self, logits: NDArray[np.floating]) -> MultilabelVerdicts:
        """What is named of (N, E) logits of the stage of elements."""
        return cast(MultilabelPolicy, self.of["elements"].policy).apply(logits)

    def texts(self, inputs: Sequence[Decoded], named: MultilabelVerdicts | None) -> list[str]:
        """N texts for the last stage: where it reads elements, those named stand before what else is said."""
        if self.routes.sure is None or named is None:
            return [one.text for one in inputs]
        words = element_words(self.of["elements"].labels.names, named.named, named.probabilities, self.routes.sure)
        return [with_words(said, one.text) for said, one in zip(words, inputs, strict=True)]

    def seen_elements(self, named: MultilabelVerdicts | None) -> SeenElements | None:
        """What was found in N inputs, by which the last stage may narrow its candidates; None = no stage looked."""
        if named is None:
            return None
        return SeenElements(self.of["elements"].labels.names, named.named, named.probabilities)

    def kept(self, seen: Sequence[SeenElements | None]) -> NDArray[np.bool_] | None:
        """(N, C) which products may be answered by what was found in N inputs; None = all."""
        rule = cast(Policy, self.products.policy).narrowing
        found = [one for one in seen if one is not None]
        return None if rule is None or len(found) < len(seen) else np.concatenate([rule.kept(one) for one in found])

    @property
    def _worded(self) -> bool:
        """Whether the last stage always has a text: that of the elements."""
        return self.routes.sure is not None

    def _refuse_other_routes(self, where: str) -> None:
        gate = self.of.get("gate")
        classes = gate.labels.names if gate else ()
        if (gate is not None and (self.routes.go not in classes or len(classes) != 2)) or (
            gate is None and self.routes.go is not None
        ):
            raise InputError(
                f"damaged: pictures of {self.routes.go!r} go on", where=where, expected=" or ".join(classes)
            )
        if self.routes.sure is not None and "elements" not in self.of:
            raise InputError("damaged: no stage names elements", where=where, expected="stages/elements")
