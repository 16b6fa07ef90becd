"""Every public function of deciding and measuring that takes arrays, by reflection, and arguments for it by their names.

A function that is new, or takes an argument of a new name, fails here until it is said how it is called.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from types import ModuleType
from typing import get_args

import numpy as np
from hypothesis import strategies as st

import sfumato.decision
import sfumato.metrics
from sfumato.decision.abstention import AbstainSpec, Abstention
from sfumato.decision.calibration import Temperature
from sfumato.decision.calibrators.calibrator import Kind, fit_calibrator
from sfumato.decision.calibrators.class_temperature import fit_class_temperature
from sfumato.decision.conformal.risk_control import MissControl
from sfumato.decision.conformal.scores import Aps, Lac, Raps
from sfumato.decision.conformal.sets import ConformalSets, ConformalSpec, Scope
from sfumato.decision.costs import CostMatrix
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.doubt.drawn import MOST
from sfumato.decision.doubt.familiar import Familiar, FamiliarSpec
from sfumato.decision.doubt.knn import fit_knn
from sfumato.decision.doubt.mahalanobis import fit_mahalanobis
from sfumato.decision.doubt.reference import Measure
from sfumato.decision.doubt.sureness import By
from sfumato.decision.fusion.fitting import equal_weights
from sfumato.decision.fusion.fusion import Kind as FusionKind
from sfumato.decision.logit_adjustment import LogitAdjustment, LogitAdjustmentSpec
from sfumato.decision.multilabel_policy import MultilabelPolicy
from sfumato.decision.narrowing import NarrowSpec, SeenElements
from sfumato.decision.operating_point import OperatingPoint
from sfumato.decision.policy import Policy
from sfumato.decision.prior_shift import PriorShift
from sfumato.decision.thresholds.answering import AnswerThresholds
from sfumato.decision.thresholds.rules import EqualError, FBeta, LeastCost, PrecisionFloor, RecallFloor, Youden
from sfumato.decision.thresholds.threshold_spec import ThresholdSpec
from sfumato.decision.thresholds.thresholds import ClassThreshold, Thresholds
from sfumato.labels import Label, LabelSpace
from sfumato.metrics.average_precision import Form
from sfumato.metrics.classification import accuracy
from sfumato.metrics.label_scores import LabelScoreName
from sfumato.metrics.paired_labels import LabelAnswers
from sfumato.metrics.results import class_rows

UNCHECKED = ("to_dict", "to_arrays", "from_dict", "from_arrays")
"""Forms for storing, which tests of each record read back and spoil."""


@dataclass(frozen=True)
class Case:
    """Samples, and what is said of them."""

    samples: int
    classes: int
    truth_of: str
    """`any`, or `one`: all samples are of the first class, and none is of any other."""
    scores_of: str
    """`any`; `tied`: whole numbers; `equal`: all the same; `far`: of a size that overflows if exponentiated."""
    grouped: bool
    several: bool
    """Whether truth is (N, C) wherever it may be."""
    seed: int

    def rng(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, *name.encode()])

    def numbers(self, name: str, *shape: int) -> np.ndarray:
        found = self.rng(name).normal(0, 2, shape)
        return {"tied": np.rint(found), "equal": np.zeros(shape), "far": 1e4 * np.rint(found)}.get(
            self.scores_of, found
        )

    def shares(self, name: str, *shape: int) -> np.ndarray:
        return 1 / (1 + np.exp(-np.clip(self.numbers(name, *shape), -40, 40)))

    @cached_property
    def probabilities(self) -> np.ndarray:
        z = self.numbers("p", self.samples, self.classes)
        p = np.exp(z - z.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    @cached_property
    def truth(self) -> np.ndarray:
        found = self.rng("truth").integers(0, self.classes, self.samples)
        return np.zeros_like(found) if self.truth_of == "one" else found

    @cached_property
    def there(self) -> np.ndarray:
        found = self.rng("there").random((self.samples, self.classes)) < 0.4
        return np.arange(self.classes) == np.zeros((self.samples, 1)) if self.truth_of == "one" else found

    @cached_property
    def labels(self) -> np.ndarray:
        """Of half of the cases some answers are not known, of some of these those of a whole class."""
        found = self.there.astype(np.int8)
        if self.seed % 2:
            found[self.rng("hidden").random(found.shape) < 0.4] = -1
        if self.seed % 4 == 1:
            found[:, 0] = -1
        return found

    def some(self, name: str) -> np.ndarray:
        """(N,) booleans."""
        return np.full(self.samples, True) if self.truth_of == "one" else self.rng(name).random(self.samples) < 0.6

    @cached_property
    def groups(self) -> np.ndarray | None:
        return self.rng("groups").integers(0, max(1, self.samples // 2), self.samples) if self.grouped else None

    @cached_property
    def counts(self) -> np.ndarray:
        return np.bincount(self.truth, minlength=self.classes)


@st.composite
def cases(draw) -> Case:
    """Few samples more often than many; none, and one, among them."""
    return Case(
        draw(st.sampled_from((0, 1, 2, 3, 12, 30, 60))),
        draw(st.sampled_from((2, 3, 5))),
        draw(st.sampled_from(("any", "any", "one"))),
        draw(st.sampled_from(("any", "tied", "equal", "far"))),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.integers(0, 1000)),
    )


def modules() -> Iterator[ModuleType]:
    for room in (sfumato.decision, sfumato.metrics):
        for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            yield importlib.import_module(found.name)


@cache
def functions() -> dict[str, Callable]:
    """Room.name, or room.Class.name -> each public function and method with an array among its arguments."""
    found: dict[str, Callable] = {}
    for module in modules():
        room = module.__name__.removeprefix("sfumato.")
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
                continue
            if inspect.isfunction(thing):
                found[f"{room}.{name}"] = thing
            elif inspect.isclass(thing):
                own = {f"{room}.{name}.{key}": one for key, one in vars(thing).items() if inspect.isfunction(one)}
                found |= {key: one for key, one in own.items() if not key.rpartition(".")[2].startswith("_")}
    return {name: one for name, one in found.items() if name.rpartition(".")[2] not in UNCHECKED and _takes_arrays(one)}


def _takes_arrays(function: Callable) -> bool:
    return any("ndarray" in str(one.annotation) for one in inspect.signature(function).parameters.values())


ARGUMENTS: Mapping[str, Callable[[Case], object]] = {
    "logits": lambda c: c.numbers("z", c.samples, c.classes).astype(np.float32),
    "views": lambda c: c.numbers("v", 2, c.samples, c.classes).astype(np.float32),
    "said": lambda c: list(np.log(np.maximum(c.shares("s", 2, c.samples, c.classes), 1e-30)).astype(np.float32)),
    "probabilities": lambda c: c.probabilities,
    "before": lambda c: c.probabilities[:, ::-1],
    "after": lambda c: c.probabilities,
    "features": lambda c: c.numbers("f", c.samples, 4),
    "scores": lambda c: c.numbers("scores", c.samples, c.classes),
    "confidence": lambda c: c.shares("confidence", c.samples),
    "sureness": lambda c: c.shares("sureness", c.samples),
    "familiarity": lambda c: -c.shares("familiarity", c.samples),
    "answered": lambda c: c.shares("answered", c.samples),
    "values": lambda c: c.numbers("values", c.samples),
    "truth": lambda c: c.truth,
    "there": lambda c: c.there,
    "named": lambda c: c.rng("named").random((c.samples, c.classes)) < 0.5,
    "sets": lambda c: c.rng("sets").random((c.samples, c.classes)) < 0.7,
    "correct": lambda c: c.some("correct"),
    "given": lambda c: c.some("given"),
    "abstained": lambda c: ~c.some("given"),
    "predicted": lambda c: c.rng("predicted").integers(0, c.classes, c.samples),
    "predicted_a": lambda c: c.rng("a").integers(0, c.classes, c.samples),
    "predicted_b": lambda c: c.rng("b").integers(0, c.classes, c.samples),
    "right_a": lambda c: c.some("a"),
    "right_b": lambda c: c.some("b"),
    "a": lambda c: _answers(c, "a"),
    "b": lambda c: _answers(c, "b"),
    "units": lambda c: np.arange(c.samples) // 2,
    "confusion": lambda c: c.rng("confusion").integers(0, c.samples + 1, (c.classes, c.classes)),
    "counts": lambda c: c.counts,
    "train_counts": lambda c: c.counts,
    "trained": lambda c: c.counts,
    "priors": lambda c: np.linspace(1, 2, c.classes),
    "old": lambda c: np.linspace(1, 2, c.classes),
    "groups": lambda c: c.groups,
    "classes": lambda c: c.classes,
    "names": lambda c: tuple(f"class {index}" for index in range(c.classes)),
    "samples": lambda c: c.samples,
    "folds": lambda c: 3,
    "alpha": lambda c: 0.1,
    "share": lambda c: 0.4,
    "coverage": lambda c: 0.7,
    "max_error": lambda c: 0.2,
    "k": lambda c: 1,
    "wrong": lambda c: c.samples // 3,
    "by": lambda c: "margin",
    "score": lambda c: accuracy,
    "policy": lambda c: Policy(),
    "kept": lambda c: (c.rng("kept").random((c.samples, c.classes)) < 0.5) | (np.arange(c.classes) == 0),
    "tau": lambda c: 0.5,
}

SCORES, RULES = (
    (Lac(), Aps(), Raps()),
    (FBeta(), Youden(), EqualError(), PrecisionFloor(floor=0.6), RecallFloor(floor=0.6), LeastCost()),
)
"""One of each family, which a test counts."""


def _answers(c: Case, name: str) -> LabelAnswers:
    scores = c.numbers(name, c.samples, c.classes)
    return LabelAnswers(scores, scores > 0)


def _any(c: Case, family: Sequence) -> object:
    return family[c.seed % len(family)]


def _shift(c: Case) -> PriorShift:
    return PriorShift(tuple(np.linspace(1, 2, c.classes)), tuple(np.linspace(2, 1, c.classes)))


def _products(c: Case) -> LabelSpace:
    labels = tuple(
        Label(name, elements=("wind", "rain")[: 1 + place % 2]) for place, name in enumerate(ARGUMENTS["names"](c))
    )
    return LabelSpace(tuple(label.id for label in labels), labels)


SPECIAL: Mapping[str, Mapping[str, Callable[[Case], object]]] = {
    "decision.abstention.fit_abstain": {"spec": lambda c: AbstainSpec(max_error=0.2, sure=0.9, by="margin")},
    "decision.averaging.averaged": {"logits": ARGUMENTS["views"]},
    "decision.branch_share.fit_branch_share": {
        "first": ARGUMENTS["logits"],
        "second": lambda c: c.numbers("second", c.samples, c.classes),
        "truth": lambda c: c.labels,
        "given": lambda c: 0.3 if c.seed % 2 else None,
    },
    "decision.averaging.averaged_tasks": {
        "logits": ARGUMENTS["views"],
        "policies": lambda c: {"": Policy(Temperature(1.5, 30))},
        "slices": lambda c: {"": slice(0, c.classes)},
    },
    "decision.conformal.rank.conformal_quantile": {"scores": lambda c: c.shares("quantile", c.samples)},
    "decision.conformal.sets.fit_sets": {"spec": lambda c: ConformalSpec(scope="cluster", score=_any(c, SCORES))},
    "decision.conformal.clusters.find_clusters": {
        "scores": lambda c: c.shares("clustered", c.samples), "clusters": lambda c: 2,
    },
    "decision.doubt.drawn.drawn": {"by": lambda c: "knn", "seed": lambda c: c.seed},
    "decision.doubt.familiar.fit_familiar": {"spec": lambda c: FamiliarSpec(by="knn", refused=0.1)},
    "decision.doubt.mahalanobis.fit_mahalanobis": {},
    "decision.logit_adjustment.fit_adjustment": {"spec": lambda c: LogitAdjustmentSpec()},
    "decision.mean_temperature.fit_mean_temperature": {"logits": ARGUMENTS["views"]},
    "decision.policy_fit.fit_probabilities": {
        "spec": lambda c: DecisionSpec(logit_adjustment=LogitAdjustmentSpec(), calibration=_any(c, get_args(Kind))),
    },
    "decision.prior_shift.evidence_of_shift": {"shift": _shift},
    "decision.thresholds.cuts.cuts_of": {
        "scores": lambda c: c.shares("cuts", c.samples), "there": lambda c: c.some("positive"),
    },
    "decision.thresholds.fit.fit_thresholds": {"rule": lambda c: _any(c, RULES), "truth": lambda c: c.labels},
    "decision.thresholds.answering.fit_answer_thresholds": {
        "positive": lambda c: c.seed % 2 if c.classes == 2 else None,
    },
    "decision.calibrators.known_answers.by_class": {
        "fit": lambda c: lambda scores, there: float(scores[there].sum()), "unknown": lambda c: 0.0,
    },
    "decision.calibrators.known_answers.support": {"least": lambda c: 3},
    "decision.calibrators.known_answers.too_few": {"least": lambda c: 3},
    "decision.calibrators.logistic.platt_targets": {"there": lambda c: c.some("positive")},
    "metrics.intervals.share_interval": {"there": lambda c: c.some("there")},
    "metrics.paired_ranking.rank": {"answers": lambda c: {name: ARGUMENTS[name](c) for name in ("predicted_a", "predicted_b")}},
    "metrics.ablation.ablate": {
        "whole": ARGUMENTS["predicted_a"],
        "parts": lambda c: {"text": ARGUMENTS["predicted_b"](c)},
        "note": lambda c: "",
    },
    "metrics.paired_ranking.rank_labels": {
        "truth": lambda c: c.labels, "answers": lambda c: {name: _answers(c, name) for name in "ab"},
    },
    "metrics.paired_labels.label_difference": {
        "truth": lambda c: c.labels, "score": lambda c: _any(c, get_args(LabelScoreName)),
    },
    "metrics.label_scores.label_scores": {"truth": lambda c: c.labels},
    "metrics.label_scores.exact_matches": {"truth": lambda c: c.labels},
    "metrics.label_scores.selection_scores": {"truth": lambda c: c.labels},
    "metrics.calibration.binary_log_loss": {
        "logits": lambda c: c.numbers("labels", c.samples), "truth": lambda c: c.some("labels").astype(np.int8),
    },
    "metrics.paired_labels.paired_macro_f1": {
        "truth": lambda c: c.labels,
        "named_a": lambda c: c.rng("a").random((c.samples, c.classes)) < 0.5,
        "named_b": lambda c: c.rng("b").random((c.samples, c.classes)) < 0.5,
    },
    "metrics.honesty.log_costs": {"truth": lambda c: c.labels},
    "metrics.honesty.sum_of_means": {
        "values": lambda c: c.numbers("values", c.samples, c.classes), "known": lambda c: c.labels != -1,
    },
    "metrics.elements.measure_elements": {"labels": _products},
    "decision.narrowing.fit_narrowing": {
        "seen": lambda c: SeenElements(
            ("wind", "rain"), c.rng("seen").random((c.samples, 2)) < 0.5, c.shares("seen", c.samples, 2)
        ),
        "labels": _products,
        "spec": lambda c: NarrowSpec(agree=_any(c, ("any", "all")), recall=0.8),
    },
    "metrics.wrong_labels.likely_wrong": {"given": ARGUMENTS["truth"]},
    "metrics.wrong_labels.likely_wrong_answers": {
        "probabilities": lambda c: c.shares("p", c.samples, c.classes), "given": lambda c: c.labels,
    },
    "metrics.membership.complete": {"truth": lambda c: c.labels},
    "metrics.multilabel_results.measure_labels": {"truth": lambda c: c.labels},
    "decision.multilabel_fit.fit_label_calibrator": {"truth": lambda c: c.labels},
    "metrics.f_scores.label_hits": {"truth": lambda c: c.labels},
    "metrics.f_scores.label_counts": {"truth": lambda c: c.labels},
    "decision.conformal.clusters.plan_clusters": {},
    "metrics.results.with_sets": {"rows": lambda c: class_rows(np.diag(c.counts), ARGUMENTS["names"](c), None, None)},
    "metrics.trust.cost_scores": {
        "costs": lambda c: 1 - np.eye(c.classes),
        "likeliest": ARGUMENTS["predicted_a"],
        "answers": ARGUMENTS["predicted_b"],
    },
}  # fmt: skip
"""Arguments of a function that mean something else there, or that it alone has."""


def _drawn(c: Case) -> tuple[np.ndarray, np.ndarray]:
    """600 samples for what is fitted before it is tried."""
    rng = np.random.default_rng(c.seed)
    return rng.normal(size=(600, c.classes)), rng.integers(0, c.classes, 600)


def _calibrator(c: Case, kind: str) -> object:
    return fit_calibrator(kind, *_drawn(c))


def _policy(c: Case) -> Policy:
    return Policy(
        Temperature(1.5, 30), Abstention(0.6, 0.2, 0.1, 0.5, _any(c, get_args(By))),
        LogitAdjustment(0.5, tuple(np.linspace(1, 2, c.classes)), None), shift=_shift(c),
        costs=CostMatrix(tuple(map(tuple, 1 + c.seed % 2 - np.eye(c.classes)))),
        sets=ConformalSets(_any(c, SCORES), 0.1, (0.9,) * c.classes, ("all",) * c.classes, (9,) * c.classes),
    )  # fmt: skip


_ROW = ClassThreshold(0.5, None, None, None, 3, 0.5, 0.5, 0.5, "")
INSTANCES: Mapping[str, Callable[[Case], object]] = {
    "Temperature": lambda c: _calibrator(c, "temperature"),
    "ClassTemperature": lambda c: _calibrator(c, "class_temperature"),
    "VectorScaling": lambda c: _calibrator(c, "vector_scaling"),
    "Platt": lambda c: _calibrator(c, "platt"),
    "Isotonic": lambda c: _calibrator(c, "isotonic"),
    "Beta": lambda c: _calibrator(c, "beta"),
    "MultilabelPolicy": lambda c: MultilabelPolicy(
        fit_class_temperature(c.numbers("z", 60, c.classes), c.rng("y").random((60, c.classes)) < 0.5),
        INSTANCES["Thresholds"](c),
        MissControl(0.3, 0.1, 0.05, 20),
    ),
    "MissControl": lambda c: MissControl(0.3, 0.1, 0.05, 20),
    "Lac": lambda c: Lac(),
    "Aps": lambda c: Aps(),
    "Raps": lambda c: Raps(),
    "ConformalSets": lambda c: _policy(c).sets,
    "CostMatrix": lambda c: _policy(c).costs,
    "Familiar": lambda c: Familiar(-0.5, 0.05, 30, "knn"),
    "Most": lambda c: MOST["knn"],
    "Mahalanobis": lambda c: fit_mahalanobis(np.random.default_rng(0).normal(size=(40, 4)), np.arange(40) % 2),
    "Knn": lambda c: fit_knn(np.random.default_rng(0).normal(size=(40, 4))),
    "Fusion": lambda c: equal_weights(2),
    "LogitAdjustment": lambda c: _policy(c).adjustment,
    "OperatingPoint": lambda c: OperatingPoint(0.5, 0.5, 0.1, 0.2, 0.95, reached=True),
    "Policy": _policy,
    "PriorShift": _shift,
    "AnswerThresholds": lambda c: AnswerThresholds(INSTANCES["Thresholds"](c), None),
    "Thresholds": lambda c: Thresholds(FBeta(), 0.5, 10.0, 30, (_ROW,) * c.classes),
}
"""What a method is called of."""

INSIDE: Mapping[str, tuple[str, ...]] = {
    "a step of what looks at its numbers first": (
        "decision.averaging.averaged_familiarity",
        "decision.averaging.log_mean",
        "decision.averaging.mean_familiarity",
        "decision.calibrators.known_answers.by_class",
        "decision.calibrators.logistic.fit_logistic",
        "decision.calibrators.logistic.fit_rising",
        "decision.calibrators.one_vs_rest.log_odds",
        "decision.calibrators.one_vs_rest.log_sigmoid",
        "decision.calibrators.one_vs_rest.probabilities",
        "decision.calibrators.one_vs_rest.sigmoid",
        "decision.calibrators.one_vs_rest.softmax",
        "decision.calibrators.shared_slope.fit_shared_slope",
        "decision.calibrators.softmax_fit.centred",
        "decision.calibrators.softmax_fit.fit_softmax",
        "decision.fusion.cross_entropy.column_sums",
        "decision.fusion.cross_entropy.cross_entropy",
        "decision.fusion.cross_entropy.less_truth",
        "decision.fusion.cross_entropy.losses",
        "decision.fusion.fusion.Fusion.finish",
        "decision.multilabel_policy.mean_logits",
        "decision.fusion.fusion.Fusion.hidden_share",
        "decision.fusion.fusion.Fusion.share",
        "decision.fusion.fusion.chances",
        "decision.fusion.hidden_fit.fit_hidden",
        "decision.fusion.hidden_fit.fit_mlp",
        "decision.fusion.hidden_layer.HiddenLayer.correction",
        "decision.fusion.hidden_layer.HiddenLayer.share",
        "decision.fusion.inner_folds.best_form",
        "decision.fusion.mixing.fit_mixture",
        "decision.fusion.mixing.fit_weighted",
        "decision.fusion.simplex.best_weights",
        "decision.fusion.simplex.weights_near",
        "decision.fusion.stacking.chosen_form",
        "decision.fusion.stacking.fit_form",
        "decision.fusion.stacking.fit_roughly",
        "decision.fusion.stacking.fit_stacked",
        "metrics.brier.murphy_parts",
        "metrics.classwise.classwise_cells",
        "metrics.intervals.percentiles",
        "metrics.intervals.sum_by",
        "metrics.paired_labels.drawn_score",
        "metrics.resampling.Resamples.by_unit",
        "metrics.resampling.Resamples.means",
        "metrics.resampling.Resamples.sums",
        "metrics.roc.Ranked.add_to",
        "metrics.roc.over",
        "metrics.roc.roc",
        "metrics.roc.running",
        "metrics.wrong_labels.confident_class",
        "metrics.wrong_labels.confident_joint",
        "metrics.wrong_labels.joint_distribution",
        "metrics.wrong_labels.self_confidence",
    ),
    "takes tables or records, which were looked at when they were made": (
        "decision.narrowing.SeenElements.only",
        "decision.policy.Policy.sureness",
        "decision.policy_fit.fit_policy",
        "decision.policy_fit.fit_views",
        "decision.view_choice.choose_views",
        "decision.view_policy.fit_view_policy",
        "metrics.binned.BinnedSums.interval",
        "metrics.f_scores.averaged",
        "metrics.f_scores.label_confusions",
        "metrics.labelled.Labelled.parts_of",
        "metrics.longtail.long_tail_scores",
        "metrics.ranking.by_class",
        "metrics.ranking.figures",
        "metrics.ranking.drawn_interval",
        "metrics.results.class_rows",
        "metrics.results.count_rows",
        "metrics.results.with_sets",
        "metrics.trust.cost_scores",
        "metrics.scores.long_tail",
    ),
    "says what becomes of such a number": (
        "decision.abstention.Abstention.withheld",
        "decision.thresholds.answering.AnswerThresholds.withheld",
    ),
    "is no function of samples": (
        "decision.calibrators.calibrator.Calibrator.probabilities",
        "decision.doubt.arrays.checked",
        "decision.doubt.reference.references_from_arrays",
        "decision.named.prior_shift",
        "decision.named.refuse_single_samples",
        "decision.thresholds.positive.positive_class",
        "metrics.finite.refuse_not_finite",
        "metrics.intervals.sample_interval",
        "metrics.resampling.resample",
    ),
}
"""Why -> what is no boundary."""

VARIANTS: Mapping[str, tuple[str, Sequence]] = {
    "decision.calibrators.calibrator.fit_calibrator": ("kind", get_args(Kind)),
    "decision.doubt.reference.fit_reference": ("by", get_args(Measure)),
    "decision.doubt.sureness.sureness": ("by", get_args(By)),
    "decision.multilabel_fit.fit_label_calibrator": (
        "kind",
        ("none", *(k for k in get_args(Kind) if k != "vector_scaling")),
    ),
    "decision.fusion.fitting.fit_fusion": ("kind", get_args(FusionKind)),
    "decision.thresholds.fit.fit_thresholds": ("rule", RULES),
    "decision.thresholds.answering.fit_answer_thresholds": ("spec", tuple(ThresholdSpec(rule=rule) for rule in RULES)),
    "decision.conformal.sets.fit_sets": (
        "spec",
        tuple(ConformalSpec(score=s, scope=w) for s in SCORES for w in get_args(Scope)),
    ),
    "metrics.average_precision.average_precision": ("form", get_args(Form)),
}
"""A family behind one function: each of its kinds is called."""


@dataclass(frozen=True)
class Call:
    """A function with its arguments."""

    function: Callable
    arguments: dict[str, object]

    def __call__(self) -> object:
        return self.function(**self.arguments)

    @property
    def floats(self) -> list[str]:
        """Names of the arguments that hold floating-point numbers of samples."""
        return [name for name, value in self.arguments.items() if _numbers_in(value) is not None]

    def spoilt(self, name: str, number: float, place: int) -> "Call":
        """With one number of an argument, counted round, replaced."""
        value = self.arguments[name]
        copy = [one.copy() for one in value] if isinstance(value, list) else value.copy()
        part = copy[place % len(copy)] if isinstance(copy, list) else copy
        part.reshape(-1)[place % part.size] = number
        return Call(self.function, {**self.arguments, name: copy})


def _numbers_in(value: object) -> np.ndarray | None:
    whole = np.concatenate([one.ravel() for one in value]) if isinstance(value, list) and value else value
    fine = isinstance(whole, np.ndarray) and whole.dtype.kind == "f" and whole.size
    return whole if fine else None


def call_of(name: str, case: Case) -> Call:
    """How a function is called of a case."""
    function = functions()[name]
    special, signature = SPECIAL.get(name, {}), inspect.signature(function)
    wanted = [
        key
        for key, one in signature.parameters.items()
        if key != "self" and (one.default is one.empty or key in ("groups", "familiarity"))
    ]
    arguments = {key: special.get(key, ARGUMENTS.get(key)) for key in wanted if key != VARIANTS.get(name, ("",))[0]}
    missing = [key for key, one in arguments.items() if one is None]
    assert not missing, f"{name}: no argument {missing}; say how it is called in tests/contracts/boundary.py"
    made = {key: one(case) for key, one in arguments.items()}
    if case.several and "truth" in made and "bool" in str(signature.parameters["truth"].annotation):
        made["truth"] = case.labels
    if "self" in signature.parameters:
        instance = INSTANCES[name.split(".")[-2]](case)
        function = getattr(instance, name.rpartition(".")[2])
    return Call(function, made)
