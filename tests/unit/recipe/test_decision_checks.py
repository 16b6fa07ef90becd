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
