"""The figures of a cascade: from its first stage to its last, and of each stage by itself.

Shapes: N samples, C products.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sfumato.bundle.cascade import Role
from sfumato.cascades.looking import Said, StageTime
from sfumato.cascades.samples import Samples
from sfumato.decided import measure_any
from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.policy import Policy, Verdicts
from sfumato.errors import InputError
from sfumato.metrics.blame import counted, ends
from sfumato.metrics.cascade_results import CascadeResults, Spent
from sfumato.metrics.multilabel_results import AnyResults
from sfumato.metrics.results import Results, measure
from sfumato.multilabel_predictions import MultilabelPredictions, known_rows
from sfumato.predict.cascade_stages import Stages
from sfumato.predictions import UNKNOWN, Predictions

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """What a cascade makes of N samples of which it is known what they are."""

    said: Said
    wanted: Booleans
    """(N,) whether each has a product, and so should go on."""
    passed: Booleans
    """(N,) whether each goes on."""
    last: Verdicts
    """Of the last stage; of samples that it was not asked about it says nothing that counts."""
    withheld: Booleans
    """(N,) whether its answer is withheld, by itself or by the cascade."""

    @property
    def right(self) -> Booleans:
        """(N,) whether the last stage names the product."""
        return self.wanted & (self.last.predicted == self.said.samples.truth["products"])

    @property
    def ended_right(self) -> Booleans:
        """(N,) whether the answer that comes out is right: given and true, or rightly stopped."""
        return np.where(self.passed, self.right & ~self.withheld, ~self.wanted)


def wanted_of(samples: Samples, stages: Stages) -> Integers:
    """(N,) 1 where a sample has a product, 0 where it should be stopped, UNKNOWN where neither is known."""
    product = samples.truth["products"]
    if stages.sides is None:
        return np.where(product == UNKNOWN, UNKNOWN, 1)
    gate = samples.truth["gate"]
    stop = stages.of["gate"].labels.index(stages.sides[0])
    return np.where(gate == stop, 0, np.where((gate != UNKNOWN) & (product != UNKNOWN), 1, UNKNOWN))


def answers_of(said: Said, stages: Stages) -> Answers:
    """What a cascade makes of the samples of which it is known what they are.

    Raises:
        InputError: There is none.
    """
    wanted = wanted_of(said.samples, stages)
    known = wanted != UNKNOWN
    if not known.any():
        what = "no sample whose product is known, or that should be stopped"
        raise InputError(what, where=said.samples.table.source)
    here = said.only(known)
    last = last_verdicts(here, stages)
    withheld = last.abstained | stages.routes.withheld(last.confidence)
    return Answers(here, wanted[known] == 1, stages.routes.passes(here.going), last, withheld)


def last_verdicts(said: Said, stages: Stages) -> Verdicts:
    """What the last stage says; where it was not asked, anything."""
    policy = cast(Policy, stages.products.policy)
    familiarity = None if said.familiarity is None else np.nan_to_num(said.familiarity)
    seen = None if said.elements is None else stages.seen_elements(stages.named(np.nan_to_num(said.elements)))
    kept = None if policy.narrowing is None or seen is None else policy.narrowing.kept(seen)
    return policy.apply(np.nan_to_num(said.products), familiarity, kept)


def measure_cascade(answers: Answers, stages: Stages) -> CascadeResults:
    """All figures."""
    said, groups = answers.said, answers.said.samples.groups
    found = ends(answers.wanted, answers.passed, answers.right, answers.withheld, elements_wrong(answers, stages))
    return CascadeResults(
        samples=len(said.samples),
        whole=_whole(answers, stages),
        stages=_of_stages(answers, stages),
        ends=counted(found, groups),
        spent=_spent(answers),
    )


def elements_wrong(answers: Answers, stages: Stages) -> Booleans | None:
    """(N,) whether the elements that the last stage was told are not the true ones; None = it is told none."""
    said = answers.said
    if said.elements is None or stages.routes.sure is None:
        return None
    truth = said.samples.truth["elements"]
    asked = np.isfinite(said.elements).all(axis=1)
    named = stages.named(np.nan_to_num(said.elements)).named
    known = (truth != UNKNOWN).all(axis=1)
    return np.asarray(asked & known & (named != (truth == 1)).any(axis=1), dtype=np.bool_)


def whole_truth(answers: Answers, classes: int) -> Integers:
    """(N,) class of each sample among the C products and, behind them, what is stopped."""
    return np.where(answers.wanted, answers.said.samples.truth["products"], classes)


def whole_answers(answers: Answers, classes: int) -> Integers:
    """(N,) class that comes out; of answers that are withheld what they would be."""
    return np.where(answers.passed, answers.last.predicted, classes)


def whole_names(stages: Stages) -> tuple[str, ...]:
    """The C products and, where there is a gate, the class of what is stopped."""
    return stages.products.labels.names + (() if stages.sides is None else (stages.sides[0],))


def _whole(answers: Answers, stages: Stages) -> Results:
    classes = len(stages.products.labels)
    confidence = np.where(answers.passed, answers.last.confidence, 1 - answers.said.going)
    return measure(
        whole_truth(answers, classes),
        whole_answers(answers, classes),
        confidence,
        answers.passed & answers.withheld,
        whole_names(stages),
        answers.said.samples.groups,
    )


def _of_stages(answers: Answers, stages: Stages) -> dict[str, AnyResults]:
    found: dict[str, AnyResults] = {}
    if stages.sides is not None:
        found["gate"] = _gate(answers, stages.sides)
    for role, (table, policy) in stage_tables(answers, stages).items():
        found[role] = measure_any(table, policy)
    return found


def _gate(answers: Answers, sides: tuple[str, str]) -> Results:
    """Of the two classes, those that go on the second, at the cascade's threshold."""
    going = answers.said.going
    passed = answers.passed.astype(np.int64)
    return measure(
        answers.wanted.astype(np.int64),
        passed,
        np.where(answers.passed, going, 1 - going),
        np.zeros(len(going), dtype=np.bool_),
        sides,
        answers.said.samples.groups,
        probabilities=np.stack([1 - going, going], axis=1),
    )


