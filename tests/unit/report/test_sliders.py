"""Figures at another threshold are those counted anew, at every step."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from sfumato.labels import LabelSpace
from sfumato.multilabel_predictions import MultilabelPredictions
from sfumato.report.evidence import LabelsMeasured, read_evidence
from sfumato.report.page import render
from sfumato.report.sliders import STEPS, sliders


def test_naming_one_of_two(make_run):
    measured = read_evidence(make_run(pictures=False, test=300)).measured
    naming, answering = sliders(measured)
    (counts,) = naming.counts
    place = measured.predictions.labels.index(counts.name)
    p, there = measured.verdicts.probabilities[:, place], measured.predictions.truth == place
    assert counts.samples == 300 and counts.start == 500
    for step in [0, 1, 250, 500, 501, 777, 999, STEPS]:
        named = p >= step / STEPS
        found = counts.figures(step)
        assert found["named"] == pytest.approx(named.mean()) and found["recall"] == pytest.approx(named[there].mean())
        if named.any():
            assert found["precision"] == pytest.approx(there[named].mean())
        else:
            assert found["precision"] is None
    right = measured.verdicts.predicted == measured.predictions.truth
    for step in [0, 500, 600, 900]:
        given = measured.verdicts.confidence >= step / STEPS
        found = answering.counts[0].figures(step)
        assert found["answered"] == pytest.approx(given.mean())
        assert found["right among them"] == pytest.approx(right[given].mean() if given.any() else None)


def test_samples_of_which_a_class_is_not_known_count_neither_way():
    truth, p = np.array([[1, 0], [-1, 1], [0, -1]], dtype=np.int8), np.array([[0.9, 0.1], [0.8, 0.7], [0.6, 0.9]])
    said = MultilabelPredictions(("x", "y", "z"), truth, p.astype(np.float32), LabelSpace(("a", "b")))
    policy, verdicts = SimpleNamespace(thresholds=SimpleNamespace(values=(0.5, 0.5))), SimpleNamespace(probabilities=p)
    measured = LabelsMeasured("test", said, cast(Any, policy), cast(Any, verdicts), cast(Any, None))
    (naming,) = sliders(measured)
    first, second = naming.counts
    assert [first.samples, second.samples] == [2, 2]
    assert first.figures(500) == {"precision": 0.5, "recall": 1.0, "F1": pytest.approx(2 / 3), "named": 1.0}
    assert second.figures(500)["precision"] == 1.0


def test_a_score_on_a_step_is_named_there():
    from sfumato.report.sliders import _counts

    steps = np.arange(STEPS + 1)
    counts = _counts("a", 0.5, steps / STEPS, steps % 2 == 0)
    assert [at for at, _, _ in counts.bins] == steps.tolist()


def test_of_more_classes_there_is_answering_alone(make_run):
    evidence = read_evidence(make_run(("a", "b", "c"), pictures=False))
    assert [one.kind for one in sliders(evidence.measured)] == ["answering"]
    page = render(evidence)
    assert page.count('class="slider"') == 1 and "<dt>answered</dt><dd>1.000</dd>" in page
    assert "onclick" not in page and page.count("<script>") == 1
