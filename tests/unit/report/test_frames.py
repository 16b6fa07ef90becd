"""Frames against values computed by hand: 10 test samples, classes a (6) and b (4)."""

from dataclasses import replace

import numpy as np
import pytest

from sfumato.decided import measure_decisions
from sfumato.decision.abstention import Abstention
from sfumato.decision.calibration import Temperature
from sfumato.decision.doubt.familiar import Familiar
from sfumato.decision.policy import Policy
from sfumato.labels import LabelSpace
from sfumato.metrics.results import ClassRow, Results, measure
from sfumato.predictions import Predictions
from sfumato.report.curves import charts
from sfumato.report.evidence import Measured
from sfumato.report.frames import Majority, class_lists, confusion, headlines, reliabilities, worst_mistakes
from sfumato.report.verdict import failures, reach, trust_in_confidence

TRUTH = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
CHANCE_OF_A = np.array([0.9, 0.9, 0.9, 0.9, 0.9, 0.3, 0.1, 0.22, 0.78, 0.62])


def measured(policy: Policy | None = None) -> Measured:
    policy = policy or Policy(Temperature(1.0, 50))
    logits = np.log(np.stack([CHANCE_OF_A, 1 - CHANCE_OF_A], axis=1)).astype(np.float32)
    predictions = Predictions(tuple("abcdefghij"), TRUTH, logits, LabelSpace(("a", "b")))
    said = policy.apply(logits)
    results = measure(TRUTH, said.predicted, said.confidence, said.abstained, ("a", "b"))
    return Measured("test", predictions, policy, said, results)


def test_the_confusion_is_normalised_by_row():
    frame = confusion(measured().results)
    assert frame.counts == ((5, 1), (2, 2))
    assert frame.shares[0] == pytest.approx((5 / 6, 1 / 6))
    assert frame.shares[1] == (0.5, 0.5)
    assert [(pair.truth, pair.predicted, pair.count, pair.share) for pair in frame.pairs] == [
        ("b", "a", 2, 0.5),
        ("a", "b", 1, pytest.approx(1 / 6)),
    ]
    assert (frame.counted, frame.numbered) == (True, False)


def test_a_large_confusion_is_that_of_its_pairs():
    matrix = np.diag(np.arange(1, 32))
    matrix[3, 7] = 9
    rows = tuple(ClassRow(f"c{i}", int(matrix[i].sum()), 1, 1, 1) for i in range(31))
    frame = confusion(Results(int(matrix.sum()), {}, rows, tuple(map(tuple, matrix.tolist()))))
    assert frame.names == ("c3", "c7") and frame.classes == 31
    assert frame.counts == ((4, 9), (0, 8)) and frame.shares[0] == pytest.approx((4 / 13, 9 / 13))
    assert [(pair.truth, pair.predicted, pair.count) for pair in frame.pairs] == [("c3", "c7", 9)]
    assert frame.pairs[0].share == pytest.approx(9 / 13)


def test_the_mistakes_come_surest_first():
    found = worst_mistakes(measured())
    assert [(m.id, m.truth, m.predicted) for m in found] == [("i", "b", "a"), ("f", "a", "b"), ("j", "b", "a")]
    assert [m.confidence for m in found] == pytest.approx([0.78, 0.7, 0.62], abs=1e-6)


def test_classes_are_listed_by_support_up_to_40():
    rows = tuple(ClassRow(f"c{i}", i, 0.5, 0.5, 0.5) for i in range(40))
    (everything,) = class_lists(rows)
    assert [row.support for row in everything.rows] == list(range(39, -1, -1))


def test_of_more_classes_the_worst_and_the_largest_are_listed():
    rows = tuple(ClassRow(f"c{i}", i, 0.5, 0.5, (i * 7 % 50) / 50) for i in range(50))
    worst, largest = class_lists(rows)
    assert [row.f1 for row in worst.rows] == pytest.approx([i / 50 for i in range(1, 21)])  # c0 has no sample
    assert [row.name for row in largest.rows] == [f"c{i}" for i in range(49, 29, -1)]