def stage_tables(
    answers: Answers, stages: Stages
) -> dict[Role, tuple[Predictions | MultilabelPredictions, Policy | MultilabelPolicy]]:
    """Stage behind the gate -> its predictions of the samples that it can be measured on, and its policy."""
    said, samples = answers.said, answers.said.samples
    found: dict[Role, tuple[Predictions | MultilabelPredictions, Policy | MultilabelPolicy]] = {}
    if said.elements is not None:
        asked = np.isfinite(said.elements).all(axis=1)
        truth = samples.truth["elements"].astype(np.int8)
        rows = np.asarray(asked & answers.wanted & (truth != UNKNOWN).all(axis=1), dtype=np.bool_)
        labels, groups = stages.of["elements"].labels, _some(samples.groups, rows)
        table = MultilabelPredictions(_ids(said, rows), truth[rows], said.elements[rows], labels, groups)
        if known_rows(table).any():
            found["elements"] = (table, stages.of["elements"].policy)
    rows = answers.wanted & said.asked
    if rows.any():
        truth, near = samples.truth["products"][rows], said.familiarity
        labels, groups = stages.products.labels, _some(samples.groups, rows)
        familiar = None if near is None else near[rows]
        table = Predictions(_ids(said, rows), truth, said.products[rows], labels, groups, familiarity=familiar)
        found["products"] = (table, stages.products.policy)
    return found


def _ids(said: Said, rows: Booleans) -> tuple[str, ...]:
    return tuple(name for name, one in zip(said.samples.table.ids, rows.tolist(), strict=True) if one)


def _some(groups: Integers | None, rows: Booleans) -> Integers | None:
    return None if groups is None else groups[rows]


def _spent(answers: Answers) -> dict[str, Spent]:
    """Every sample is decoded and seen by the gate; the others see what goes on."""
    said = answers.said
    on, every = int(answers.passed.sum()), len(answers.passed)
    times: dict[str, StageTime] = {"decoding": said.decoding, **said.times}
    all_of_them = {"decoding", "gate"}
    return {role: Spent(every if role in all_of_them else on, one.each) for role, one in times.items()}
