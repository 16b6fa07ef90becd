"""Candidates narrowed by elements: who agrees, when, what of it is fitted, and what remains of probabilities."""

import numpy as np
import pytest

from sfumato.decided import measure_narrowing
from sfumato.decision.narrowing import Narrowing, NarrowSpec, SeenElements, fit_narrowing, masked
from sfumato.decision.policy import Policy
from sfumato.errors import InputError
from sfumato.labels import Label, LabelSpace
from sfumato.predictions import Predictions

DETAILS = (
    Label("gust", elements=("wind",)),
    Label("isobars", elements=("wind", "pressure")),
    Label("low", elements=("pressure",)),
    Label("logo"),
)
SPACE = LabelSpace(tuple(label.id for label in DETAILS), DETAILS)
SHOWS = tuple(label.elements for label in DETAILS)
NAMES = ("pressure", "wind", "rain")


def seen(*rows: tuple[float, float, float]) -> SeenElements:
    """Pressure, wind and rain, found from one half on."""
    chances = np.array(rows)
    return SeenElements(NAMES, chances >= 0.5, chances)


def test_any_shares_an_element_and_all_shows_nothing_else():
    found = seen((0.1, 0.9, 0.1), (0.9, 0.9, 0.1), (0.1, 0.1, 0.9), (0.1, 0.1, 0.1))
    assert Narrowing("any", 0, SHOWS).agreeing(found).astype(int).tolist() == [
        [1, 1, 0, 1],
        [1, 1, 1, 1],
        [0, 0, 0, 1],
        [1, 1, 1, 1],
    ]
    assert Narrowing("all", 0, SHOWS).agreeing(found)[0].tolist() == [True, False, False, True]


def test_elements_that_are_not_sure_leave_all():
    found = seen((0.1, 0.9, 0.0), (0.4, 0.6, 0.0))
    assert found.sureness == pytest.approx([0.81, 0.36])
    kept = Narrowing("any", 0.5, SHOWS).kept(found)
    assert kept.tolist() == [[True, True, False, True], [True] * 4]
    assert Narrowing("any", 1.5, SHOWS).kept(found).all()


def test_where_no_class_agrees_all_remain():
    assert Narrowing("any", 0, (("wind",), ("pressure",))).kept(seen((0.1, 0.1, 0.9))).all()


@pytest.mark.parametrize("recall", [1.0, 0.9, 0.75, 0.5])
def test_tau_is_the_least_that_leaves_enough(recall):
    rng = np.random.default_rng(0)
    found = SeenElements(NAMES, (chances := rng.random((40, 3))) >= 0.5, chances)
    truth = rng.integers(0, 4, 40)
    rule = fit_narrowing(truth, found, SPACE, NarrowSpec(recall=recall))

    def remaining(tau: float) -> float:
        return float(Narrowing("any", tau, SHOWS).kept(found)[np.arange(40), truth].mean())

    assert remaining(rule.tau) >= recall
    less = [tau for tau in found.sureness if tau < rule.tau]
    assert all(remaining(tau) < recall for tau in less) or rule.tau == 0
    assert fit_narrowing(truth, found, SPACE, NarrowSpec(tau=0.7)).tau == 0.7


def test_what_is_left_of_probabilities_sums_to_one():
    chances = np.array([[0.5, 0.2, 0.3, 0.0], [1.0, 0, 0, 0]])
    kept = np.array([[False, True, True, True], [False, True, True, False]])
    assert masked(chances, kept).tolist() == [[0, 0.4, 0.6, 0], [0, 0.5, 0.5, 0]]


def test_the_policy_answers_among_what_is_kept_and_is_stored():
    policy = Policy(narrowing=Narrowing("any", 0.25, SHOWS))
    logits = np.array([[1, 2, 3, 0]], dtype=np.float32)
    assert policy.apply(logits).predicted[0] == 2
    kept = policy.narrowing.kept(seen((0.1, 0.9, 0.0)))
    said = policy.apply(logits, kept=kept)
    assert said.predicted[0] == 1 and said.probabilities[0, 2] == 0 and said.probabilities.sum() == pytest.approx(1)
    inside = np.exp(logits[0]) * kept[0]
    assert said.probabilities[0] == pytest.approx(inside / inside.sum())
    assert Policy.from_dict(policy.to_dict(), "x") == policy
    with pytest.raises(InputError, match="not a policy: 4 narrowed classes"):
        policy.check_classes(5, "x")


def test_its_figures_are_counted_by_hand():
    found = seen((0.1, 0.9, 0.0), (0.1, 0.9, 0.0), (0.45, 0.55, 0.0), (0.9, 0.1, 0.0))
    truth, logits = np.array([0, 2, 2, 2]), np.array([[1, 0, 2, 0], [0, 0, 3, 0], [0, 0, 3, 0], [3, 0, 2, 0]])
    said = Predictions(("a", "b", "c", "d"), truth, logits.astype(np.float32), SPACE)
    figures = measure_narrowing(said, Policy(narrowing=Narrowing("any", 0.5, SHOWS)), found)
    assert (figures.narrowed.value, figures.recall.value) == (0.75, 0.75)
    assert figures.candidates.value == (3 + 3 + 4 + 3) / 4
    assert (figures.accuracy_all.value, figures.accuracy.value) == (0.5, 0.75)
    assert (figures.top_5_all.value, figures.top_5.value) == (1, 0.75)
    assert measure_narrowing(said, Policy(), found) is None


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LabelSpace(("a", "b")), "no class says which elements it shows; name a label file"),
        (
            LabelSpace(("a",), (Label("a", elements=("winds",)),)),
            "classes show 'winds', which data.elements.run does not look for; did you mean 'wind'",
        ),
    ],
)
def test_other_elements_are_refused_in_one_line(labels, message):
    with pytest.raises(InputError) as failure:
        fit_narrowing(np.array([0]), seen((0.1, 0.9, 0.0)), labels, NarrowSpec())
    assert message in str(failure.value) and "\n" not in str(failure.value)