def test_reliability_is_shown_before_and_after_calibration():
    before, after = reliabilities(measured(Policy(Temperature(2.0, 50))))
    # confidence 0.9 six times, all right; 0.78 right and wrong; 0.7 and 0.62 wrong
    assert before.error == pytest.approx((6 * 0.1 + 2 * 0.28 + 0.7 + 0.62) / 10, abs=1e-6)
    assert before.bins.count.tolist() == [0] * 9 + [1, 1, 2, 0, 6, 0]
    softened = CHANCE_OF_A.clip(0.5).max() ** 0.5
    assert after.bins.confidence.max() == pytest.approx(softened / (softened + 0.1**0.5), abs=1e-6)
    assert "2.00" in after.title


def test_without_calibration_there_is_one_diagram():
    (only,) = reliabilities(measured(Policy()))
    assert only.title == "Not calibrated"


def test_the_headline_compares_accuracy_with_the_majority():
    first, *others = headlines(measured().results, Majority("a", 0.6))
    assert (first.name, first.score.value) == ("Accuracy", 0.7)
    assert (first.reference.value, first.reference.meaning) == (0.6, "by always naming the most frequent class")
    assert [other.name for other in others] == ["Balanced accuracy", "Macro F1", "Calibration error"]
    assert [other.reference is None for other in others] == [True, True, False]
    assert others[2].reference.value == measured().results.scores["ece_if_calibrated"].high


def test_the_verdict_names_what_fails():
    assert failures(measured().results) == (
        "It fails most on “a”: it finds 5 of 6 such images (83.3 %) and most often takes them for “b” (1 time)."
    )  # b has fewer than 5 samples


def test_the_verdict_does_not_praise_what_chance_could_do():
    text = reach(measured(), Majority("a", 0.6))
    assert text.startswith("On 10 test images it never learned from, it names the right class in 70.0 % of cases")
    assert text.endswith("would reach 60.0 %, so it is not shown to do better than that.")
    assert reach(measured(), Majority("a", 0.1)).endswith("would reach 10.0 %.")


def many_answers(samples: int, claimed: float, right: float) -> Measured:
    """Answers that all claim one confidence."""
    truth = (np.arange(samples) >= right * samples).astype(np.int64)
    logits = np.tile(np.log([claimed, 1 - claimed]), (samples, 1)).astype(np.float32)
    predictions = Predictions(tuple(map(str, range(samples))), truth, logits, LabelSpace(("a", "b")))
    policy = Policy(Temperature(1.0, 50))
    said = policy.apply(logits)
    results = measure(truth, said.predicted, said.confidence, said.abstained, ("a", "b"))
    return Measured("test", predictions, policy, said, results)


@pytest.mark.parametrize(
    ("samples", "claimed", "right", "said"),
    [
        (1000, 0.9, 0.88, "Its confidence can be trusted: it is off by 2.0 percentage points on average."),
        (
            20,
            0.7,
            0.55,
            "Its confidence is not shown to be wrong: it is off by 15.0 percentage points on average, and with so few "
            "images chance alone would make that up to 20.0.",
        ),
        (
            1000,
            0.9,
            0.82,
            "Its confidence is a rough guide: it is off by 8.0 percentage points on average, and on the whole it is "
            "too sure.",
        ),
        (
            1000,
            0.6,
            0.82,
            "Its confidence should not be taken at its word: it is off by 22.0 percentage points on average, and on the "
            "whole it is not sure enough.",
        ),
    ],
)
def test_the_verdict_finds_fault_only_with_what_chance_would_not_do(samples, claimed, right, said):
    assert trust_in_confidence(many_answers(samples, claimed, right)) == f"{said} It answers every image."


def test_honest_confidence_is_rarely_found_fault_with():
    blamed = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        confidence = rng.uniform(0.5, 1, 100)
        truth = (rng.random(100) >= confidence).astype(np.int64)
        logits = np.log(np.stack([confidence, 1 - confidence], axis=1)).astype(np.float32)
        predictions = Predictions(tuple(map(str, range(100))), truth, logits, LabelSpace(("a", "b")))
        said = Policy().apply(logits)
        results = measure(truth, said.predicted, said.confidence, said.abstained, ("a", "b"))
        text = trust_in_confidence(Measured("test", predictions, Policy(), said, results))
        blamed += "rough guide" in text or "at its word" in text
    assert blamed / 60 < 0.15


