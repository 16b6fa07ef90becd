"""Decisions that contradict each other, or that nothing can fit, with what is said of them."""

import numpy as np
import pytest

from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.named import check_against_classes, refuse_single_samples
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.recipe.load import load_recipe
from sfumato.tasks import TaskLayout

ENERGY = {"abstain": {"max_error": 0.1, "by": "energy"}}
REFUSED = [
    ({"abstain": {}}, {}, "decision.abstain: says neither max_error nor coverage"),
    ({"abstain": {"max_error": 0.1, "coverage": 0.8}}, {}, "decision.abstain: says both"),
    ({"abstain": {"coverage": 0.8, "sure": 0.95}}, {}, "decision.abstain.sure: has no effect"),
    (ENERGY, {"views": {"flips": ["horizontal"]}}, "decision.abstain.by: views are averaged"),
    (
        {"abstain": {"coverage": 0.8, "by": "knn"}, "familiar": {"by": "knn"}},
        {},
        "decision.abstain.by: decision.familiar and decision.abstain.by both withhold by familiarity",
    ),
    ({"familiar": {"by": "knn"}}, {"data.split.val": 0}, "decision.familiar: has no effect"),
    ({"familiar": {"by": "knn", "refused": 0}}, {}, "decision.familiar.refused"),
    ({"familiar": {"by": "nearest"}}, {}, 'decision.familiar.by: found "nearest"; expected one of mahalanobis, knn'),
    ({"familiar": {}}, {}, "decision.familiar.by: missing; expected how far"),
    ({"priors": {"a": 1.0}, "familiar": {"by": "knn"}}, {}, "decision.familiar: validation has other"),
    ({"priors": {"a": 1.0}, "logit_adjustment": {}}, {}, "correct the class prior together"),
    ({"priors": {"a": 1.0}, "abstain": {"max_error": 0.1}}, {}, "decision.abstain: validation has other"),
    ({"priors": {"a": 1.0}, "sets": {}}, {}, "decision.sets.scope: validation has other"),
    ({"calibration": "platt"}, {"data.split.val": 0}, "decision.calibration: has no effect"),
    ({"sets": {}}, {"data.split.val": 0}, "decision.sets: has no effect"),
    ({"costs": {"a": {"b": 2.0}}}, {"data.split.val": 0}, "decision.costs: data.split.val is 0"),
    ({"thresholds": {}}, {"data.split.val": 0}, "decision.thresholds: has no effect"),
    ({"thresholds": {}, "costs": {"a": {"b": 2.0}}}, {}, "decision.thresholds: decision.costs chooses the answer"),
    ({"thresholds": {"rule": "least_cost", "shrinkage": 5}}, {}, "decision.thresholds.shrinkage: has no effect"),
    ({"thresholds": {"rule": "recall_floor"}}, {}, "such as {kind: recall_floor, floor: 0.9}"),
    ({"thresholds": {"rule": "equal_eror"}}, {}, "did you mean 'equal_error'?"),
    ({"thresholds": {"rule": {"kind": "precision_floor", "floor": 90}}}, {}, "floor: found 90; expected at most 1"),
]


@pytest.mark.parametrize(("decision", "more", "said"), REFUSED)
def test_it_is_refused_in_one_line(decision, more, said):
    recipe = {"data": {"source": "photos"}, "model": {"backbone": "resnet18"}, "decision": decision}
    with pytest.raises(InputError, match=said) as caught:
        load_recipe(recipe, more)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("score", "said"),
    [
        ({"kind": "raps"}, "decision.sets.score: has no effect: 5 labels are free, and there are 3"),
        ({"kind": "raps", "free": 0, "penalty": 0.0}, "decision.sets.score: has no effect: penalty is 0"),
    ],
)
def test_a_penalty_on_no_label_is_refused_before_training(score, said):
    layout = TaskLayout({"": LabelSpace(("a", "b", "c"))})
    with pytest.raises(InputError, match=said):
        check_against_classes(DecisionSpec.model_validate({"sets": {"score": score}}), layout)
    check_against_classes(DecisionSpec.model_validate({"sets": {"score": {"kind": "raps", "free": 2}}}), layout)


