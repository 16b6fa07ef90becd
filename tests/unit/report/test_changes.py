"""What is shown of a decision before and after, against a count by hand; and promises that are broken."""

import numpy as np
import pytest

from sfumato.decided import measure_decisions
from sfumato.decision.abstention import AbstainSpec, Abstention
from sfumato.decision.conformal.sets import ConformalSpec
from sfumato.decision.costs import CostMatrix
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.policy import Policy
from sfumato.decision.policy_fit import fit_policy
from sfumato.labels import LabelSpace
from sfumato.metrics.honesty import log_losses
from sfumato.predictions import Predictions
from sfumato.report.changes import changes
from sfumato.report.evidence import Measured
from sfumato.report.set_sizes import SIZES, sets_frame
from sfumato.report.set_sizes_picture import draw_set_sizes
from sfumato.report.svg import to_svg
from sfumato.report.unkept import unkept

NAMES = ("cat", "dog", "owl")
COUNTS = np.array([600, 300, 100])


def said(samples=2000, seed=0, shares=(0.6, 0.3, 0.1), classes=3) -> Predictions:
    rng = np.random.default_rng(seed)
    truth = rng.choice(classes, samples, p=shares)
    logits = 3 * (1.5 * np.eye(classes)[truth] + rng.normal(0, 1, (samples, classes))) + np.log(shares)
    names = NAMES if classes == 3 else tuple(f"c{i:02}" for i in range(classes))
    return Predictions(tuple(map(str, range(samples))), truth, logits.astype(np.float32), LabelSpace(names))


def measured(policy: Policy, of: Predictions, part="test") -> Measured:
    return Measured(part, of, policy, policy.apply(of.logits), measure_decisions(of, policy))


def decided(spec: DecisionSpec, of: Predictions | None = None, part="test") -> Measured:
    policy = fit_policy(said(), spec, COUNTS)
    return measured(policy, said(seed=1) if of is None else of, part)


def test_of_a_network_left_alone_there_is_nothing_to_say():
    assert changes(measured(Policy(), said())) == ()


def test_calibration_is_shown_with_its_scores():
    found = {change.name: change for change in changes(decided(DecisionSpec()))}
    assert list(found) == [
        "Log loss",
        "Brier score",
        "Calibration error, in bins of equal width",
        "Calibration error, as many images a bin",
        "Calibration error of every class",
    ]
    assert found["Log loss"].after.value < found["Log loss"].before.value
    assert not any(change.share or change.promised for change in found.values())


def test_all_that_is_asked_for_stands_beside_what_was_promised():
    spec = DecisionSpec(
        abstain=AbstainSpec(max_error=0.05, sure=0.95), sets=ConformalSpec(alpha=0.05), costs={"owl": {"cat": 20.0}}
    )
    of = decided(spec)
    found = {change.name: change for change in changes(of)}
    right = of.verdicts.predicted == of.predictions.truth
    given, plain = ~of.verdicts.abstained, of.predictions.logits.argmax(axis=1)
    assert found["Accuracy"].before.value == pytest.approx((plain == of.predictions.truth).mean())
    assert found["Accuracy"].after.value == pytest.approx(right.mean())
    assert found["Images that are answered"].after.value == pytest.approx(given.mean())
    assert "% on validation" in found["Images that are answered"].promised
    assert found["Wrong among the answers"].after.value == pytest.approx((~right)[given].mean())
    assert found["Wrong among the answers"].before.value == pytest.approx((plain != of.predictions.truth).mean())
    assert found["Wrong among the answers"].promised.endswith(", certainty 95.0 %")
    assert found["Right class named"].promised == "at least 95.0 %"
    assert found["Classes named"].before.value == 1
    assert found["Classes named"].after.value == pytest.approx(of.verdicts.sets.sum(axis=1).mean())
    costs = np.array(of.policy.costs.costs)[of.predictions.truth]
    assert found["Cost of an answer"].after.value == pytest.approx(
        costs[np.arange(len(right)), of.verdicts.predicted].mean()
    )
    assert found["Cost of an answer"].after.value < found["Cost of an answer"].before.value


def test_where_nothing_is_answered_nothing_is_said_of_the_answers():
    found = [one.name for one in changes(measured(Policy(abstention=Abstention(1.0, 0.1, 0.0, 0.1)), said()))]
    assert found == ["Images that are answered"]
    silent = Abstention(1.0, 0.001, 0.0, 0.1, certainty=0.95, bound=0.001)
    assert unkept(measured(Policy(abstention=silent), said())) == ()


def test_before_is_what_the_network_says_and_after_what_is_decided_on():
    """Though logits are adjusted, or class frequencies moved."""
    of = said(seed=1)
    truth, plain = of.truth, Policy().probabilities(of.logits)
    for spec in (
        DecisionSpec(logit_adjustment={"tau": 1.0}),
        DecisionSpec(priors={"cat": 1.0, "dog": 1.0, "owl": 1.0}),
    ):
        policy = fit_policy(said(), spec, COUNTS)
        scores = measure_decisions(of, policy).scores
        assert scores["nll_before"].value == pytest.approx(log_losses(plain, truth).mean())
        assert scores["nll"].value == pytest.approx(log_losses(policy.probabilities(of.logits), truth).mean())


