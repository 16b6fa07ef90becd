"""A cascade against one classifier over all products, which has what is stopped as a class of its own.

Shapes: N samples, C products.
"""

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sfumato.bundle.ensemble import read_any
from sfumato.cascades.measuring import Answers, whole_answers, whole_names, whole_truth
from sfumato.data.progress import Progress
from sfumato.decision.policy import Policy, Verdicts
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.metrics.cascade_results import FlatComparison
from sfumato.metrics.paired import mcnemar_of, paired_difference
from sfumato.metrics.results import measure
from sfumato.predict.cascade_stages import Stages
from sfumato.predict.inputs import WithText
from sfumato.predict.predictor import Predictor

Integers = NDArray[np.int64]


class Flat:
    """A flat classifier, loaded, and what its classes are to the cascade.

    Args:
        given: Its bundle, or the folder of its run.
        stages: Of the cascade.
        device: A torch device; None = the best there is.

    Raises:
        InputError: It is of several tasks or of several classes a picture, lacks a product, or has other classes than
            these and one of what is stopped.
    """

    def __init__(self, given: str, stages: Stages, device: str | None) -> None:
        self.given, bundle = given, read_any(Path(given))
        if bundle.tasks.several or bundle.tasks.multilabel:
            raise InputError("not one class a picture", where=given, expected="a bundle of one for --flat")
        self.places = _places(bundle.labels, stages, given)
        self.predictor = Predictor(bundle, given, device)

    def compare(self, answers: Answers, stages: Stages, show: Progress) -> FlatComparison:
        """Ask it of the samples of which it is known what they are, and hold it against the cascade."""
        samples, classes = answers.said.samples, len(stages.products.labels)
        began = time.perf_counter()
        verdicts = self._verdicts(answers, show)
        seconds = (time.perf_counter() - began) / len(samples)
        truth, groups = whole_truth(answers, classes), samples.groups
        said, cascade = self.places[verdicts.predicted], whole_answers(answers, classes)
        right = (said == truth) & ~verdicts.abstained
        ones = np.ones(len(truth), dtype=np.int64)
        names = whole_names(stages)
        return FlatComparison(
            self.given,
            measure(truth, said, verdicts.confidence, verdicts.abstained, names, groups),
            paired_difference(ones, answers.ended_right.astype(np.int64), right.astype(np.int64), groups=groups),
            paired_difference(truth, cascade, said, "macro_f1", groups),
            mcnemar_of(answers.ended_right, right),
            seconds,
        )

    def _verdicts(self, answers: Answers, show: Progress) -> Verdicts:
        """What it says; of inputs that it can't look at nothing, which is as good as withheld."""
        rows = answers.said.samples.table.rows
        images, texts = rows["images"].fill_null([]).to_list(), rows["text"].to_list()
        inputs = [WithText(some, text) for some, text in zip(images, texts, strict=True)]
        found = [row for _, row in show(self.predictor.scored(inputs), len(inputs))]
        bad = np.array([isinstance(row, str) for row in found], dtype=np.bool_)
        blank = np.zeros((1, len(self.predictor.labels)), dtype=np.float32)
        logits = np.concatenate([blank if isinstance(row, str) else row.logits for row in found])
        near = [None if isinstance(row, str) else row.familiarity_of(0) for row in found]
        measured = self.predictor.tells_familiarity
        familiarity = np.concatenate([np.zeros(1, np.float32) if one is None else one for one in near])
        policy = self.predictor.policy
        assert isinstance(policy, Policy)
        said = policy.apply(logits, familiarity if measured else None)
        return Verdicts(said.predicted, said.probabilities, said.confidence, said.abstained | bad, said.sets)


def _places(labels: LabelSpace, stages: Stages, where: str) -> Integers:
    """(K,) index among the products, or behind them, of each class of the flat classifier."""
    products, stop = stages.products.labels, len(stages.products.labels)
    found = [products.find(name) for name in labels.names]
    others = [name for name, one in zip(labels.names, found, strict=True) if one is None]
    lacking = [name for name in products.names if name not in found]
    if lacking:
        raise InputError(f"no class {lacking[0]!r}", where=where, expected="all products, for --flat")
    if len(others) > (0 if stages.sides is None else 1):
        what = f"classes that are no product: {', '.join(others) or 'none'}"
        expected = "none, without a gate" if stages.sides is None else "at most one, of all that is stopped"
        raise InputError(what, where=where, expected=expected)
    return np.array([stop if name is None else products.index(name) for name in found], dtype=np.int64)