@pytest.mark.parametrize("asked", [{"familiar": {"by": "mahalanobis"}}, {"abstain": {"by": "mahalanobis"}}])
def test_a_spread_that_nothing_shows_is_refused_before_training(asked):
    spec = DecisionSpec.model_validate(asked)
    refuse_single_samples(spec, {"a": np.array([2, 0]), "b": np.array([1, 5])})
    with pytest.raises(InputError, match=r"decision\..*by: no class has two training images") as error:
        refuse_single_samples(spec, {"a": np.array([2, 0]), "b": np.array([1, 1])})
    assert next(iter(asked)) in str(error.value)
    refuse_single_samples(DecisionSpec(), {"": np.array([1, 1])})


def test_where_an_image_may_be_of_several_classes_nothing_is_withheld():
    layout = TaskLayout({"": LabelSpace(("a", "b", "c"))}, multilabel=True)
    with pytest.raises(InputError, match=r"decision\.familiar: withholds answers"):
        check_against_classes(DecisionSpec.model_validate({"familiar": {"by": "knn"}}), layout)


ONE_TASK = {"two": {"": ("a", "b")}, "three": {"": ("a", "b", "c")}}
TASKS = {**ONE_TASK, "several": {"x": ("a", "b"), "y": ("a", "b", "c")}, "several of two": {"x": "ab", "y": "cd"}}
FLOOR = {"rule": {"kind": "precision_floor", "floor": 0.9}}
OF_CLASSES = [
    ("two", {"thresholds": {"positive": "c"}}, "thresholds.positive: no class 'c'; expected a or b"),
    ("two", {"thresholds": {"shrinkage": 5.0}}, "thresholds.shrinkage: has no effect: of two classes one has"),
    ("two", {"thresholds": {}, "logit_adjustment": {}}, "decision.logit_adjustment: decision.thresholds chooses"),
    ("three", {"thresholds": {"positive": "a"}}, "thresholds.positive: names one of 3 classes"),
    ("three", {"thresholds": {"rule": "youden"}}, "thresholds.rule: of 3 classes a threshold withholds answers, and"),
    ("three", {"thresholds": {"rule": "equal_error"}}, "expected precision_floor, recall_floor, f_beta or least_cost"),
    (
        "three",
        {"thresholds": FLOOR, "abstain": {"coverage": 0.9}},
        "decision.abstain: of 3 classes decision.thresholds",
    ),
    ("three", {"thresholds": FLOOR, "priors": {"a": 1.0, "b": 1.0, "c": 1.0}}, "its precision is no guide"),
    (
        "several",
        {"thresholds": {"positive": "a"}},
        "thresholds.positive: names a class of one task, and there are x, y",
    ),
    ("several", {"thresholds": {"rule": "youden"}}, "of 3 classes a threshold withholds"),
    ("several of two", {"thresholds": {"positive": "a"}}, "names a class of one task"),
    ("labels", {"thresholds": {"positive": "a"}}, "thresholds.positive: names one class, and here an image may be of"),
]
FINE = [
    ("two", {"thresholds": {"rule": "equal_error", "positive": "a"}, "abstain": {"max_error": 0.1}}),
    ("two", {"thresholds": {}, "priors": {"a": 1.0, "b": 20.0}}),
    (
        "three",
        {"thresholds": {"rule": {"kind": "recall_floor", "floor": 0.9}}, "priors": {"a": 1.0, "b": 1.0, "c": 1.0}},
    ),
    ("three", {"thresholds": {**FLOOR, "shrinkage": 0.0}, "logit_adjustment": {}, "sets": {}}),
    ("several of two", {"thresholds": {"rule": "youden"}, "abstain": {"coverage": 0.9}}),
    ("several", {"thresholds": {"shrinkage": 5.0}}),
    ("labels", {"thresholds": {"rule": "equal_error", "shrinkage": 0.0}}),
]


def of_tasks(name: str) -> TaskLayout:
    if name == "labels":
        return TaskLayout({"": LabelSpace(("a", "b", "c"))}, multilabel=True)
    return TaskLayout({task: LabelSpace(tuple(classes)) for task, classes in TASKS[name].items()})


@pytest.mark.parametrize(("tasks", "decision", "said"), OF_CLASSES)
def test_thresholds_that_make_no_sense_of_so_many_classes_are_refused(tasks, decision, said):
    with pytest.raises(InputError) as caught:
        check_against_classes(DecisionSpec.model_validate(decision), of_tasks(tasks))
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("tasks", "decision"), FINE)
def test_those_that_do_are_not(tasks, decision):
    check_against_classes(DecisionSpec.model_validate(decision), of_tasks(tasks))
