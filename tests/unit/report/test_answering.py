"""Risk against coverage and the curves of two classes: every point against a count by hand, and what is drawn of it."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_recall_curve, precision_score, recall_score

from sfumato.decided import measure_decisions
from sfumato.decision.abstention import Abstention
from sfumato.decision.policy import Policy
from sfumato.labels import LabelSpace
from sfumato.metrics.selective import aurc
from sfumato.predictions import Predictions
from sfumato.report.evidence import Measured
from sfumato.report.risk_coverage import POINTS, Answering, risk_coverage_frame
from sfumato.report.risk_coverage_picture import draw_risk_coverage
from sfumato.report.svg import to_svg
from sfumato.report.two_classes import two_class_frame
from sfumato.report.two_classes_picture import draw_precision_recall, draw_thresholds


def measured(truth, probabilities, policy=None, trained=None) -> Measured:
    """Of two classes or more, by the probabilities that softmax makes of the logits."""
    probabilities = np.asarray(probabilities, dtype=float)
    names = tuple(f"c{i}" for i in range(probabilities.shape[1]))
    logits = np.log(probabilities).astype(np.float32)
    said = Predictions(tuple(map(str, range(len(truth)))), np.asarray(truth), logits, LabelSpace(names))
    policy = policy or Policy()
    counts = None if trained is None else np.asarray(trained)
    return Measured("test", said, policy, policy.apply(logits), measure_decisions(said, policy, counts))


def drawn_by_chance(samples=500, share=0.2, seed=3):
    rng = np.random.default_rng(seed)
    truth = (rng.random(samples) < share).astype(np.int64)
    p = np.clip(0.35 * truth + rng.beta(1.5, 3, samples), 0.01, 0.99)
    return truth, np.stack([1 - p, p], axis=1)


def of_two(p):
    return [[1 - one, one] for one in p]


def test_the_curve_and_its_dot_by_hand():
    found = measured([0, 0, 1, 1], of_two([0.1, 0.8, 0.7, 0.4]), Policy(abstention=Abstention(0.75, 0.5, 0.5, True)))
    frame = risk_coverage_frame(found)  # by sureness .9 right, .8 wrong, .7 right, .6 wrong
    assert frame.points == (
        Answering(0.25, 0),
        Answering(0.5, 0.5),
        Answering(0.75, pytest.approx(1 / 3)),
        Answering(1, 0.5),
    )
    assert frame.chosen == Answering(0.5, 0.5)
    assert (frame.area, frame.error) == (pytest.approx((0.5 + 1 / 3 + 0.5) / 4), 0.5)
    assert frame.least == pytest.approx((1 / 3 + 1 / 2) / 4)


def test_the_curve_is_by_what_the_policy_withholds_by():
    said = measured([0, 1, 1], of_two([0.1, 0.2, 0.9]))
    near = np.array([-3, -1, -2], dtype=np.float32)
    policy = Policy(abstention=Abstention(0.3, None, 0.0, 0.8, "knn"))
    predictions = replace(said.predictions, familiarity=near)
    verdicts = policy.apply(predictions.logits, near)
    frame = risk_coverage_frame(replace(said, predictions=predictions, policy=policy, verdicts=verdicts))
    assert [point.risk for point in frame.points] == pytest.approx([1, 1 / 2, 1 / 3])  # the nearest one is wrong
    assert frame.chosen == Answering(pytest.approx(2 / 3), pytest.approx(1 / 2))
    assert frame.by == "the distance of its features from the nearest training image"
    assert risk_coverage_frame(said).by == "its confidence"


def test_a_long_curve_is_thinned_and_its_area_is_that_of_all():
    truth, p = drawn_by_chance(5000)
    frame, found = risk_coverage_frame(measured(truth, p)), measured(truth, p).verdicts
    assert len(frame.points) == POINTS and frame.points[-1].coverage == 1
    assert frame.area == pytest.approx(aurc(found.confidence, found.predicted == truth))
    assert frame.chosen == Answering(1, pytest.approx(frame.error)) == frame.points[-1]


def test_without_a_mistake_or_an_answer_there_is_no_curve_or_no_dot():
    assert risk_coverage_frame(measured([0, 1], of_two([0.1, 0.9]))) is None
    silent = measured([0, 0], of_two([0.1, 0.9]), Policy(abstention=Abstention(0.99, 0.1, 0.5, False)))
    assert risk_coverage_frame(silent).chosen is None
    assert "svg" in to_svg(draw_risk_coverage(risk_coverage_frame(silent)))


def test_two_classes_are_cut_as_scikit_learn_does():
    truth, p = drawn_by_chance(300)
    found = measured(truth, p)
    frame, scores = two_class_frame(found), found.verdicts.probabilities[:, 1]
    precision, recall, at = precision_recall_curve(truth, scores)
    np.testing.assert_allclose([one.precision for one in frame.namings], precision[-2::-1])
    np.testing.assert_allclose([one.recall for one in frame.namings], recall[-2::-1])
    lower = np.array([one.threshold for one in frame.namings])
    assert (lower <= at[::-1]).all() and (lower[:-1] > at[-2::-1]).all()
    named = scores >= frame.best.threshold
    assert frame.best.f1 == pytest.approx(f1_score(truth, named)) == max(one.f1 for one in frame.namings)
    answers = (truth, found.verdicts.predicted)
    assert frame.chosen.threshold == 0.5
    assert frame.chosen.precision == pytest.approx(precision_score(*answers))
    assert (frame.chosen.recall, frame.chosen.f1) == pytest.approx((recall_score(*answers), f1_score(*answers)))
    assert frame.area == found.results.classes[1].average_precision


@pytest.mark.parametrize(
    ("truth", "trained", "name"),
    [
        ([0, 0, 1], None, "c1"),  # fewer here
        ([0, 1, 1], None, "c0"),
        ([0, 1, 1], (90, 10), "c1"),  # fewer in training, which comes first
        ([0, 1], None, "c1"),  # as many: the second, as a rule the positive one
    ],
)
def test_the_rarer_class_is_the_one_to_name(truth, trained, name):
    assert two_class_frame(measured(truth, of_two([0.4] * len(truth)), trained=trained)).name == name


def test_only_two_classes_with_an_image_each_have_curves():
    assert two_class_frame(measured([0, 0], of_two([0.4, 0.6]))) is None
    assert two_class_frame(measured([0, 1, 2], np.full((3, 3), 1 / 3))) is None


def test_everything_is_drawn():
    frame = two_class_frame(measured(*drawn_by_chance()))
    assert [text for text in ("recall", "precision") if text in to_svg(draw_precision_recall(frame))]
    assert "threshold" in to_svg(draw_thresholds(frame))
