"""Thresholds on the page and in the terminal: the same figures as the policy's, and words for what can't be told."""

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.report.test_answering import drawn_by_chance, measured

from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.policy import Policy
from sfumato.decision.policy_fit import fit_policy
from sfumato.decision.thresholds.rules import EqualError, FBeta, LeastCost, PrecisionFloor, RecallFloor, Youden
from sfumato.decision.thresholds.threshold_spec import ThresholdSpec
from sfumato.labels import LabelSpace
from sfumato.predictions import Predictions
from sfumato.report.page import write_report
from sfumato.report.svg import to_svg
from sfumato.report.threshold_table import LISTED, threshold_frame
from sfumato.report.threshold_words import rule_words, threshold_notes
from sfumato.report.two_classes import two_class_frame
from sfumato.report.two_classes_picture import draw_thresholds
from sfumato.report.verdict import trust_in_confidence
from sfumato.tasks import TaskLayout


def fitted(truth, p, classes, **asked) -> Policy:
    labels = LabelSpace(tuple(f"c{i}" for i in range(classes)))
    said = Predictions(tuple(map(str, range(len(truth)))), truth, np.log(p).astype(np.float32), labels)
    spec = DecisionSpec(calibration="none", thresholds=ThresholdSpec(**asked))
    return fit_policy(said, spec, np.bincount(truth, minlength=classes))


def many_by_chance(samples=900, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(classes, 0.8), samples)
    return (rng.random((samples, 1)) > p.cumsum(axis=1)).sum(axis=1).clip(0, classes - 1), p


def notes(policy: Policy, classes: int, task: str = "") -> str:
    (line,) = threshold_notes({task: policy}, TaskLayout({task: LabelSpace(tuple(f"c{i}" for i in range(classes)))}))
    return line


def test_of_two_classes_the_dot_and_the_band_are_those_of_the_policy():
    truth, p = drawn_by_chance(samples=400)
    policy = fitted(truth, p, 2)
    row = policy.thresholds.fitted.classes[0]
    other_truth, other_p = drawn_by_chance(samples=600, seed=9)
    found = measured(other_truth, other_p, policy)
    frame = two_class_frame(found)
    named = other_p[:, 1] >= row.threshold
    assert frame.name == "c1" and frame.chosen.threshold == row.threshold and frame.stable == (row.low, row.high)
    assert frame.chosen.precision == pytest.approx(other_truth[named].mean())
    assert frame.chosen.recall == pytest.approx(named[other_truth == 1].mean())
    bare = replace(frame, stable=None)
    assert len(to_svg(draw_thresholds(frame))) > len(to_svg(draw_thresholds(bare)))


def test_the_class_that_has_the_threshold_is_drawn_though_it_be_the_commoner():
    truth, p = drawn_by_chance(samples=400)
    found = measured(truth, p, fitted(truth, p, 2, positive="c0"))
    assert two_class_frame(found).name == "c0" and two_class_frame(measured(truth, p)).name == "c1"


def test_the_table_has_a_row_a_class_with_the_figures_of_validation():
    truth, p = many_by_chance()
    policy = fitted(truth, p, 4, rule=PrecisionFloor(floor=0.7))
    frame = threshold_frame(measured(*many_by_chance(seed=3), policy))
    assert [row.name for row in frame.rows] == ["c0", "c1", "c2", "c3"] and "withheld" in frame.does
    assert tuple(row.fitted for row in frame.rows) == policy.thresholds.fitted.classes
    assert (frame.samples, frame.classes, frame.shared) == (900, 4, policy.thresholds.fitted.shared)
    assert threshold_frame(measured(truth, p)) is None


def test_of_very_many_classes_the_highest_thresholds_are_shown():
    truth, p = many_by_chance(classes=60)
    frame = threshold_frame(measured(truth, p, fitted(truth, p, 60, rule=PrecisionFloor(floor=0.5))))
    shown = [row.fitted.threshold for row in frame.rows]
    assert len(shown) == LISTED and shown == sorted(shown, reverse=True) and frame.classes == 60


def test_the_terminal_says_what_was_chosen_and_how_sure_that_is():
    truth, p = drawn_by_chance(samples=400)
    policy = fitted(truth, p, 2)
    row = policy.thresholds.fitted.classes[0]
    line = notes(policy, 2)
    assert line.startswith(f"decision.thresholds: 'c1' from {row.threshold:.3f} on, else 'c0'; greatest F1 on 400 val")
    assert line.endswith(f", {row.low:.3f} to {row.high:.3f} in resamples of them")
    assert notes(policy, 2, "gate").startswith("decision.thresholds.gate: ")
    assert "too few validation images to tell" in notes(fitted(truth[:9], p[:9], 2, positive="c1"), 2)
    assert notes(fitted(truth, p, 2, rule=LeastCost(miss=3.0)), 2).endswith("least cost, 1 a false alarm and 3 a miss")
    blind = fitted(np.random.default_rng(0).permutation(truth), p, 2)
    assert notes(blind, 2).endswith("its images are not shown to score above the others")
    truth, p = many_by_chance()
    assert notes(fitted(truth, p, 4), 4).startswith("decision.thresholds: answers are withheld below c0 0.")
    p[:, 3] = np.minimum(p[:, 3], 0.9 * p[:, :3].max(axis=1))
    assert notes(fitted(truth, p, 4), 4).endswith("; of c3 no image reaches it")
    truth, p = many_by_chance(classes=12)
    assert "thresholds.json has each" in notes(fitted(truth, p, 12), 12)


def test_every_rule_has_words():
    rules = [FBeta(), FBeta(beta=2.0), Youden(), EqualError(), PrecisionFloor(floor=0.9), RecallFloor(floor=0.9)]
    assert len({rule_words(rule) for rule in [*rules, LeastCost()]}) == 7


def test_the_verdict_says_which_answers_are_given():
    truth, p = drawn_by_chance(samples=400)
    said = trust_in_confidence(measured(truth, p, fitted(truth, p, 2)))
    assert "It answers every image. It answers “c1” from a probability of 0." in said
    truth, p = many_by_chance()
    said = trust_in_confidence(measured(truth, p, fitted(truth, p, 4, rule=PrecisionFloor(floor=0.8))))
    assert "It withholds its answer on" in said and "class by class: precision of at least 80.0 %" in said


@pytest.mark.parametrize("rule", [FBeta(), Youden()])
def test_the_page_of_two_classes_has_the_table_and_no_trade_off(rule, make_run):
    spec = DecisionSpec(thresholds=ThresholdSpec(rule=rule))
    page = write_report(make_run(trained=(60, 20), decision=spec, pictures=False)).read_text(encoding="utf-8")
    assert f"<h3>Thresholds <span>{rule_words(rule)}</span></h3>" in page and "else “a”" in page
    assert "The grey band holds 95 %" in page and "Accuracy against macro-F1" not in page


def test_the_page_of_more_says_that_answers_are_withheld(make_run):
    spec = DecisionSpec(thresholds=ThresholdSpec(rule=PrecisionFloor(floor=0.9)))
    folder = make_run(("a", "b", "c"), decision=spec, pictures=False, val=90)
    page = write_report(folder).read_text(encoding="utf-8")
    assert "and withheld below this probability. Chosen on 90 validation images" in page
