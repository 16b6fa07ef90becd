"""Confusion among classes that share elements, counted by hand, and what tables keep of elements."""

import json

import numpy as np
import pytest

from sfumato.decided import measure_decisions
from sfumato.decision.policy import Policy
from sfumato.labels import Label, LabelSpace
from sfumato.metrics.elements import akin, measure_elements, shows
from sfumato.metrics.results import Results
from sfumato.predictions import Predictions
from sfumato.report.element_frames import element_frame

DETAILS = (
    Label("gust", elements=("wind",)),
    Label("isobars", elements=("wind", "pressure")),
    Label("low", elements=("pressure",)),
    Label("rain", elements=("rain",)),
    Label("logo"),
)
SPACE = LabelSpace(tuple(label.id for label in DETAILS), DETAILS)
TRUTH = np.array([0, 0, 0, 1, 1, 2, 3, 3, 4, 4])
SAID = np.array([0, 1, 1, 2, 1, 0, 3, 4, 4, 0])


def test_who_shows_what_and_is_akin_to_whom():
    assert SPACE.elements == ("wind", "pressure", "rain")
    assert shows(SPACE).astype(int).tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert akin(SPACE).sum() == 4 and akin(SPACE)[0, 1] and akin(SPACE)[1, 2] and not akin(SPACE)[0, 2]


def test_the_counts_are_those_of_a_hand():
    found = measure_elements(TRUTH, SAID, SPACE)
    assert (found.wrong, found.within) == (6, 3)
    wind, pressure, rain = found.rows
    assert (wind.classes, wind.support, wind.within, wind.outside) == (2, 5, 2, 1)
    assert wind.accuracy.value == pytest.approx(2 / 5) and wind.accuracy.low < 0.4 < wind.accuracy.high
    assert (pressure.classes, pressure.support, pressure.within, pressure.outside) == (2, 3, 1, 1)
    assert (rain.classes, rain.support, rain.within, rain.outside) == (1, 2, 0, 1)
    first, second = found.pairs
    assert (first.truth, first.predicted, first.count, first.share) == ("gust", "isobars", 2, 2 / 3)
    assert first.elements == ("wind",) and second.elements == ("pressure",) and second.count == 1


def test_an_element_without_a_sample_and_classes_without_elements():
    assert measure_elements(TRUTH[:1], SAID[:1], SPACE).rows[2].accuracy is None
    assert measure_elements(TRUTH, SAID, LabelSpace(SPACE.names)) is None


def test_tables_results_and_the_report_keep_elements(tmp_path):
    logits = np.full((10, 5), -3, dtype=np.float32)
    logits[np.arange(10), SAID] = 3
    table = Predictions(tuple(map(str, range(10))), TRUTH, logits, SPACE)
    table.write(tmp_path / "said.parquet")
    again = Predictions.read(tmp_path / "said.parquet")
    assert again.labels.elements == SPACE.elements and again.labels.labels[1].elements == ("wind", "pressure")
    results = measure_decisions(again, Policy())
    assert Results.from_dict(json.loads(json.dumps(results.to_dict()))) == results
    frame = element_frame(results)
    assert frame.sentence.startswith("3 of 6 wrong answers name a class that shares an element")
    assert [row.name for row in frame.rows] == ["pressure", "wind"] and len(frame.pairs) == 2
    plain = Predictions(table.ids, TRUTH, logits, LabelSpace(SPACE.names))
    plain.write(tmp_path / "plain.parquet")
    results = measure_decisions(Predictions.read(tmp_path / "plain.parquet"), Policy())
    assert results.elements is None and "elements" not in results.to_dict() and element_frame(results) is None