def test_the_verdict_says_what_is_withheld():
    careful = measured(Policy(Temperature(), Abstention(0.75, 0.1, 0.05, 0.8)))
    assert trust_in_confidence(careful).endswith(
        "(it was not calibrated). It withholds its answer on 20.0 % of the images and is right in 87.5 % "
        "of the others; the recipe asks for at most 10.0 % of wrong answers."
    )


@pytest.mark.parametrize(
    ("abstention", "said"),
    [
        (Abstention(0.0, 0.1, 0.08, 1.0), "It answers every image."),
        (
            Abstention(0.0, 0.1, 0.3, 1.0),
            "It answers every image; the recipe asks for at most 10.0 % of wrong answers, which no threshold reached on "
            "validation.",
        ),
        (
            Abstention(0.0, 0.1, None, 1.0),
            "It answers every image; the recipe asks for at most 10.0 % of wrong answers, and fewer than 10 validation "
            "images can't tell where it should not answer.",
        ),
        (
            Abstention(0.4, 0.1, 0.3, 0.9),
            "It may withhold an answer, and did so on none of these images; the recipe asks for at most 10.0 % of wrong "
            "answers, which no threshold reached on validation.",
        ),
        (
            Abstention(1.0, 0.1, 0.05, 0.1),
            "It withholds its answer on every image; the recipe asks for at most 10.0 % of wrong answers.",
        ),
    ],
)
def test_the_verdict_says_when_the_error_asked_for_was_not_reached(abstention, said):
    assert trust_in_confidence(measured(Policy(Temperature(1.0, 50), abstention))).endswith(said)


def test_the_verdict_says_by_what_it_withholds_and_what_is_strange():
    near = np.array([-3, -1, -2, -9, -8], dtype=np.float32)
    predictions = Predictions(
        tuple("abcde"), np.zeros(5, np.int64), np.ones((5, 2), np.float32), LabelSpace(("a", "b")), familiarity=near
    )

    def said(policy: Policy) -> str:
        verdicts = policy.apply(predictions.logits, near)
        return trust_in_confidence(
            Measured("test", predictions, policy, verdicts, measure_decisions(predictions, policy))
        )

    familiar = Familiar(-5.0, 0.1, 60, "mahalanobis")
    strange = (
        "However sure, it does not answer where an image is too strange, by the Mahalanobis distance of its features "
        "from training images: 40.0 % of these are; at most 10.0 % of images like those of validation should be."
    )
    assert said(Policy(familiar=familiar)).endswith(f"It answers however unsure it is. {strange}")
    assert "No image is too strange for it: 3 validation images" in said(
        Policy(familiar=replace(familiar, threshold=None, samples=3))
    )
    text = said(Policy(abstention=Abstention(0.2, None, 0.0, 0.8, "knn")))
    assert "on 40.0 % of the images, by the distance of its features from the nearest training image, and is" in text


def test_curves_have_the_epochs_that_were_measured():
    rows = tuple(
        {"epoch": e, "train_loss": 3 - e, "val_loss": 2 - e / 2, "ema_loss": 1.0 if e else None, "best": e == 1}
        for e in range(3)
    )
    (loss,) = charts(rows, epochs=5, keyframes=(0.0, 2.0))
    assert [(line.name, line.epochs, line.values) for line in loss.lines] == [
        ("training", (1, 2, 3), (3, 2, 1)),
        ("validation", (1, 2, 3), (2, 1.5, 1)),
        ("EMA", (2, 3), (1, 1)),
    ]
    assert (loss.best, loss.epochs, loss.keyframes) == (2, 5, (0.0, 2.0))


def test_without_history_there_are_no_curves():
    assert charts((), epochs=5, keyframes=()) == ()