@pytest.mark.parametrize("scope", ["all", "class"])
def test_promises_are_kept_on_images_like_those_of_validation(scope):
    spec = DecisionSpec(abstain=AbstainSpec(max_error=0.05, sure=0.95), sets=ConformalSpec(alpha=0.1, scope=scope))
    assert [unkept(decided(spec, said(500, seed))) for seed in range(1, 5)] == [()] * 4


def test_where_classes_are_no_longer_as_frequent_promises_break_but_those_of_each_class():
    spec = DecisionSpec(abstain=AbstainSpec(max_error=0.05, sure=0.95), sets=ConformalSpec(alpha=0.1))
    rare = said(seed=1, shares=(0.02, 0.08, 0.9))
    rare = Predictions(
        rare.ids,
        rare.truth,
        (rare.logits - np.log((0.02, 0.08, 0.9)) + np.log((0.6, 0.3, 0.1))).astype(np.float32),
        rare.labels,
    )
    (text,) = unkept(decided(spec, rare))
    assert "of the answers it gives here are wrong, more than promised. Sets hold the right class in" in text
    assert text.endswith("promises hold for images like those of validation.")
    assert unkept(decided(spec, rare, part="val")) == ()
    assert unkept(decided(DecisionSpec(sets=ConformalSpec(alpha=0.1, scope="class")), rare)) == ()


def test_classes_whose_own_promise_breaks_are_named():
    other = said(seed=1)
    swapped = Predictions(other.ids, np.where(other.truth == 2, 0, other.truth), other.logits, other.labels)
    (text,) = unkept(decided(DecisionSpec(sets=ConformalSpec(alpha=0.1, scope="class")), swapped))
    assert text.startswith("Sets of images of “cat” hold it less often than promised.")


def test_the_sizes_of_sets_by_hand():
    of = decided(DecisionSpec(sets=ConformalSpec(alpha=0.1)))
    frame, sets = sets_frame(of), of.verdicts.sets
    held = sets[np.arange(len(sets)), of.predictions.truth]
    size = sets.sum(axis=1)
    assert [one.size for one in frame.sizes] == list(range(size.min(), size.max() + 1))
    assert [one.share for one in frame.sizes] == [
        pytest.approx((size == n).mean()) for n in range(size.min(), size.max() + 1)
    ]
    assert sum(one.held for one in frame.sizes) == pytest.approx(held.mean()) == frame.coverage.value
    assert frame.empty == pytest.approx((size == 0).mean())
    assert [row.name for row in frame.classes] == list(NAMES) and not frame.by_class
    owl = frame.classes[2]
    assert owl.coverage == pytest.approx(held[of.predictions.truth == 2].mean())
    assert owl.low < owl.coverage < owl.high
    assert frame.begin == 0.5 and [frame.place(share) for share in (0.5, 0.75, 1)] == ["0.0", "50.0", "100.0"]
    assert "svg" in to_svg(draw_set_sizes(frame))


def test_sets_by_class_say_which_have_no_promise_of_their_own():
    policy = fit_policy(said(60), DecisionSpec(sets=ConformalSpec(alpha=0.1, scope="class")), COUNTS)
    frame = sets_frame(measured(policy, said(seed=1)))
    assert frame.by_class and frame.shared == ("owl",)


def test_of_many_classes_the_least_held_are_listed_and_large_sets_share_a_bar():
    shares = np.full(30, 1 / 30)
    val, test = said(3000, 0, shares, 30), said(3000, 1, shares, 30)
    policy = fit_policy(val, DecisionSpec(sets=ConformalSpec(alpha=0.001)), np.full(30, 50))
    frame = sets_frame(measured(policy, test))
    assert len(frame.classes) == 20 and not frame.all_classes
    assert [row.coverage for row in frame.classes] == sorted(row.coverage for row in frame.classes)
    assert frame.sizes[-1].size == SIZES
    assert "svg" in to_svg(draw_set_sizes(frame))


def test_without_sets_there_is_no_frame():
    assert (
        sets_frame(measured(Policy(costs=CostMatrix(((0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0)))), said()))
        is None
    )


def test_of_two_classes_the_one_with_a_threshold_is_shown():
    spec = DecisionSpec(thresholds={"rule": {"kind": "precision_floor", "floor": 0.9}})
    policy = fit_policy(said(800, 0, (0.7, 0.3), 2), spec, np.array([70, 30]))
    of = measured(policy, said(800, 1, (0.7, 0.3), 2))
    found = {change.name: change for change in changes(of)}
    right, caught = found["Answers “c01” that are right"], found["Images of “c01” that are found"]
    named, there = of.verdicts.predicted == 1, of.predictions.truth == 1
    assert right.after.value == pytest.approx(there[named].mean())
    assert caught.after.value == pytest.approx(named[there].mean())
    assert caught.before.value == pytest.approx((of.predictions.logits.argmax(axis=1) == 1)[there].mean())
    assert right.promised.endswith("% on validation")


def test_what_thresholds_withhold_is_shown_too():
    spec = DecisionSpec(thresholds={"rule": {"kind": "precision_floor", "floor": 0.97}})
    found = {change.name: change for change in changes(decided(spec))}
    assert found["Images that are answered"].after.value < 1 and not found["Images that are answered"].promised
    assert found["Wrong among the answers"].after.value < found["Wrong among the answers"].before.value
